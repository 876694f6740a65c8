"""Live pages: who looks is told that the page they look at may have changed, and asks for the parts that did.

Whoever commits only says "something changed in this workspace". The hub tells those who look at its pages, page by
page, and all who look at the same one at the same moment, so that what they then ask for is made once for all of them.
How often follows from what it costs (`pace.py`), over all pages of this node: nobody's check-in waits because somebody
watches. Where not all can be told at once, what turned goes before what was merely heard, and a page that many look at,
or that is soon made, before one that is dear.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from enum import IntEnum

from tocsin.clock import Clock
from tocsin.dashboard.pace import AGED, HEARD, TURN, Account, Pace

#: A connection that has nothing to say says so, lest somebody on the way takes it for dead.
_SILENCE_SECONDS = 20.0
#: After so long the browser comes back, and shows again who it is.
_LIFE_SECONDS = 900.0
#: What a page costs before anybody knows.
_UNKNOWN_SECONDS = 0.05


class _News(IntEnum):
    NONE = 0
    HEARD = 1
    TURNED = 2


class _Watched:
    """A page that somebody looks at. Touched by the event loop alone. `number`: the change told last; `news`: what has
    happened since; `spent`: what answering took since then, of which `charged` is paid for."""

    def __init__(self, number: int, now: float) -> None:
        self.number = number
        self.told_at = now
        self.news = _News.NONE
        self.cost = _UNKNOWN_SECONDS
        self.charged = self.spent = 0.0
        self.viewers: set[asyncio.Event] = set()

    def tell(self, number: int, now: float) -> None:
        self.cost = self.spent or self.cost
        self.charged, self.spent = self.cost, 0.0
        self.number, self.told_at, self.news = number, now, _News.NONE
        for woken in self.viewers:
            woken.set()

    def pay(self, seconds: float) -> float:
        """How much of this goes beyond what was charged when it was told."""
        self.spent += seconds
        beyond = max(0.0, self.spent - self.charged)
        self.charged += beyond
        return beyond

    def urgency(self, now: float) -> tuple[int, float]:
        return self.news, (now - self.told_at) * len(self.viewers) / self.cost


class Hub:
    """`turned`, `heard` and `spent` may be called from any thread; they cost a look into a set where nobody watches.

    Changes are numbered by the millisecond in which they are told, so that a page knows, whichever node made it and
    whenever that node began, whether it is newer.
    """

    def __init__(self, clock: Clock, turn: Pace = TURN, heard: Pace = HEARD, aged: Pace = AGED) -> None:
        self._clock = clock
        self._least = {_News.TURNED: turn.least, _News.HEARD: heard.least, _News.NONE: aged.least}
        self._turn, self._calm = Account(turn), Account(heard)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._pages: dict[tuple[int, str], _Watched] = {}
        self._watched: frozenset[int] = frozenset()
        self._known: dict[int, _News] = {}
        self._newest = 0
        self._is_closing = False

    # --- from any thread ------------------------------------------------------------------------------------------

    def turned(self, workspaces: Iterable[int]) -> None:
        self._say(workspaces, _News.TURNED)

    def heard(self, counts: Mapping[int, int]) -> None:
        self._say(counts, _News.HEARD)

    def spent(self, workspace_id: int, address: str, seconds: float) -> None:
        """Somebody was answered who looks at this page, which took so much of one core."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._pay, (workspace_id, address), seconds)

    @property
    def is_spent(self) -> bool:
        """Whether pages took more than their share, so that what nobody was told of had better wait."""
        return self._loop is not None and self._calm.free_at > self._loop.time()

    @property
    def watched(self) -> frozenset[int]:
        """The workspaces that somebody looks at."""
        return self._watched

    def close(self) -> None:
        """End all streams, so that a node that stops need not wait for those who look."""
        self._is_closing = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake_all)

    def _say(self, workspaces: Iterable[int], news: _News) -> None:
        watched = self._watched.intersection(workspaces) if self._watched else ()
        fresh = [one for one in watched if self._known.get(one, _News.NONE) < news]
        if fresh and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._note, fresh, news)

    # --- in the event loop ----------------------------------------------------------------------------------------

    async def stream(self, workspace_id: int, address: str = "") -> AsyncIterator[bytes]:
        """Server-sent events: the number of each change that the page at this address is to be asked for anew after."""
        loop = self._loop = asyncio.get_running_loop()
        woken = asyncio.Event()
        page = self._enter((workspace_id, address), woken)
        end = loop.time() + _LIFE_SECONDS
        told = page.number
        try:
            yield f"retry: 3000\nevent: hello\ndata: {told}\n\n".encode()
            while not self._is_closing and loop.time() < end:
                try:
                    await asyncio.wait_for(woken.wait(), _SILENCE_SECONDS)
                except TimeoutError:
                    yield b": still here\n\n"
                woken.clear()
                if page.number != told:
                    told = page.number
                    yield f"event: change\ndata: {told}\n\n".encode()
        finally:
            self._leave((workspace_id, address), woken)

    def _enter(self, key: tuple[int, str], woken: asyncio.Event) -> _Watched:
        if key not in self._pages:
            # A number of its own: what happened while nobody looked at it was noted nowhere.
            self._pages[key] = _Watched(self._number(), asyncio.get_running_loop().time())
            self._watched = self._watched | {key[0]}
        self._known.pop(key[0], None)
        self._pages[key].viewers.add(woken)
        self._plan()
        return self._pages[key]

    def _leave(self, key: tuple[int, str], woken: asyncio.Event) -> None:
        page = self._pages[key]
        page.viewers.discard(woken)
        if not page.viewers:
            del self._pages[key]
            self._watched = frozenset(workspace_id for workspace_id, _ in self._pages)
            if key[0] not in self._watched:
                self._known.pop(key[0], None)
            self._plan()

    def _note(self, workspaces: list[int], news: _News) -> None:
        self._known.update((one, news) for one in workspaces if one in self._watched)
        for (workspace_id, _), page in self._pages.items():
            if workspace_id in workspaces:
                page.news = max(page.news, news)
        self._plan()

    def _plan(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._pages:
            due = min(self._due(page) for page in self._pages.values())
            self._timer = asyncio.get_running_loop().call_at(due, self._tell)

    def _due(self, page: _Watched) -> float:
        account = self._turn if page.news is _News.TURNED else self._calm
        return max(page.told_at + self._least[page.news], account.free_at)

    def _tell(self) -> None:
        now = asyncio.get_running_loop().time()
        waiting = [(key, page) for key, page in self._pages.items() if self._due(page) <= now]
        for (workspace_id, _), page in sorted(waiting, key=lambda one: one[1].urgency(now), reverse=True):
            if self._due(page) <= now:  # what was told before it may have used up the share
                page.tell(self._number(), now)
                self._charge(now, page.charged)
                self._known.pop(workspace_id, None)
        self._plan()

    def _pay(self, key: tuple[int, str], seconds: float) -> None:
        page = self._pages.get(key)
        self._charge(asyncio.get_running_loop().time(), seconds if page is None else page.pay(seconds))

    def _charge(self, now: float, seconds: float) -> None:
        self._turn.pay(now, seconds)
        self._calm.pay(now, seconds)

    def _number(self) -> int:
        self._newest = max(self._newest + 1, self._clock.now() // 1000 + 1)
        return self._newest

    def _wake_all(self) -> None:
        for page in self._pages.values():
            for woken in page.viewers:
                woken.set()
