"""Pings at a steady pace beside a heavier load, and tells how long each took, and when: wrk tells only of a whole run.

Latency counts from the moment a ping was due to be sent, so that a server that stands still is not spared.
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

_CONNECTIONS = 8
_EVERY_SECONDS = 0.02
_STOP_SECONDS = 40


class Probe(NamedTuple):
    """One ping: when it was due, in microseconds since 1970, and the milliseconds until its answer."""

    at: int
    took: float
    status: int


class Prober:
    """A process of its own that pings until `results` is asked for. `spared`: see `bench.load.Wrk`."""

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
    probes: list[Probe] = []
    headers = {"X-Api-Key": seeded.api_key}
    async with aiohttp.ClientSession(
        url, headers=headers, connector=aiohttp.TCPConnector(limit=_CONNECTIONS)
    ) as client:
        pings = [
            asyncio.create_task(_ping_steadily(client, seeded.plan, spared, i, probes)) for i in range(_CONNECTIONS)
        ]
        await asyncio.to_thread(sys.stdin.read)
        for task in pings:
            task.cancel()
        await asyncio.wait(pings)
    return probes


async def _ping_steadily(
    client: aiohttp.ClientSession, plan: Plan, spared: int, place: int, probes: list[Probe]
) -> None:
    due = time.monotonic() + place * _EVERY_SECONDS / _CONNECTIONS
    number = 0
    while True:
        await asyncio.sleep(max(due - time.monotonic(), 0))
        number += 1
        tenant = random.randrange(plan.tenants // spared) * spared + 1  # never one whose number `spared` divides
        ping = {"tenantId": f"tenant-{tenant}", "status": "success", "runId": f"probe-{place}-{number}"}
        at = time.time_ns() // 1000 - round((time.monotonic() - due) * 1e6)
        async with client.post(f"/api/v1/jobs/job-{random.randrange(plan.jobs)}/ping", json=ping) as answer:
            await answer.read()
        probes.append(Probe(at, (time.monotonic() - due) * 1000, answer.status))
        due += _EVERY_SECONDS


def main() -> None:
    url, text, spared = sys.argv[1:]
    fields = json.loads(text)
    for probe in asyncio.run(_probe(url, Seeded(Plan(*fields[0]), *fields[1:]), int(spared))):
        print(json.dumps(probe))


if __name__ == "__main__":
    main()
