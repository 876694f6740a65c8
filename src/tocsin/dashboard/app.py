"""The dashboard as a list of routes."""

from collections.abc import Awaitable, Callable

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from tocsin.api.services import Services
from tocsin.dashboard import answering, opening
from tocsin.dashboard.assets import Assets
from tocsin.dashboard.forms import Fields
from tocsin.dashboard.fragments import Fragments
from tocsin.dashboard.inside import Inside
from tocsin.dashboard.live import Hub
from tocsin.dashboard.pages import AREAS
from tocsin.dashboard.rendering import Templates
from tocsin.dashboard.site import Site
from tocsin.dashboard.vitals import Vitals

_STREAM = {**answering.HEADERS, "X-Accel-Buffering": "no"}


def dashboard_routes(services: Services, api: ASGIApp, hub: Hub, vitals: Vitals) -> list[BaseRoute]:
    """`api`: the management API, through which pages change anything."""
    assets = Assets()
    site = Site(services, Inside(api), Templates(assets), assets, hub, Fragments(), vitals)
    routes: list[BaseRoute] = [assets.route(), Route("/live", _live(site), methods=["GET"])]
    for pages in AREAS:
        routes += pages.routes(site)
    return routes


def _live(site: Site) -> Callable[[Request], Awaitable[Response]]:
    async def live(request: Request) -> Response:
        """Tells of each change in the workspace of who is signed in, as server-sent events."""
        page = await anyio.to_thread.run_sync(opening.open_page, site, request, Fields(), limiter=site.threads)
        if page.who is None or page.who.workspace is None:
            return Response(status_code=401, headers=answering.HEADERS)
        return StreamingResponse(site.hub.stream(page.workspace_id), headers=_STREAM, media_type="text/event-stream")

    return live
