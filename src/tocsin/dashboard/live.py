"""Live pages: who looks at a workspace is told that something in it changed, and asks for the parts that did.

Whoever commits only says "something changed here". The hub numbers these changes by workspace, and tells everybody who
looks the same number at the same moment, so that what they then ask for is made once for all of them. How often it
tells follows from what telling costs: nobody's check-in waits because somebody watches.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import NamedTuple


class Pace(NamedTuple):
    """At least so many seconds between two tellings, and more where making pages took more than this share of them."""

    least: float
    share: float


#: Something turned: a run failed or was missed, an incident moved, somebody changed something.
TURN = Pace(1.0, 0.3)
#: Something was heard, and all is as it was.
HEARD = Pace(5.0, 0.06)
#: A connection that has nothing to say says so, lest somebody on the way takes it for dead.
_SILENCE_SECONDS = 20.0
#: After so long the browser comes back, and shows again who it is.
_LIFE_SECONDS = 900.0


class _Space:
    """One workspace that somebody looks at. Touched by the event loop alone."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.told_at = float("-inf")
        self.spent = 0.0
        self.timer: asyncio.TimerHandle | None = None
        self.viewers: set[asyncio.Event] = set()


class Hub:
    """`turned` and `heard` may be called from any thread; they cost a look into a set where nobody watches."""

    def __init__(self, turn: Pace = TURN, heard: Pace = HEARD) -> None:
        self._turn, self._heard = turn, heard
        self._loop: asyncio.AbstractEventLoop | None = None
        self._spaces: dict[int, _Space] = {}
        self._watched: frozenset[int] = frozenset()
        self._newest = 0
        self._is_closing = False

    # --- from any thread ------------------------------------------------------------------------------------------

    def turned(self, workspaces: Iterable[int]) -> None:
        self._tell(workspaces, self._turn)

    def heard(self, counts: Mapping[int, int]) -> None:
        self._tell(counts, self._heard)

    def spent(self, workspace_id: int, seconds: float) -> None:
        """A live page of the workspace took so long to make."""
        space = self._spaces.get(workspace_id)
        if space is not None:
            space.spent += seconds

    def number(self, workspace_id: int) -> int:
        """The latest change told; 0 where nobody looks."""
        space = self._spaces.get(workspace_id)
        return space.number if space is not None else 0

    @property
    def watched(self) -> frozenset[int]:
        """The workspaces that somebody looks at."""
        return self._watched

    def close(self) -> None:
        """End all streams, so that a node that stops need not wait for those who look."""
        self._is_closing = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake_all)

    # --- in the event loop ----------------------------------------------------------------------------------------

    async def stream(self, workspace_id: int) -> AsyncIterator[bytes]:
        """Server-sent events: the number of each change."""
        loop = self._loop = asyncio.get_running_loop()
        woken = asyncio.Event()
        space = self._enter(workspace_id, woken)
        end = loop.time() + _LIFE_SECONDS
        told = space.number
        try:
            yield f"retry: 3000\nevent: hello\ndata: {told}\n\n".encode()
            while not self._is_closing and loop.time() < end:
                try:
                    await asyncio.wait_for(woken.wait(), _SILENCE_SECONDS)
                except TimeoutError:
                    yield b": still here\n\n"
                woken.clear()
                if space.number != told:
                    told = space.number
                    yield f"event: change\ndata: {told}\n\n".encode()
        finally:
            self._leave(workspace_id, woken)

    def _enter(self, workspace_id: int, woken: asyncio.Event) -> _Space:
        if workspace_id not in self._spaces:
            self._newest += 1
            self._spaces[workspace_id] = _Space(self._newest)
            self._watched = frozenset(self._spaces)
        space = self._spaces[workspace_id]
        space.viewers.add(woken)
        return space

    def _leave(self, workspace_id: int, woken: asyncio.Event) -> None:
        space = self._spaces[workspace_id]
        space.viewers.discard(woken)
        if not space.viewers:
            if space.timer is not None:
                space.timer.cancel()
            del self._spaces[workspace_id]
            self._watched = frozenset(self._spaces)

    def _tell(self, workspaces: Iterable[int], pace: Pace) -> None:
        watched = self._watched.intersection(workspaces) if self._watched else ()
        if watched and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._schedule, tuple(watched), pace)

    def _schedule(self, workspaces: Iterable[int], pace: Pace) -> None:
        loop = asyncio.get_running_loop()
        for space in (self._spaces[one] for one in workspaces if one in self._spaces):
            due = max(loop.time(), space.told_at + max(pace.least, space.spent / pace.share))
            if space.timer is not None:
                if space.timer.when() <= due:
                    continue
                space.timer.cancel()
            space.timer = loop.call_at(due, self._announce, space)

    def _announce(self, space: _Space) -> None:
        self._newest += 1
        space.number, space.timer, space.spent = self._newest, None, 0.0
        space.told_at = asyncio.get_running_loop().time()
        for woken in space.viewers:
            woken.set()

    def _wake_all(self) -> None:
        for space in self._spaces.values():
            for woken in space.viewers:
                woken.set()
