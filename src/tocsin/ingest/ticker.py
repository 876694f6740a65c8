"""The thread that lets time pass: it judges what is due, and sleeps until the next thing is."""

import threading
from collections.abc import Callable

import structlog

from tocsin.application.advance_time import Tick
from tocsin.clock import Clock
from tocsin.domain.model import SECOND
from tocsin.store.due import next_moment
from tocsin.store.engine import Store

log = structlog.get_logger(__name__)

#: A deadline that comes nearer while we sleep is still judged within a second of it.
_LONGEST_SLEEP = SECOND // 2
_SHORTEST_SLEEP = SECOND // 100


class Ticker:
    """Calls the tick again and again."""

    def __init__(self, store: Store, tick: Tick, clock: Clock, horizon: Callable[[], int]) -> None:
        """`horizon`: the moment up to which every check-in received is committed, on every node."""
        self._store = store
        self._tick = tick
        self._clock = clock
        self._horizon = horizon
        self._stopping = threading.Event()
        self._done_at = clock.now()
        self._thread = threading.Thread(target=self._run, name="ticker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    @property
    def judged_until(self) -> int:
        """Everything up to this moment is judged."""
        return self._done_at

    def lag(self) -> float:
        """Seconds since the moment up to which everything is judged."""
        return max(self._clock.now() - self._done_at, 0) / SECOND

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                sleep = self._once()
            except Exception:
                log.exception("tick_failed", reason="tried_again_soon")
                sleep = _LONGEST_SLEEP
            self._stopping.wait(sleep / SECOND)

    def _once(self) -> int:
        """Judge what is due; how long to sleep."""
        horizon = self._horizon()
        with self._store.read() as connection:
            due = next_moment(connection)
        if due is not None and due <= horizon:
            judged = self._tick.advance(horizon, self._clock.now(), self._stopping.is_set)
            if judged:
                log.debug("judged", rows=judged)
            with self._store.read() as connection:
                due = next_moment(connection)
        self._done_at = horizon
        if due is None:
            return _LONGEST_SLEEP
        return min(max(due - self._clock.now(), _SHORTEST_SLEEP), _LONGEST_SLEEP)
