"""What needs no signing in: badges and status pages, for whoever has the link. Cheap, kept for seconds, counted."""

from collections.abc import Callable

from starlette.responses import Response

from tocsin.application.errors import not_found, rate_limited
from tocsin.dashboard import answering, encoding
from tocsin.dashboard.badges import as_json, as_svg
from tocsin.dashboard.page import Page
from tocsin.dashboard.router import Pages
from tocsin.store import Connection
from tocsin.store.public_links import PublicLink, find_link
from tocsin.store.views_status import StatusPage, standing, status_page

pages = Pages()
#: What is no page: pictures, and data.
badges = Pages()
_KEPT = "public, max-age=30"
_TYPES = {"svg": "image/svg+xml", "json": "application/json"}


@badges.get("/badge/{name}", right=None)
def show_badge(page: Page, name: str) -> Response:
    token, _, form = name.rpartition(".")
    if form not in _TYPES:
        raise not_found("Badge")

    def make(connection: Connection, link: PublicLink) -> Response:
        found = standing(connection, link, page.now)
        body = as_svg(found, link.title) if form == "svg" else as_json(found, link.title)
        return Response(body, headers=_headers(page), media_type=_TYPES[form])

    return _public(page, "badge", token, form, make)


@pages.get("/status/{token}", right=None)
def show_status(page: Page, token: str) -> Response:
    def make(connection: Connection, link: PublicLink) -> Response:
        found = status_page(connection, link, page.now)
        text = page.for_anybody().text("status.html", status=found, verdict=_verdict(found), rate=_rate(found))
        answer = answering.html(page.request, text)
        answer.headers["Cache-Control"] = _KEPT
        return answer

    accepted = encoding.wanted(page.request.headers.get("accept-encoding", ""))
    return _public(page, "status", token, f"{page.zone} {page.theme} {accepted}", make)


def _public(
    page: Page, kind: str, token: str, form: str, make: Callable[[Connection, PublicLink], Response]
) -> Response:
    """Made once for all who look within some seconds."""
    client = page.request.client
    if wait := page.site.turnstile.wait(client.host if client else "", page.now):
        raise rate_limited(wait)

    def find() -> Response:
        store = page.site.services.store
        with store.read() as connection:
            link = find_link(connection, kind, token)
        if link is None:
            raise not_found("Badge" if kind == "badge" else "Status page")
        with store.of(link.workspace_id).read() as connection:
            return make(connection, link)

    kept = page.site.fragments.get((kind, token, form), 0, page.now, find)
    return Response(kept.body, kept.status_code, dict(kept.headers))


def _headers(page: Page) -> dict[str, str]:
    """A picture may be shown on any page."""
    return {**answering.HEADERS, "Cache-Control": _KEPT, "Cross-Origin-Resource-Policy": "cross-origin"}


def _rate(status: StatusPage) -> float | None:
    """Of the runs of all these days, how many came and went well, in percent."""
    went_well = sum(day.outcomes.ok for day in status.days)
    judged = went_well + sum(day.outcomes.failed for day in status.days)
    return 100 * went_well / judged if judged else None


def _verdict(status: StatusPage) -> str:
    if not status.total:
        return "Nothing is watched here yet"
    if not status.behind:
        return "Everything is on time"
    if status.behind == 1:
        return f"{status.services[0].name} is behind"
    return f"{status.behind} of {status.total} services are behind"
