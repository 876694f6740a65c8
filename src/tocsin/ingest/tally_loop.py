"""Counts what has ended, once a minute."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress

from tocsin.application.tally import Tallier
from tocsin.store.engine import Store

_EVERY_SECONDS = 60.0


class TallyLoop:
    """A loop over `Tallier.advance`, in a thread of its own."""

    def __init__(self, store: Store, horizon: Callable[[], int]) -> None:
        """`horizon`: the moment up to which every check-in is committed, and every deadline judged."""
        self._tallier = Tallier(store)
        self._horizon = horizon

    async def run(self, stop: asyncio.Event) -> None:
        stopping = threading.Event()
        while not stop.is_set():
            work = asyncio.create_task(asyncio.to_thread(self._advance, stopping))
            ending = asyncio.create_task(stop.wait())
            await asyncio.wait((work, ending), return_when=asyncio.FIRST_COMPLETED)
            if stop.is_set():
                stopping.set()
            ending.cancel()
            await work
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _EVERY_SECONDS)

    def _advance(self, stopping: threading.Event) -> None:
        self._tallier.advance(self._horizon(), stopping.is_set)
