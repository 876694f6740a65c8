"""Sentry's endpoints under a steady load, and with a queue that is full: sentry-cli holds the user's job back while it
tries again what was answered 502, 503, 504 or 507, so that none of them may come while the database can commit.

`python -m bench.sentry [--engine sqlite|postgresql|both] [--seconds 20] [--per-second 2000] [--jobs 5000]`
"""

import argparse
import sys
from collections import Counter
from itertools import chain, islice

from bench.databases import ENGINES, Database, fresh_database, server_of
from bench.pacer import Answer, Pacer, p99, write_requests
from bench.processes import tidy_up_when_told_to_end
from bench.promises import BrokenPromiseError, runs_in, settled
from bench.protocols import Running, serving
from bench.report import Gate, at_most, print_gates
from bench.wire import SENTRY

_RUN_IN_SECONDS = 2.0
_MOST_P99 = 100
_HELD_BACK_FOR = {502, 503, 504, 507}
#: Two batches fill it, and thrice the steady load overflows it.
_SMALL_QUEUE = {"TOCSIN_QUEUE_LIMIT": "8", "TOCSIN_BATCH_LIMIT": "4"}
_CROWD, _CROWD_SECONDS = 3, 3


def send(one: Running, database: Database, seconds: float, per_second: float) -> list[Answer]:
    """Check-ins by both endpoints in turn; whatever is acknowledged is stored."""
    before, file = settled(runs_in(one.store)), database.folder / "paced"
    each = round(seconds * per_second / len(one.pingers))
    write_requests(chain.from_iterable(zip(*(islice(p.requests(), each) for p in one.pingers), strict=True)), file)
    answers = Pacer(one.server.url, file, per_second).answers()
    acked, stored = sum(answer.is_good for answer in answers), settled(runs_in(one.store)) - before
    if acked != stored:
        raise BrokenPromiseError(f"{acked} check-ins were acknowledged, {stored} are stored.")
    return answers


def steady(database: Database, seconds: float, per_second: float, jobs: int) -> Gate:
    with serving(database, jobs, SENTRY) as one:
        one.warm_up(jobs)
        # A server that has just started is slow for its first second or two: p99 375 ms with it, 29 without.
        send(one, database, _RUN_IN_SECONDS, per_second / 4)
        answers = send(one, database, seconds, per_second)
    print(f"  {len(answers):,} check-ins, {per_second:,g} a second: acknowledged, and stored by number")
    return at_most("ms p99 of check-ins", p99(answers), _MOST_P99)


def crowded(database: Database, per_second: float) -> list[Gate]:
    """The same with a queue so small that it overflows."""
    with serving(database, 100, SENTRY, _SMALL_QUEUE) as one:
        answers = send(one, database, _CROWD_SECONDS, _CROWD * per_second)
    statuses = Counter(answer.status for answer in answers)
    print(f"  with a queue for {_SMALL_QUEUE['TOCSIN_QUEUE_LIMIT']}: {dict(sorted(statuses.items()))}")
    bad = sum(statuses[status] for status in _HELD_BACK_FOR)
    return [
        at_most("answers that hold a job back", bad, 0),
        Gate("the queue did overflow: some were answered 429", statuses[429] > 0),
        Gate("each check-in was answered", statuses[0] == 0),
    ]


def bench(engine: str, seconds: float, per_second: float, jobs: int) -> bool:
    """Measure one engine; whether the gates are met."""
    print(f"{engine}: check-ins by envelope (gzip) and by the cron endpoint, half and half")
    with server_of(engine) as postgres:
        with fresh_database(engine, postgres) as database:
            gates = [steady(database, seconds, per_second, jobs)]
        with fresh_database(engine, postgres) as database:
            gates += crowded(database, per_second)
    return print_gates(gates)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=[*ENGINES, "both"], default="both")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--per-second", type=float, default=2_000)
    parser.add_argument("--jobs", type=int, default=5_000, help="behind each of the two endpoints")
    chosen = parser.parse_args()
    tidy_up_when_told_to_end()
    engines = ENGINES if chosen.engine == "both" else (chosen.engine,)
    met = [bench(engine, chosen.seconds, chosen.per_second, chosen.jobs) for engine in engines]
    sys.exit(0 if all(met) else 1)


if __name__ == "__main__":
    main()
