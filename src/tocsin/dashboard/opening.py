"""How a request becomes a `Page`, and what the browser is asked to remember when it is answered."""

from starlette.requests import Request
from starlette.responses import Response

from tocsin.application import credentials
from tocsin.clock import effort
from tocsin.dashboard import cookies
from tocsin.dashboard.cookies import Way
from tocsin.dashboard.forms import Fields, parse_query
from tocsin.dashboard.page import Page, notices_of
from tocsin.dashboard.site import Site
from tocsin.dashboard.visitors import Visitor, find_visitor
from tocsin.store import people
from tocsin.store.attempts import write_with_retries

NO_COOKIES = (
    "This page came over plain HTTP from another machine, where anybody on the way could take over your session. Put a "
    "proxy that speaks TLS in front of Tocsin and set TOCSIN_BASE_URL to its https address; or set "
    "TOCSIN_INSECURE_HTTP=1 on a network that you trust."
)
_LIVE_HEADER = "tocsin-live"


def open_page(site: Site, request: Request, form: Fields) -> Page:
    took = effort()
    now = site.services.clock.now()
    way = cookies.way_of(request, site.services.settings)
    change = _change(request)
    who = _who(site, request, way, now, is_brief=change is not None)
    visit = request.cookies.get(cookies.visit_name(way), "") or credentials.new_secret()
    page = Page(site, request, way, now, who, visit, parse_query(request), form, took=took)
    page.notices = notices_of(request)
    page.change = change
    return page


def know_whole(page: Page) -> Page:
    """The page, with all that is known of who looks: what was asked for briefly has to be made after all."""
    page.who = _who(page.site, page.request, page.way, page.now)
    return page


def remembered(page: Page, response: Response) -> Response:
    """The answer, with the cookies that go with it; what others keep for everybody carries none."""
    if response.headers.get("cache-control", "").startswith("public"):
        return response
    if page.notices and response.status_code == 200:  # each is shown once
        cookies.forget(response, page.way, cookies.NOTICE)
    if page.who is None and page.way is not Way.REFUSED:
        cookies.keep(response, page.way, cookies.visit_name(page.way), page.visit)
    elif page.who is not None and page.who.is_stale and "set-cookie" not in response.headers:
        _renew(page, response, page.who)
    return response


def sign_in(page: Page, response: Response, user_id: int, workspace_id: int | None, session_id: int) -> Response:
    """The answer, with the cookie that keeps this session."""
    secrets = page.site.services.secrets
    made = credentials.sign_cookie(secrets.signing_key, page.now, user_id, workspace_id, session_id)
    cookies.keep(response, page.way, cookies.session_name(page.way), made.text, cookies.SESSION_DAYS * cookies.DAY)
    cookies.forget(response, page.way, cookies.visit_name(page.way))
    return response


def _change(request: Request) -> int | None:
    """The number of the change that this request for live parts follows; None: it is for a whole page."""
    change = request.headers.get(_LIVE_HEADER, "")
    is_number = change.isascii() and change.isdecimal() and len(change) < 16
    return int(change) if is_number and request.method == "GET" else None


def _who(site: Site, request: Request, way: Way, now: int, *, is_brief: bool = False) -> Visitor | None:
    cookie = request.cookies.get(cookies.session_name(way), "")
    if not cookie or way is Way.REFUSED:
        return None
    with site.services.store.read() as connection:
        return find_visitor(connection, site.services.secrets, cookie, now, is_brief=is_brief)


def _renew(page: Page, response: Response, who: Visitor) -> None:
    """Who comes every day stays signed in."""
    principal = who.principal
    user_id, session_id = principal.user_id or 0, principal.session_id or 0
    until = page.now + cookies.SESSION_DAYS * cookies.DAY * 1_000_000
    write_with_retries(
        page.site.services.store, lambda connection: people.prolong_session(connection, session_id, until)
    )
    sign_in(page, response, user_id, principal.workspace_id, session_id)
