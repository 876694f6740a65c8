"""Load by wrk: many connections, each asking again as soon as it is answered."""

import subprocess
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import NamedTuple

from bench.pacer import write_requests
from bench.seed import Seeded

_SCRIPTS = Path(__file__).parent
_runs = count(1)


class Load(NamedTuple):
    """What one run of wrk saw. `acked`: answers 2xx; latencies in milliseconds.

    `is_fair`: it took as long as it was to take. Where it took longer, this machine stood still.
    """

    acked: int
    refused: int
    broken: int
    per_second: float
    p50: float
    p99: float
    is_fair: bool = True


class Work(NamedTuple):
    """What wrk asks for: one of the Lua scripts beside this file, and its arguments."""

    script: str
    arguments: tuple[str, ...]


def pings(seeded: Seeded, spared: int = 0) -> Work:
    """Native pings of streams in random order, each under a run id of its own.

    `spared`: tenants whose number it divides are left in peace (0: none is).
    """
    label = f"wrk{next(_runs)}"
    return Work("ping.lua", (seeded.api_key, label, str(seeded.plan.jobs), str(seeded.plan.tenants), str(spared)))


class Storm(NamedTuple):
    """Events of one type, from each of so many integrations for each of so many tenants, in random order."""

    event_type: str
    integrations: int
    tenants: int


def reports(seeded: Seeded, storm: Storm) -> Work:
    """Native events."""
    return Work("events.lua", (seeded.api_key, storm.event_type, str(storm.integrations), str(storm.tenants)))


def prepared(requests: Iterable[bytes], file: Path) -> Work:
    """Requests made beforehand, each sent once, in their order; `file` is where wrk finds them."""
    write_requests(requests, file)
    return Work("replay.lua", (str(file),))


class Wrk:
    """A run of wrk in the background; `result` waits for its end."""

    def __init__(self, url: str, work: Work, connections: int, seconds: float) -> None:
        self._seconds = round(seconds)
        command = ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{self._seconds}s"]
        command += ["--latency", "--timeout", "30s", "--script", str(_SCRIPTS / work.script), url, "--"]
        try:
            # The scripts find what they share from the folder above theirs.
            self._process = subprocess.Popen(
                [*command, *work.arguments], cwd=_SCRIPTS.parent, stdout=subprocess.PIPE, text=True
            )
        except FileNotFoundError:
            raise SystemExit("wrk is missing: apt-get install wrk") from None

    def result(self) -> Load:
        output, _ = self._process.communicate(timeout=600)
        line = next((line for line in output.splitlines() if line.startswith("result ")), None)
        if line is None:
            raise SystemExit(f"wrk did not finish:\n{output}")
        requests, status, broken, micros, p50, p99 = map(int, line.split()[1:])
        acked, is_fair = requests - status, micros / 1e6 < self._seconds * 1.2 + 1
        return Load(acked, status, broken, acked / micros * 1e6, p50 / 1000, p99 / 1000, is_fair)
