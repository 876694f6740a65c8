"""Browsers that look at live pages, without the drawing: they hold a stream, hear of changes, and ask for what changed.

`python -m bench.viewers URL COOKIE PATH…`: one viewer a path; prints how many are connected, and at its end (SIGTERM)
what they fetched.
"""

import asyncio
import random
import signal
import sys
from collections import Counter

import aiohttp

#: So long after they came they are told of changes as often as ever: opening a page is not what looking at it costs.
_JITTER, _SETTLED = 0.4, 6.0


class Viewer:
    """What `static/live.js` does."""

    def __init__(self, session: aiohttp.ClientSession, path: str, seen: Counter[str]) -> None:
        self._session, self._path, self._seen = session, path, seen
        self._number = 0
        self._news = asyncio.Event()
        self.is_here = asyncio.Event()

    async def look(self) -> None:
        await asyncio.gather(self._listen(), self._fetch())

    async def _listen(self) -> None:
        timeout = aiohttp.ClientTimeout(total=None)
        while True:
            async with self._session.get("/live", params={"at": self._path}, timeout=timeout) as stream:
                assert stream.status == 200, stream.status
                self._seen["connected"] += 1
                async for line in stream.content:
                    if line.startswith(b"data: "):
                        self._hear(int(line[6:]))

    def _hear(self, number: int) -> None:
        """The first number is that of the page as it was loaded."""
        if self.is_here.is_set() and number > self._number:
            self._news.set()
        self._number = max(self._number, number)
        self.is_here.set()

    async def _fetch(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            await asyncio.sleep(random.uniform(0, _JITTER))
            async with self._session.get(self._path, headers={"Tocsin-Live": str(self._number)}) as answer:
                body = await answer.read()
                self._seen["fetched" if answer.status == 200 else f"status {answer.status}"] += 1
                self._seen["bytes"] += len(body)


async def _main(url: str, cookie: str, paths: list[str]) -> None:
    seen: Counter[str] = Counter()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(url, cookies={"tocsin": cookie}, connector=connector) as session:
        viewers = [Viewer(session, path, seen) for path in paths]
        looking = [asyncio.ensure_future(viewer.look()) for viewer in viewers]
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await asyncio.gather(*(viewer.is_here.wait() for viewer in viewers))
        await asyncio.sleep(_SETTLED)
        print(f"viewers connected: {len(paths)}", flush=True)
        await stop.wait()
        for one in looking:
            one.cancel()
        await asyncio.gather(*looking, return_exceptions=True)
    print("seen " + " ".join(f"{name.replace(' ', '-')}={count}" for name, count in sorted(seen.items())), flush=True)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2], sys.argv[3:]))
