"""A strict receiver of alerts: a real HTTP server that keeps what it was sent and answers as it is told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network

from aiohttp import web

LOOPBACK = [ip_network("127.0.0.0/8"), ip_network("::1/128")]


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """`answer` makes the response to each request; by default an `ok`. `url` is its address without a path."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.received.append(Received(request.raw_path, headers, await request.read()))
        return await self.answer(request) if self.answer else web.Response(text="ok")


def answering(
    status: int = 200, text: str = "ok", headers: dict[str, str] | None = None
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=text, headers=headers)

    return answer


async def hanging(_: web.Request) -> web.StreamResponse:
    """Takes the request and says nothing."""
    await asyncio.sleep(3600)
    return web.Response()


async def breaking_off(request: web.Request) -> web.StreamResponse:
    """Takes the request and closes the connection."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def dripping(request: web.Request) -> web.StreamResponse:
    """A good status, and a body that never ends."""
    response = web.StreamResponse(status=200)
    await response.prepare(request)
    while True:
        await response.write(b"o")
        await asyncio.sleep(0.02)


async def flooding(request: web.Request) -> web.StreamResponse:
    """A good status, and far more than anybody asked for."""
    response = web.StreamResponse(status=200)
    await response.prepare(request)
    while True:
        await response.write(b"x" * 65_536)


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    one = Receiver()
    app = web.Application(client_max_size=1 << 22)
    app.router.add_route("*", "/{tail:.*}", one.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    one.url = f"http://127.0.0.1:{port}"
    try:
        yield one
    finally:
        await runner.cleanup()
