"""An outgoing ping each minute while the tick is on time, so that somebody else can watch Tocsin."""

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
import structlog

log = structlog.get_logger(__name__)

INTERVAL = 60.0  # seconds
#: A tick later than this is no longer on time: whoever is behind it would hear of silence too late.
LATEST_TICK = 10.0  # seconds

Ping = Callable[[str], Awaitable[int]]


class Heartbeat:
    """Pings `url` every `interval` seconds while `tick_lag()` (seconds) is small; silent otherwise."""

    def __init__(
        self, url: str, tick_lag: Callable[[], float], ping: Ping | None = None, interval: float = INTERVAL
    ) -> None:
        self._url = url
        self._tick_lag = tick_lag
        self._ping = ping or get
        self._interval = interval

    async def run(self, stop: asyncio.Event) -> None:
        """Pings until `stop` is set. A ping that fails is logged and not repeated: the next comes in a minute."""
        while not stop.is_set():
            await self.beat()
            try:
                async with asyncio.timeout(self._interval):
                    await stop.wait()
            except TimeoutError:
                continue

    async def beat(self) -> None:
        lag = self._tick_lag()
        if lag > LATEST_TICK:
            log.warning("heartbeat_withheld", reason="the tick is late", lag_seconds=lag)
            return
        try:
            status = await self._ping(self._url)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            log.warning("heartbeat_failed", reason=str(error) or type(error).__name__)
            return
        if status >= 400:
            log.warning("heartbeat_failed", reason=f"answered {status}")


async def get(url: str) -> int:
    """The status that `url` answers a GET with."""
    timeout = aiohttp.ClientTimeout(total=20)
    async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
        return answer.status
