"""The only reader of time. Everything else is handed the moment as an argument."""

import threading
import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """Anything that tells the moment, in microseconds since 1970 UTC."""

    def now(self) -> int: ...


class SystemClock:
    """Wall time that never runs backwards within a process.

    `offset` is what has to be added to this machine's time to get the database's, in microseconds; a node on
    PostgreSQL keeps it current, so that all nodes judge by one clock.
    """

    def __init__(self) -> None:
        self.offset = 0
        self._latest = 0
        self._lock = threading.Lock()

    def now(self) -> int:
        with self._lock:
            moment = time.time_ns() // 1000 + self.offset
            moment = max(moment, self._latest)
            self._latest = moment
            return moment


class ManualClock:
    """A clock that stands where it is put: for scenarios and tests."""

    def __init__(self, moment: int = 0) -> None:
        self.moment = moment

    def now(self) -> int:
        return self.moment


def stopwatch() -> Callable[[], int]:
    """Starts measuring; each call of what it returns gives the microseconds since, whatever happens to wall time."""
    begun = time.monotonic_ns()
    return lambda: (time.monotonic_ns() - begun) // 1000


def effort() -> Callable[[], int]:
    """Starts measuring; each call of what it returns, in the same thread, gives the microseconds of a core that this
    thread has used since. What it waited for does not count."""
    begun = time.thread_time_ns()
    return lambda: (time.thread_time_ns() - begun) // 1000
