"""The tick alone, without pings: how long its transactions hold the database, and what takes their time.

`python -m bench.profile_tick [--engine …] [--streams 1000000] [--jobs 10] [--at-once] [--top 25]`
"""

import argparse
import cProfile
import pstats
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from statistics import quantiles
from typing import Any

import structlog
from sqlalchemy import Engine, event

from bench.databases import ENGINES, LARGE, fresh_database, server_of
from bench.seed import Plan, seed
from bench.silence import Silence, faults, prepare
from tocsin.application.advance_time import Tick
from tocsin.application.pace import Pace
from tocsin.clock import SystemClock
from tocsin.domain.ids import IdMaker
from tocsin.domain.model import SECOND
from tocsin.store.engine import Connection, Store, Transact
from tocsin.store.engines import hot_of
from tocsin.store.hot_postgres import SESSION

_TENTH = Silence(jobs_every=1, tenants_every=10)
_STATEMENTS = 10


class Statements:
    """Time spent in each statement that goes through SQLAlchemy (the hot ones do not)."""

    def __init__(self) -> None:
        self._spent: dict[str, list[float]] = defaultdict(list)
        event.listen(Engine, "before_cursor_execute", self._before)
        event.listen(Engine, "after_cursor_execute", self._after)

    def print(self) -> None:
        costliest = sorted(self._spent.items(), key=lambda item: -sum(item[1]))[:_STATEMENTS]
        for statement, took in costliest:
            print(f"{len(took):>8} x {sum(took):7.2f} s, at most {max(took) * 1000:7.1f} ms  {statement[:90]}")

    def _before(self, *arguments: Any) -> None:
        arguments[4].begun = time.perf_counter()

    def _after(self, *arguments: Any) -> None:
        self._spent[" ".join(arguments[2].split())].append(time.perf_counter() - arguments[4].begun)


def timed(transact: Transact, holds: list[float]) -> Transact:
    """The same transactions; the milliseconds of each are added to `holds`."""

    @contextmanager
    def measured() -> Iterator[Connection]:
        begun = time.perf_counter()
        with transact() as connection:
            yield connection
        holds.append((time.perf_counter() - begun) * 1000)

    return measured


def profile(store: Store, plan: Plan, spread: int, profiler: cProfile.Profile | None) -> None:
    seeded, clock = seed(store, plan), SystemClock()
    due_at = prepare(store, seeded, _TENTH, 0, spread)
    holds: list[float] = []
    lane = timed(store.own_session(SESSION), holds)
    tick = Tick([lane], hot_of(store), IdMaker(), Pace(), "http://localhost", is_awaited=store.is_awaited)
    time.sleep(max(due_at + SECOND - clock.now(), 0) / SECOND)
    statements = Statements()
    begun = time.perf_counter()
    with profiler or nullcontext():
        judged = tick.advance(due_at + SECOND, clock.now())
    took = time.perf_counter() - begun
    cuts = quantiles(holds, n=100, method="inclusive")
    print(f"{judged:,} judged in {took:.2f} s, {len(holds)} transactions", end="")
    print(f" of {cuts[49]:.1f} ms, p99 {cuts[98]:.1f}, at most {max(holds):.1f}")
    statements.print()
    print(*faults(store, seeded, _TENTH), sep="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=ENGINES, default="sqlite")
    parser.add_argument("--streams", type=int, default=1_000_000)
    parser.add_argument("--jobs", type=int, default=10)
    parser.add_argument("--at-once", action="store_true", help="all deadlines at one moment, not strewn over a second")
    parser.add_argument("--top", type=int, default=0, help="how many lines of cProfile to print")
    chosen = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    profiler = cProfile.Profile() if chosen.top else None
    plan = Plan(chosen.jobs, chosen.streams // chosen.jobs)
    with server_of(chosen.engine, settings=LARGE) as server, fresh_database(chosen.engine, server) as database:
        store = Store(database.url)
        profile(store, plan, 1 if chosen.at_once else SECOND, profiler)
        store.close()
    for order in ("tottime", "cumulative") if profiler else ():
        pstats.Stats(profiler).sort_stats(order).print_stats(chosen.top)


if __name__ == "__main__":
    main()
