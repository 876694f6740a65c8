"""Folds SQLite's log into its file beside the writer, so that a commit seldom has to."""

import asyncio
from contextlib import suppress

from tocsin.store.engine import Store

_EVERY_SECONDS = 1.0


class Checkpointer:
    """A loop over `Store.checkpoint`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _EVERY_SECONDS)
            await asyncio.to_thread(self._store.checkpoint)
