"""All receivers there are, in a thread of their own: an HTTP server in every provider's place, a mail server."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from tests.support.postbox import Postbox, postbox
from tests.support.receiver import Received, Receiver, receiver
from tests.support.stations import STATIONS
from tests.support.threads import opened_in_a_thread

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Town:
    http: Receiver
    mail: Postbox

    @property
    def settings(self) -> dict[str, str]:
        """Settings of a server whose operator lives here."""
        return {
            "pagerduty_url": self.http.url,
            "opsgenie_url": self.http.url,
            "smtp_url": f"smtp://127.0.0.1:{self.mail.port}",
            "mail_from": "Tocsin <tocsin@example.com>",
        }

    def received(self, provider: str) -> list[Received]:
        return [one for one in list(self.http.received) if who(one.path, one.headers) == provider]


def who(path: str, headers: dict[str, str]) -> str:
    """The provider a request is for."""
    if path.startswith("/v2/enqueue"):
        return "pagerduty"
    if path.startswith("/v2/alerts"):
        return "opsgenie"
    if path.startswith("/services/"):
        return "slack"
    if path.startswith("/workflows/"):
        return "teams"
    return "webhook" if "webhook-id" in headers else "apprise"


async def as_told(request: web.Request) -> web.StreamResponse:
    """What each provider says when all is well."""
    status, text = STATIONS[who(request.path, {name.lower(): "" for name in request.headers})].yes
    return web.Response(status=status, text=text)


@asynccontextmanager
async def _town(answer: Answer) -> AsyncIterator[Town]:
    async with receiver() as one, postbox() as box:
        one.answer = answer
        yield Town(one, box)


def town(answer: Answer = as_told) -> AbstractContextManager[Town]:
    """On loopback, as long as the block lasts."""
    return opened_in_a_thread("town", _town(answer))
