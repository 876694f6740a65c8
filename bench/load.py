"""Load by wrk: many connections, each pinging streams in random order under run ids of its own."""

import subprocess
from itertools import count
from pathlib import Path
from typing import NamedTuple

from bench.seed import Seeded

_SCRIPT = Path(__file__).with_name("ping.lua")
_EVENTS = Path(__file__).with_name("events.lua")
_runs = count(1)


class Load(NamedTuple):
    """What one run of wrk saw. `acked`: answers 2xx; latencies in milliseconds."""

    acked: int
    refused: int
    broken: int
    per_second: float
    p50: float
    p99: float


class Storm(NamedTuple):
    """Events of one type, from each of so many integrations for each of so many tenants, in random order."""

    event_type: str
    integrations: int
    tenants: int


class Wrk:
    """A run of wrk in the background; `result` waits for its end."""

    def __init__(
        self, url: str, seeded: Seeded, connections: int, seconds: float, spared: int = 0, storm: "Storm | None" = None
    ) -> None:
        """`spared`: tenants whose number it divides are not pinged (0: all are). `storm`: report events instead."""
        plan = seeded.plan
        script, arguments = _SCRIPT, [f"wrk{next(_runs)}", str(plan.jobs), str(plan.tenants), str(spared)]
        if storm is not None:
            script, arguments = _EVENTS, [storm.event_type, str(storm.integrations), str(storm.tenants)]
        arguments = [seeded.api_key, *arguments]
        command = ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{round(seconds)}s"]
        self._seconds = round(seconds)
        try:
            self._process = subprocess.Popen(
                [*command, "--latency", "--timeout", "30s", "--script", str(script), url, "--", *arguments],
                stdout=subprocess.PIPE,
                text=True,
            )
        except FileNotFoundError:
            raise SystemExit("wrk is missing: apt-get install wrk") from None

    def result(self) -> Load:
        output, _ = self._process.communicate(timeout=600)
        line = next((line for line in output.splitlines() if line.startswith("result ")), None)
        if line is None:
            raise SystemExit(f"wrk did not finish:\n{output}")
        requests, status, broken, micros, p50, p99 = map(int, line.split()[1:])
        if micros / 1e6 > self._seconds * 1.2 + 1:
            raise SystemExit(f"wrk took {micros / 1e6:.0f} s instead of {self._seconds}: this machine stood still.")
        acked = requests - status
        return Load(acked, status, broken, acked / micros * 1e6, p50 / 1000, p99 / 1000)


def ping(url: str, seeded: Seeded, connections: int, seconds: float) -> Load:
    return Wrk(url, seeded, connections, seconds).result()


def report(url: str, seeded: Seeded, connections: int, seconds: float, storm: Storm) -> Load:
    return Wrk(url, seeded, connections, seconds, storm=storm).result()
