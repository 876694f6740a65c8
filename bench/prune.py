"""What pings feel while old runs go: their p99 while a million rows are pruned, beside that of the minutes before."""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

from bench.databases import ENGINES, Database, fresh_database, server_of
from bench.old_runs import add_old_runs, count_old, keep_for_ever
from bench.prober import Prober, p99
from bench.processes import running, tidy_up_when_told_to_end
from bench.report import Gate, at_most, print_gates, print_row
from bench.seed import Plan, Seeded, seed
from tocsin.clock import SystemClock
from tocsin.store.engine import Store

_MOST_SECONDS, _LONGEST_SECONDS = 120, 900
#: Beside the p99 of a server that prunes nothing, that of one that does may be so many times as long, or so many ms.
_MOST_RATIO, _FREE_MS = 2.0, 20.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=[*ENGINES, "both"], default="both")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--calm", type=float, default=20, help="seconds of pings to compare with")
    options = parser.parse_args()
    tidy_up_when_told_to_end()
    print_row("", ["rows gone", "seconds", "p99 calm", "p99 then"])
    gates: list[Gate] = []
    for engine in ENGINES if options.engine == "both" else [options.engine]:
        with server_of(engine) as postgres, fresh_database(engine, postgres) as database:
            gates += _measure(database, options.rows, options.calm)
    raise SystemExit(not print_gates(gates))


def _measure(database: Database, rows: int, calm_seconds: float) -> list[Gate]:
    store = Store(database.url)
    seeded = seed(store, Plan(10, 1_000))
    newest = add_old_runs(store, seeded, rows)
    keep_for_ever(store, wanted=True)
    calm, _ = _pinged(database, seeded, lambda _: time.sleep(calm_seconds))
    keep_for_ever(store, wanted=False)
    pruning, seconds = _pinged(database, seeded, _until_pruned)
    left = count_old(store, newest)
    store.close()
    cells = [f"{rows - left:,}", f"{seconds:.0f}", f"{calm:.1f} ms", f"{pruning:.1f} ms"]
    print_row(database.engine, cells)
    return [
        at_most(f"{database.engine}: seconds until they are gone", seconds, _MOST_SECONDS),
        at_most(f"{database.engine}: p99 in ms while old rows go", pruning, max(calm * _MOST_RATIO, calm + _FREE_MS)),
        at_most(f"{database.engine}: old runs left, of {seeded.plan.streams:,} streams", left, seeded.plan.streams),
    ]


def _pinged(database: Database, seeded: Seeded, wait: Callable[[Path], None]) -> tuple[float, float]:
    """The p99 of pings, in milliseconds, while `wait` waits; and the seconds that took."""
    arguments = ["serve", "--port", "0", "--database-url", database.url, "--data-dir", str(database.folder)]
    with running("tocsin", *arguments, folder=database.folder) as server:
        prober = Prober(server.url, seeded, seeded.plan.tenants)
        begun, clock = time.monotonic(), SystemClock()
        from_at = clock.now()
        wait(database.folder)
        until_at, seconds = clock.now(), time.monotonic() - begun
        return p99(prober.results(), from_at, until_at), seconds


def _until_pruned(folder: Path) -> None:
    until = time.monotonic() + _LONGEST_SECONDS
    while time.monotonic() < until:
        if any('"pruned"' in log.read_text() for log in folder.glob("tocsin-*.log")):
            return
        time.sleep(0.5)
    raise SystemExit(f"The old rows were not gone after {_LONGEST_SECONDS} s.")


if __name__ == "__main__":
    main()
