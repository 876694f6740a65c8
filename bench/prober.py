"""Pings at a steady pace beside a heavier load, and tells how long each took, and when: wrk tells only of a whole run.

A ping that waits for its answer delays no other, and its time counts from the moment at which it was to be sent: a
server that stands still is not spared.
"""

import asyncio
import json
import random
import subprocess
import sys
import time
from statistics import quantiles
from typing import NamedTuple

import aiohttp

from bench.seed import Plan, Seeded

_EVERY_SECONDS = 0.005
_MOST_CONNECTIONS = 500
_STOP_SECONDS = 40


class Probe(NamedTuple):
    """One ping: when it was due, in microseconds since 1970, and the milliseconds until its answer."""

    at: int
    took: float
    status: int


class Prober:
    """A process of its own that pings until `results` is asked for. `spared`: see `bench.load.pings`."""

    def __init__(self, url: str, seeded: Seeded, spared: int) -> None:
        command = [sys.executable, "-m", "bench.prober", url, json.dumps(seeded), str(spared)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def results(self) -> list[Probe]:
        output, _ = self._process.communicate(timeout=_STOP_SECONDS)  # closes its input, which ends it
        return [Probe(*json.loads(line)) for line in output.splitlines()]


def p99(probes: list[Probe], from_at: int, until_at: int) -> float:
    """Of the pings due within the span, in milliseconds. Raises where there are too few, or one was refused."""
    within = [probe for probe in probes if from_at <= probe.at <= until_at]
    refused = [probe.status for probe in within if probe.status != 200]
    if refused:
        raise SystemExit(f"{len(refused)} of {len(within)} pings were answered {sorted(set(refused))}.")
    if len(within) < 2:
        raise SystemExit("Too few pings were sent to say how long they took.")
    return quantiles([probe.took for probe in within], n=100, method="inclusive")[98]


async def _probe(url: str, seeded: Seeded, spared: int) -> list[Probe]:
    connector = aiohttp.TCPConnector(limit=_MOST_CONNECTIONS)
    async with aiohttp.ClientSession(url, headers={"X-Api-Key": seeded.api_key}, connector=connector) as client:
        told_to_end = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
        begun, pings = time.monotonic(), list[asyncio.Task[Probe]]()
        while not told_to_end.done():
            due = begun + len(pings) * _EVERY_SECONDS
            await asyncio.sleep(max(due - time.monotonic(), 0))
            pings.append(asyncio.create_task(_ping(client, seeded.plan, spared, len(pings), due)))
        return await asyncio.gather(*pings)


async def _ping(client: aiohttp.ClientSession, plan: Plan, spared: int, number: int, due: float) -> Probe:
    """One ping that was to be sent at `due` (monotonic seconds)."""
    tenant = random.randrange(plan.tenants // spared) * spared + 1  # never one whose number `spared` divides
    ping = {"tenantId": f"tenant-{tenant}", "status": "success", "runId": f"probe-{number}"}
    at = time.time_ns() // 1000 - round((time.monotonic() - due) * 1e6)
    async with client.post(f"/api/v1/jobs/job-{random.randrange(plan.jobs)}/ping", json=ping) as answer:
        await answer.read()
    return Probe(at, (time.monotonic() - due) * 1000, answer.status)


def main() -> None:
    url, text, spared = sys.argv[1:]
    fields = json.loads(text)
    for probe in asyncio.run(_probe(url, Seeded(Plan(*fields[0]), *fields[1:]), int(spared))):
        print(json.dumps(probe))


if __name__ == "__main__":
    main()
