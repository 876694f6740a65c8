"""The dashboard as a list of routes."""

from collections.abc import Awaitable, Callable

import anyio.to_thread
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tocsin.api.services import Services
from tocsin.application.errors import not_found
from tocsin.dashboard import answering, opening
from tocsin.dashboard.assets import Assets
from tocsin.dashboard.forms import Fields
from tocsin.dashboard.fragments import Fragments
from tocsin.dashboard.inside import PREFIX, Inside
from tocsin.dashboard.live import Hub
from tocsin.dashboard.page import Page
from tocsin.dashboard.pages import AREAS, public
from tocsin.dashboard.rendering import Templates
from tocsin.dashboard.router import Pages
from tocsin.dashboard.site import Site

#: The address of a page, as far as it matters to tell one from another.
_LONGEST = 2_000
_STREAM = {**answering.HEADERS, "X-Accel-Buffering": "no"}


def dashboard_routes(
    services: Services, api: ASGIApp, hub: Hub, tick_lag: Callable[[], float] | None = None
) -> list[BaseRoute]:
    """`api`: the management API, through which pages change anything."""
    assets = Assets()
    site = Site(services, Inside(api), Templates(assets), assets, hub, Fragments(), tick_lag)
    routes: list[BaseRoute] = [assets.route(), Route("/live", _live(site), methods=["GET"])]
    for pages in (*AREAS, public.badges):
        routes += pages.routes(site)
    return [*routes, *(_Nowhere(route) for route in _nowhere.routes(site))]


_nowhere = Pages()


@_nowhere.get("/{path:path}", right=None)
def _show_nowhere(page: Page, path: str) -> Response:
    raise not_found("Page")


class _Nowhere(BaseRoute):
    """Any other address that a browser asks for: people are told on a page, programs by the API."""

    def __init__(self, route: Route) -> None:
        self._route = route

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        is_page = scope["type"] == "http" and not scope["path"].startswith(f"{PREFIX}/")
        if is_page and "text/html" in Headers(scope=scope).get("accept", ""):
            return self._route.matches(scope)
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._route.handle(scope, receive, send)


def _live(site: Site) -> Callable[[Request], Awaitable[Response]]:
    async def live(request: Request) -> Response:
        """Tells who is signed in when to ask for the page `at` anew, as server-sent events."""
        page = await anyio.to_thread.run_sync(opening.open_page, site, request, Fields(), limiter=site.threads)
        if page.who is None or page.who.workspace is None:
            return Response(status_code=401, headers=answering.HEADERS)
        stream = site.hub.stream(page.workspace_id, page.query.text("at")[:_LONGEST])
        return StreamingResponse(stream, headers=_STREAM, media_type="text/event-stream")

    return live
