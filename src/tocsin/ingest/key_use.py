"""Writes down, once a minute, when keys were last used."""

import asyncio

from tocsin.application.keys import KeyUse

_EVERY_SECONDS = 60.0


class KeyUseLoop:
    """A loop beside the requests; what a killed node had not written is forgotten, and at most a minute old."""

    def __init__(self, key_use: KeyUse, every_seconds: float = _EVERY_SECONDS) -> None:
        self._key_use = key_use
        self._every_seconds = every_seconds

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                async with asyncio.timeout(self._every_seconds):
                    await stop.wait()
            except TimeoutError:
                pass
            await asyncio.to_thread(self._key_use.flush)
