"""The loop that prunes: once in a while, on one node at a time."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress

import structlog

from tocsin.application.prune import gentle, prune
from tocsin.clock import Clock, stopwatch
from tocsin.domain.model import SECOND
from tocsin.domain.reason import Reason
from tocsin.domain.retention import Retention
from tocsin.store.engine import Store
from tocsin.store.retention import claim_pass

log = structlog.get_logger(__name__)

#: A pass may be due as soon as a node starts; what fell due while it was away comes first.
_SETTLING_SECONDS = 10.0
_LOOK_SECONDS = 60.0


class Pruner:
    """A loop over `prune`. `count(reason, rows)` is told what went."""

    def __init__(
        self, store: Store, clock: Clock, defaults: Retention, every_seconds: int, count: Callable[[Reason, int], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._defaults = defaults
        self._every = every_seconds * SECOND
        self._count = count

    async def run(self, stop: asyncio.Event) -> None:
        pause = min(_SETTLING_SECONDS, self._every / SECOND)
        while not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)
            if not stop.is_set():
                await self._beside(stop)
            pause = min(_LOOK_SECONDS, self._every / SECOND)

    async def _beside(self, stop: asyncio.Event) -> None:
        """One look in a thread, which is told to stop as soon as we are."""
        halt = threading.Event()
        stopping = asyncio.create_task(stop.wait())
        looking = asyncio.create_task(asyncio.to_thread(self._look, halt))
        try:
            await asyncio.wait({stopping, looking}, return_when=asyncio.FIRST_COMPLETED)
            if not looking.done():
                halt.set()
            await looking
        finally:
            halt.set()
            stopping.cancel()

    def _look(self, halt: threading.Event) -> None:
        now = self._clock.now()
        with self._store.write() as connection:
            if not claim_pass(connection, now, self._every):
                return
        took = stopwatch()
        gone = prune(self._store, self._defaults, now, gentle(self._store), lambda rest: halt.wait(rest / SECOND))
        for reason, rows in gone.items():
            self._count(reason, rows)
            log.info("pruned", reason=reason.value, rows=rows, seconds=round(took() / SECOND, 1))
