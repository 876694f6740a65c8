"""The live parts of pages, made once for all who look at the same page in the same way."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import NamedTuple

from starlette.responses import Response

_MOST = 256
#: What nobody announced grows stale nevertheless: a run becomes late by time alone.
_FRESH = 5_000_000
#: So stale it may be where pages have taken their share of the machine.
_STALE = 60_000_000


class _Made(NamedTuple):
    number: int
    at: int
    response: Response


class _Slot:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.made: _Made | None = None


class Fragments:
    """Safe to call from any thread; of several who ask at once, one makes it and the others wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._slots: OrderedDict[Hashable, _Slot] = OrderedDict()

    def get(
        self, key: Hashable, number: int, now: int, make: Callable[[], Response], *, may_wait: bool = False
    ) -> Response:
        """What was made for `key` since the change `number` was told, and not long ago; else what `make` makes.

        `key` has to hold everything that the page depends on: workspace, role, zone, address. `may_wait`: what nobody
        announced is made anew less often.
        """
        slot = self._slot(key)
        with slot.lock:
            made = slot.made
            if made is None or made.number < number or now - made.at > (_STALE if may_wait else _FRESH):
                made = slot.made = _Made(number, now, make())
            return made.response

    def _slot(self, key: Hashable) -> _Slot:
        with self._lock:
            slot = self._slots.pop(key, None) or _Slot()
            self._slots[key] = slot
            if len(self._slots) > _MOST:
                self._slots.popitem(last=False)
            return slot
