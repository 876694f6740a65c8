"""From a request to a page function and back: who may see it, whether a form came from us, what to show if not."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple
from urllib.parse import quote, urlsplit

import anyio.to_thread
import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from tocsin.application.access import Right
from tocsin.application.errors import ErrorCode, Refused, forbidden
from tocsin.dashboard import answering, csrf, encoding, opening
from tocsin.dashboard.cookies import Way
from tocsin.dashboard.forms import Fields, read_form
from tocsin.dashboard.page import Page
from tocsin.dashboard.site import Site

_log = structlog.get_logger(__name__)
View = Callable[..., Response]
_OURS_ALONE = forbidden(
    "This form did not come from this Tocsin, or is too old. Load the page again, and send it once more."
)
_TOO_OLD = forbidden("This form was opened before you last signed in or out. Look it over, and send it once more.")
#: Microseconds of a core that an answer takes before and after its thread.
_AROUND = 1_000
_LOST = Refused(500, ErrorCode.SERVER_ERROR, "Something went wrong on our side. Try again later.")


class _Entry(NamedTuple):
    path: str
    view: View
    method: str
    right: Right | None
    again: View | None


class Pages:
    """The pages of one area. Functions take a `Page`, and the parameters of their address by name:

    pages = Pages()

    @pages.get("/tenants/{tenant}")
    def show(page: Page, tenant: str) -> Response: ...

    @pages.post("/tenants/{tenant}", again=show)
    def rename(page: Page, tenant: str) -> Response: ...
    """

    def __init__(self) -> None:
        self._entries: list[_Entry] = []

    def get(self, path: str, *, right: Right | None = Right.READ) -> Callable[[View], View]:
        """`right` None: the page is public, and `page.who` may be None."""
        return self._add(path, "GET", right, None)

    def post(
        self, path: str, *, right: Right | None = Right.WRITE, again: View | None = None
    ) -> Callable[[View], View]:
        """`again`: the page function that shows the form, called when what was sent is refused; its templates find the
        sentence in `page.wrong(field)` and `page.problem`, and what was typed in `page.form`."""
        return self._add(path, "POST", right, again)

    def routes(self, site: Site) -> list[Route]:
        return [Route(entry.path, partial(_serve, site, entry), methods=[entry.method]) for entry in self._entries]

    def addresses(self, method: str = "GET") -> list[tuple[str, Right | None]]:
        """Where the pages are, or what their forms lead to, each with the right that it needs."""
        return [(entry.path, entry.right) for entry in self._entries if entry.method == method]

    def _add(self, path: str, method: str, right: Right | None, again: View | None) -> Callable[[View], View]:
        def add(view: View) -> View:
            self._entries.append(_Entry(path, view, method, right, again))
            return view

        return add


async def _serve(site: Site, entry: _Entry, request: Request) -> Response:
    refusal, form = None, Fields()
    if entry.method == "POST":
        try:
            form = await read_form(request)
        except Refused as refused:
            refusal = refused
    return await anyio.to_thread.run_sync(_answer, site, entry, request, form, refusal, limiter=site.threads)


def _answer(site: Site, entry: _Entry, request: Request, form: Fields, refusal: Refused | None) -> Response:
    """In a thread: the whole page."""
    page = opening.open_page(site, request, form)
    try:
        if refusal is not None:
            return _failed(page, refusal)
        if entry.method == "POST":
            _check_origin(page)
        return _admitted(page, entry)
    except Refused as refused:
        return _failed(page, refused)
    except Exception as error:  # noqa: BLE001 -- the last resort: logged in full, and told without a detail
        _log.exception("page_failed", error=type(error).__name__, method=request.method, path=request.url.path)
        return _failed(page, _LOST)


def _admitted(page: Page, entry: _Entry) -> Response:
    if entry.right is None:
        return opening.remembered(page, _made(page, entry))
    if page.who is None:
        return _to_sign_in(page)
    if page.who.workspace is None:
        return opening.remembered(page, page.render("no-workspace.html"))
    page.who.principal.require(entry.right)
    if page.change is not None:
        return _live(page, entry)
    return opening.remembered(page, _made(page, entry))


def _made(page: Page, entry: _Entry) -> Response:
    try:
        if entry.method == "POST":
            _check_token(page)
        return entry.view(page, **page.request.path_params)
    except Refused as refused:
        if entry.again is None or refused is _OURS_ALONE:
            raise
        page.refusal = refused
        return entry.again(page, **page.request.path_params)


def _live(page: Page, entry: _Entry) -> Response:
    """The live parts of a page, made once for all who look at it alike."""
    accepted = encoding.wanted(page.request.headers.get("accept-encoding", ""))
    visitor = page.visitor
    key = (page.workspace_id, visitor.principal.role, page.zone, page.path, accepted)
    fragments, hub = page.site.fragments, page.site.hub
    response = fragments.get(
        key, page.change or 0, page.now, lambda: _made(opening.know_whole(page), entry), may_wait=hub.is_spent
    )
    hub.spent(page.workspace_id, page.path, (page.took() + _AROUND) / 1_000_000)
    return Response(response.body, response.status_code, dict(response.headers))


def _check_origin(page: Page) -> None:
    """Raises `Refused` where the browser says that a form was sent from another site, or could not stay signed in."""
    if page.request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise _OURS_ALONE
    if page.way is Way.REFUSED:
        raise forbidden(opening.NO_COOKIES)


def _check_token(page: Page) -> None:
    """Raises `Refused` where a form holds no token made for this visitor. What the browser vouches for may be shown
    again, as it was typed: it was opened in another session."""
    keys = page.site.services.secrets.signing_keys
    if not csrf.is_right(keys, page.visitor_name, page.form.text(csrf.FIELD)):
        raise _TOO_OLD if page.request.headers.get("sec-fetch-site") == "same-origin" else _OURS_ALONE


def _to_sign_in(page: Page) -> Response:
    if page.change is not None:
        return Response(status_code=401, headers=answering.HEADERS)
    wanted = page.path if page.request.method == "GET" else _form_of(page)
    after = f"?next={quote(wanted, safe='/')}" if wanted != "/" else ""
    return RedirectResponse(f"/sign-in{after}", 303, headers=answering.HEADERS)


def _form_of(page: Page) -> str:
    """The page that what was sent stood on."""
    parts = urlsplit(page.request.headers.get("referer", ""))
    return (parts.path or "/") if parts.netloc == page.request.url.netloc else "/"


def _failed(page: Page, refusal: Refused) -> Response:
    page.refusal, page.change = refusal, None
    response = page.render("error.html", refusal.status)
    if refusal.retry_after is not None:
        response.headers["Retry-After"] = str(refusal.retry_after)
    return response
