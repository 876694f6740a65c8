"""Addresses that are secrets, and what they lead to. Asked once, an address is remembered for some seconds."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from tocsin.clock import Clock
from tocsin.domain.model import SECOND
from tocsin.ingest.lookup import ask
from tocsin.store import pinging
from tocsin.store.engine import Connection, Store
from tocsin.store.pinging import Pinged

T = TypeVar("T")

#: So long a job may be pinged under the key it had before, and a workspace that was closed is not noticed.
_REMEMBERED = 5 * SECOND
_MOST = 50_000
_AT_ONCE = 500


class _Known(Generic[T]):
    """What addresses of one kind lead to.

    Jobs come seldom, and all at midnight: nearly each ping asks for an address that nobody knows. So one question at a
    time is put to the store, for all who have asked since the one before: 10 µs an address where 32 wait, not 300.
    """

    def __init__(self, store: Store, clock: Clock, look_up: Callable[[Connection, list[str]], dict[str, T]]) -> None:
        self._store = store
        self._clock = clock
        self._ask = look_up
        self._found: dict[str, tuple[int, T]] = {}
        self._waiting: list[tuple[str, asyncio.Future[T | None]]] = []
        self._asking: asyncio.Task[None] | None = None

    async def find(self, address: str) -> T | None:
        until, known = self._found.get(address, (0, None))
        if known is not None and self._clock.now() < until:
            return known
        answer: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((address, answer))
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask_for_all())
        return await answer

    def forget(self, address: str) -> None:
        self._found.pop(address, None)

    async def _ask_for_all(self) -> None:
        while self._waiting:
            asked, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
            try:
                found = await ask(self._look_up, list({address for address, _ in asked}))
            except Exception as error:  # noqa: BLE001 -- whatever it is, it belongs to those who asked
                for _, answer in asked:
                    if not answer.done():
                        answer.set_exception(error)
                continue
            self._remember(found)
            for address, answer in asked:
                if not answer.done():
                    answer.set_result(found.get(address))

    def _look_up(self, addresses: list[str]) -> dict[str, T]:
        with self._store.read() as connection:
            return self._ask(connection, addresses)

    def _remember(self, found: dict[str, T]) -> None:
        if len(self._found) + len(found) > _MOST:
            self._found.clear()
        until = self._clock.now() + _REMEMBERED
        self._found.update({address: (until, what) for address, what in found.items()})


class Addresses:
    """Finds jobs by what their senders know of them."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._jobs: _Known[Pinged] = _Known(store, clock, pinging.jobs_of_uuids)
        self._slugs: _Known[Pinged] = _Known(store, clock, pinging.jobs_of_slugs)
        self._workspaces: _Known[int] = _Known(store, clock, pinging.workspaces_of_keys)

    async def job_of_uuid(self, uuid: str) -> Pinged | None:
        return await self._jobs.find(uuid)

    async def job_of_slug(self, slug: str) -> Pinged | None:
        return await self._slugs.find(slug)

    async def workspace_of_key(self, ping_key: str) -> int | None:
        return await self._workspaces.find(ping_key)

    def forget_job(self, address: str) -> None:
        """What is known of the job with this UUID or slug is no longer true."""
        self._jobs.forget(address)
        self._slugs.forget(address)
