"""Durable pings a second, beside the same route without a store and around a bare group commit; then each protocol's.

`python -m bench.ingest [--engine sqlite|postgresql|both] [--rounds 5] [--seconds 5] [--disk as-is|slow|both]
[--protocols with|without|only]`
"""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench import protocols
from bench.databases import ENGINES, Database, fresh_database, server_of
from bench.load import Load, pings
from bench.processes import Server, running, tidy_up_when_told_to_end
from bench.promises import check_ids, measured, runs_in
from bench.report import Gate, at_least, at_most, print_gates, print_row
from bench.seed import Plan, Seeded, seed, tidy
from bench.slow_disk import check_slow, slow_fsync
from tocsin.store.engine import Store

CONNECTIONS = (32, 128)
_PLAN = Plan(jobs=10, tenants=1_000)
_LEAST_RATIO = {"sqlite": 0.6, "postgresql": 0.5}
_MOST_P99 = 50
_LEAST_ON_SLOW_DISK = 4_000
_NAMES = {"alone": "route without store", "bare": "bare group commit", "tocsin": "Tocsin"}
_WARM_UP_SECONDS = 2


class Contender(NamedTuple):
    """A server under load, and the database it stores in."""

    kind: str
    server: Server
    seeded: Seeded
    store: Store

    @property
    def stores(self) -> bool:
        return self.kind != "alone"

    def run(self, connections: int, seconds: float) -> Load:
        """One run of wrk."""
        stored = runs_in(self.store) if self.stores else None
        return measured(self.server.url, lambda: pings(self.seeded), connections, seconds, stored)


Loads = dict[tuple[str, int], list[Load]]


@contextmanager
def contender(kind: str, engine: str, postgres: str | None, preload: Path | None) -> Iterator[Contender]:
    """A server of this kind on a database of its own."""
    with fresh_database(engine, postgres) as database, ExitStack() as stack:
        store = Store(database.url)
        stack.callback(store.close)
        seeded = seed(store, _PLAN)
        library = preload if engine == "sqlite" else None
        server = stack.enter_context(_serving(kind, database, seeded, library))
        if preload is not None:
            check_slow(server.pid, postgres)
        yield Contender(kind, server, seeded, store)


@contextmanager
def _serving(kind: str, database: Database, seeded: Seeded, preload: Path | None) -> Iterator[Server]:
    place = ("--database-url", database.url, "--data-dir", str(database.folder))
    arguments = (
        ("tocsin", "serve", "--port", "0", *place)
        if kind == "tocsin"
        else ("bench.ceilings", kind, *place, "--seeded", json.dumps(seeded))
    )
    with running(*arguments, folder=database.folder, preload=preload) as server:
        yield server


def measure(contenders: list[Contender], rounds: int, seconds: float) -> Loads:
    """Every contender in turn, round by round, so that a slow minute of the machine hits all alike."""
    loads: Loads = {}
    for one in contenders:
        one.run(max(CONNECTIONS), _WARM_UP_SECONDS)
        tidy(one.store)
    for _ in range(rounds):
        for connections in CONNECTIONS:
            for one in contenders:
                loads.setdefault((one.kind, connections), []).append(one.run(connections, seconds))
    return loads


def print_table(contenders: list[Contender], loads: Loads) -> None:
    print_row("", [cell for c in CONNECTIONS for cell in (f"{c} conns:", "of bare", "p50 ms", "p99 ms")] + ["peak MiB"])
    for one in contenders:
        cells = []
        for connections in CONNECTIONS:
            runs = loads[one.kind, connections]
            cells += [f"{_middle(runs, 'per_second'):,.0f}/s", f"{_ratio(loads, one.kind, connections):.2f}"]
            cells += [f"{_middle(runs, 'p50'):.1f}", f"{_middle(runs, 'p99'):.1f}"]
        print_row(_NAMES[one.kind], [*cells, f"{one.server.peak_mib():.0f}"])


def gates(engine: str, loads: Loads, *, slow: bool) -> list[Gate]:
    if slow:
        rate = _middle(loads["tocsin", 128], "per_second")
        return [at_least("pings a second, 128 connections", rate, _LEAST_ON_SLOW_DISK)]
    ratios = [
        at_least(f"of bare, {connections} connections", _ratio(loads, "tocsin", connections), _LEAST_RATIO[engine])
        for connections in CONNECTIONS
    ]
    return [*ratios, at_most("p99 in ms, 32 connections", _middle(loads["tocsin", 32], "p99"), _MOST_P99)]


def _middle(runs: list[Load], field: str) -> float:
    return float(median(getattr(run, field) for run in runs))


def _ratio(loads: Loads, kind: str, connections: int) -> float:
    """The median of the rounds' ratios: within a round the machine was the same."""
    pairs = zip(loads[kind, connections], loads["bare", connections], strict=True)
    return median(run.per_second / bare.per_second for run, bare in pairs)


def bench(engine: str, rounds: int, seconds: float, *, slow: bool) -> bool:
    """Measure one engine and print its table; whether the gates are met."""
    preload = slow_fsync() if slow else None
    kinds = ("bare", "tocsin") if slow else ("alone", "bare", "tocsin")
    print(f"{engine}{', every fsync 2 ms slower' if slow else ''}: median of {rounds} rounds of {seconds:g} s")
    with server_of(engine, preload) as postgres, ExitStack() as stack:
        contenders = [stack.enter_context(contender(kind, engine, postgres, preload)) for kind in kinds]
        loads = measure(contenders, rounds, seconds)
        print_table(contenders, loads)
        tocsin = contenders[-1]
        number = check_ids(tocsin.server.url, tocsin.seeded, tocsin.store, min(seconds, 3))
        total = sum(load.acked for connections in CONNECTIONS for load in loads["tocsin", connections])
        print(f"  {total:,} pings acknowledged and stored by number, {number:,} more run id by run id")
        return print_gates(gates(engine, loads, slow=slow))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=[*ENGINES, "both"], default="both")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--disk", choices=["as-is", "slow", "both"], default="both")
    parser.add_argument("--protocols", choices=["with", "without", "only"], default="with")
    parser.add_argument("--jobs", type=int, default=10_000, help="of each protocol")
    chosen = parser.parse_args()
    tidy_up_when_told_to_end()
    engines = ENGINES if chosen.engine == "both" else (chosen.engine,)
    disks = {"as-is": [False], "slow": [True], "both": [False, True]}[chosen.disk]
    met = []
    if chosen.protocols != "only":
        met += [bench(engine, chosen.rounds, chosen.seconds, slow=slow) for slow in disks for engine in engines]
    if chosen.protocols != "without":
        met += [protocols.bench(engine, chosen.rounds, chosen.seconds, chosen.jobs) for engine in engines]
    sys.exit(0 if all(met) else 1)


if __name__ == "__main__":
    main()
