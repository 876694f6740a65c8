"""Was everything kept that was acknowledged? By number after each run of wrk, and id by id for a client of our own."""

import asyncio
import time
from collections.abc import Callable
from itertools import count

import aiohttp
from sqlalchemy import text

from bench.load import Load, Work, Wrk
from bench.seed import Seeded
from tocsin.store.engine import Store

_SETTLED_SECONDS = 0.5
_LONGEST_SECONDS = 30
_TRIES = 5


class BrokenPromiseError(SystemExit):
    """Something acknowledged is not in the database, or something is there that nobody sent."""


def settled(count: Callable[[], int]) -> int:
    """What `count` gives, once it has stopped rising."""
    until, before = time.monotonic() + _LONGEST_SECONDS, -1
    while (now := count()) != before:
        if time.monotonic() > until:
            raise SystemExit("The server goes on writing although nobody sends it anything.")
        before = now
        time.sleep(_SETTLED_SECONDS)
    return now


def measured(
    url: str, work: Callable[[], Work], connections: int, seconds: float, stored: Callable[[], int] | None
) -> Load:
    """One run of wrk: what it acknowledges, `stored` has more of afterwards (None: nothing is stored).

    Repeated where this machine stood still meanwhile.
    """
    for _ in range(_TRIES):
        before = settled(stored) if stored else 0
        load = Wrk(url, work(), connections, seconds).result()
        check_numbers(load, settled(stored) - before if stored else load.acked, connections)
        if load.is_fair:
            return load
    raise SystemExit(f"{_TRIES} runs of wrk took much longer than {seconds:g} s: this machine stands still.")


def check_numbers(load: Load, stored: int, connections: int) -> None:
    """wrk hangs up at its end: what was in flight then, at most one a connection, may be stored and not counted."""
    if load.refused or load.broken:
        raise BrokenPromiseError(f"{load.refused} requests were refused, {load.broken} connections broke: no measure.")
    if not load.acked <= stored <= load.acked + connections:
        raise BrokenPromiseError(f"{load.acked} requests were acknowledged, {stored} are stored.")


def check_ids(url: str, seeded: Seeded, store: Store, seconds: float, connections: int = 32) -> int:
    """Ping, and look every acknowledged run id up; how many there were."""
    acked = asyncio.run(_ping(url, seeded, seconds, connections))
    with store.read() as connection:
        rows = connection.execute(text("SELECT client_run_id FROM runs WHERE client_run_id LIKE 'own-%'"))
        stored = [str(row[0]) for row in rows]
    if len(stored) != len(set(stored)) or set(stored) != acked:
        raise BrokenPromiseError(f"Of {len(acked)} acknowledged run ids {len(acked - set(stored))} are not stored.")
    return len(acked)


async def _ping(url: str, seeded: Seeded, seconds: float, connections: int) -> set[str]:
    """Run ids answered with 2xx. Nobody hangs up before the answer, so that acked and stored must be the same."""
    until, numbers, acked = time.monotonic() + seconds, count(), set[str]()
    headers = {"X-Api-Key": seeded.api_key}
    connector = aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(url, headers=headers, connector=connector) as client:

        async def one_after_the_other() -> None:
            while time.monotonic() < until:
                number = next(numbers)
                job, tenant = divmod(number * 7919 % seeded.plan.streams, seeded.plan.tenants)
                ping = {"tenantId": f"tenant-{tenant}", "status": "success", "runId": f"own-{number}"}
                async with client.post(f"/api/v1/jobs/job-{job}/ping", json=ping) as answer:
                    if answer.ok:
                        acked.add(ping["runId"])

        await asyncio.gather(*(one_after_the_other() for _ in range(connections)))
    return acked


def runs_in(store: Store) -> Callable[[], int]:
    """Counts the runs that are stored."""
    return lambda: _runs(store)


def _runs(store: Store) -> int:
    with store.read() as connection:
        return int(connection.execute(text("SELECT count(*) FROM runs")).scalar_one())
