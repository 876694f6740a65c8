"""Health over HTTP: `/healthz`, `/readyz` and `/metrics`."""

import asyncio
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from secrets import compare_digest

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tocsin.telemetry.metrics import Metrics

#: Tells why this node cannot commit a check-in now, or None where it can.
Readiness = Callable[[], Awaitable[str | None]]

_READY_WITHIN = 5.0  # seconds


def health_routes(
    ready: Readiness, metrics: Metrics, metrics_token: str, refresh: Callable[[], None] = lambda: None
) -> list[Route]:
    """The three routes. `refresh` brings the gauges up to date; it may block, and is called from a thread."""

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(_: Request) -> Response:
        reason = await _reason_not_ready(ready)
        return JSONResponse(
            {"status": "unready", "reason": reason} if reason else {"status": "ready"}, 503 if reason else 200
        )

    async def show_metrics(request: Request) -> Response:
        if not _may_read_metrics(request, metrics_token):
            return PlainTextResponse("Metrics are for loopback, or need the token of TOCSIN_METRICS_TOKEN.\n", 403)
        await asyncio.to_thread(refresh)
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", show_metrics)]


async def _reason_not_ready(ready: Readiness) -> str | None:
    try:
        async with asyncio.timeout(_READY_WITHIN):
            return await ready()
    except TimeoutError:
        return f"No check-in could be committed within {_READY_WITHIN:g} seconds."


def _may_read_metrics(request: Request, token: str) -> bool:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if token and scheme.lower() == "bearer" and compare_digest(given.strip().encode(), token.encode()):
        return True
    return _is_from_this_machine(request)


def _is_from_this_machine(request: Request) -> bool:
    """Whether the caller itself is on loopback, and not only a proxy that speaks for somebody else."""
    if "x-forwarded-for" in request.headers or "forwarded" in request.headers:
        return False
    try:
        return request.client is not None and ip_address(request.client.host).is_loopback
    except ValueError:
        return False
