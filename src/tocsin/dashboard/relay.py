"""Live pages with several nodes: what one node commits is told to those who look by way of another.

A node says which workspaces somebody looks at there, and the others tell it of these, and of no more. So where nobody
looks nothing is said, and a commit costs a look into an empty set.
"""

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager

from tocsin.dashboard.live import Hub
from tocsin.store.news import Kind, Line, News

#: What changed is said this often at most, and within this time.
_BEAT_SECONDS = 0.25
#: Who looks is said anew so often, and holds for so long: a node that is gone is told nothing for longer.
_SAID_AGAIN_SECONDS = 5.0
_HOLDS_SECONDS = 15.0


class Relay:
    """Tells this node's hub, and other nodes. `turned` and `heard` may be called from any thread."""

    def __init__(self, hub: Hub, join: Callable[[], AbstractAsyncContextManager[Line]]) -> None:
        """`join` opens a connection to the other nodes."""
        self._hub = hub
        self._join = join
        self._guard = threading.Lock()
        self._fresh: dict[Kind, set[int]] = {Kind.TURNED: set(), Kind.HEARD: set()}
        self._wanted: frozenset[int] = frozenset()
        self._wanted_until: dict[int, float] = {}
        self._said: frozenset[int] = frozenset()
        self._said_until = float("-inf")

    # --- from any thread ------------------------------------------------------------------------------------------

    def turned(self, workspaces: Iterable[int]) -> None:
        known = frozenset(workspaces)
        self._hub.turned(known)
        self._note(Kind.TURNED, known)

    def heard(self, counts: Mapping[int, int]) -> None:
        self._hub.heard(counts)
        self._note(Kind.HEARD, counts)

    def _note(self, kind: Kind, workspaces: Iterable[int]) -> None:
        wanted = self._wanted.intersection(workspaces) if self._wanted else ()
        if wanted:
            with self._guard:
                self._fresh[kind].update(wanted)

    # --- in the event loop ----------------------------------------------------------------------------------------

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`. Raises where the connection is lost; called again, it makes another."""
        async with self._join() as line:
            await line.say(Kind.JOINED)
            self._said_until = float("-inf")
            self._hub.turned(self._hub.watched)  # nobody knows what was said meanwhile
            while not stop.is_set():
                async for news in line.hear(_BEAT_SECONDS):
                    self._take(news)
                await self._say_who_looks(line)
                await self._say_what_changed(line)

    def _take(self, news: News) -> None:
        match news.kind:
            case Kind.JOINED:
                self._said_until = float("-inf")
            case Kind.WATCHED:
                until = asyncio.get_running_loop().time() + _HOLDS_SECONDS
                self._wanted_until.update(dict.fromkeys(news.workspaces, until))
                self._wanted = frozenset(self._wanted_until)
            case Kind.TURNED:
                self._hub.turned(news.workspaces)
            case Kind.HEARD:
                self._hub.heard(dict.fromkeys(news.workspaces, 1))

    async def _say_who_looks(self, line: Line) -> None:
        watched, now = self._hub.watched, asyncio.get_running_loop().time()
        if watched and (now >= self._said_until or not watched <= self._said):
            await line.say(Kind.WATCHED, watched)
            self._said, self._said_until = watched, now + _SAID_AGAIN_SECONDS

    async def _say_what_changed(self, line: Line) -> None:
        now = asyncio.get_running_loop().time()
        self._wanted_until = {one: until for one, until in self._wanted_until.items() if until > now}
        self._wanted = frozenset(self._wanted_until)
        with self._guard:
            fresh, self._fresh = self._fresh, {kind: set() for kind in self._fresh}
        for kind, workspaces in fresh.items():
            if workspaces:
                await line.say(kind, workspaces)
