"""The recorder alone, without HTTP: microseconds a ping, step by step, for batches of several sizes.

`python -m bench.profile [--engine …] [--top 25]`; with `--top`, cProfile's costliest functions at a batch of 128.
"""

import argparse
import cProfile
import pstats
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from bench.databases import ENGINES, fresh_database, server_of
from bench.seed import Plan, Seeded, seed
from tocsin.application.access import find_principal
from tocsin.application.credentials import Credential, hash_secret
from tocsin.application.record_check_ins import Receipt, Submission, record
from tocsin.clock import SystemClock
from tocsin.domain.ids import IdMaker
from tocsin.domain.model import CheckIn, CheckInKind
from tocsin.store.engine import Store, Transact
from tocsin.store.engines import hot_of
from tocsin.store.hot_postgres import SESSION

BATCHES = (16, 128, 500)
_PLAN = Plan(jobs=10, tenants=1_000)
_STEPS = ("begin", "find", "decide", "write", "commit")


class Stopwatched:
    """The hot store with the time its statements take. Everything between them is deciding."""

    def __init__(self, hot: Any, spent: dict[str, float]) -> None:
        self._hot = hot
        self._spent = spent

    def __getattr__(self, name: str) -> Callable[..., Any]:
        step = "write" if name == "write" else "find"

        def measured(*arguments: Any) -> Any:
            begun = time.perf_counter()
            result = getattr(self._hot, name)(*arguments)
            self._spent[step] += time.perf_counter() - begun
            return result

        return measured


class Bench:
    """A seeded store, and batches of pings for it that never repeat a run id."""

    def __init__(self, store: Store, seeded: Seeded) -> None:
        self._transact: Transact = store.own_session(SESSION)
        self._hot: Any = hot_of(store)
        self._clock = SystemClock()
        self._ids = IdMaker()
        self._seeded = seeded
        self._order = self._streams()
        self._number = 0
        self._key_id = self._key(store)

    def batch(self, size: int) -> list[Submission]:
        return [self._submission(next(self._order)) for _ in range(size)]

    def record(self, batch: Sequence[Submission], spent: dict[str, float] | None = None) -> None:
        """One batch in a transaction of its own, as the recorder does it; adds the seconds of each step to `spent`."""
        spent = spent if spent is not None else defaultdict(float)
        hot = Stopwatched(self._hot, spent)
        begun = time.perf_counter()
        with self._transact() as connection:
            opened = time.perf_counter()
            before = spent["find"] + spent["write"]
            outcomes = record(connection, hot, self._ids, batch, self._clock.now())
            done = time.perf_counter()
        spent["begin"] += opened - begun
        spent["decide"] += done - opened - (spent["find"] + spent["write"] - before)
        spent["commit"] += time.perf_counter() - done
        if not all(isinstance(outcome, Receipt) for outcome in outcomes):
            raise SystemExit(f"Not every ping was recorded: {outcomes[:3]}")

    def _streams(self) -> Iterator[int]:
        order = list(range(self._seeded.plan.streams))
        while True:
            random.shuffle(order)
            yield from order

    def _submission(self, stream: int) -> Submission:
        self._number += 1
        job, tenant = divmod(stream, self._seeded.plan.tenants)
        check_in = CheckIn(
            self._seeded.workspace_id,
            f"job-{job}",
            f"tenant-{tenant}",
            "production",
            CheckInKind.SUCCESS,
            self._clock.now(),
            f"run-{self._number}",
        )
        return Submission(check_in, self._key_id)

    def _key(self, store: Store) -> int:
        with store.read() as connection:
            principal = find_principal(connection, Credential(hash_secret(self._seeded.api_key)))
        if principal is None or principal.api_key_id is None:
            raise SystemExit("The seeded key is not known.")
        return principal.api_key_id


def measure(bench: Bench, size: int, seconds: float) -> dict[str, float]:
    """Microseconds a ping of each step."""
    for _ in range(20):
        bench.record(bench.batch(size))
    spent: dict[str, float] = defaultdict(float)
    pings, until = 0, time.perf_counter() + seconds
    while time.perf_counter() < until:
        bench.record(bench.batch(size), spent)
        pings += size
    return {step: spent[step] / pings * 1e6 for step in _STEPS}


def top(bench: Bench, size: int, lines: int) -> None:
    batches = [bench.batch(size) for _ in range(100)]
    profiler = cProfile.Profile()
    profiler.enable()
    for batch in batches:
        bench.record(batch)
    profiler.disable()
    for order in ("tottime", "cumulative"):
        pstats.Stats(profiler).sort_stats(order).print_stats(lines)


@contextmanager
def seeded_bench(engine: str, server: str | None) -> Iterator[Bench]:
    with fresh_database(engine, server) as database:
        store = Store(database.url)
        try:
            yield Bench(store, seed(store, _PLAN))
        finally:
            store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=[*ENGINES, "both"], default="both")
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--top", type=int, default=0, help="how many lines of cProfile to print")
    chosen = parser.parse_args()
    for engine in ENGINES if chosen.engine == "both" else (chosen.engine,):
        with server_of(engine) as server, seeded_bench(engine, server) as bench:
            print(f"{engine}: µs a ping\n{'batch':>8}" + "".join(f"{step:>9}" for step in (*_STEPS, "all")))
            for size in BATCHES:
                steps = measure(bench, size, chosen.seconds)
                figures = [*steps.values(), sum(steps.values())]
                print(f"{size:>8}" + "".join(f"{figure:9.1f}" for figure in figures), flush=True)
            if chosen.top:
                top(bench, 128, chosen.top)


if __name__ == "__main__":
    main()
