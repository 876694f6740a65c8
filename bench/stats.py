"""How soon figures are told of 1,000,000 runs, 1,000,000 events and 10,000 incidents; and what the tallier takes.

`python -m bench.stats [--engine sqlite|postgresql|both] [--size 1.0] [--rounds 40]`
"""

import argparse
import sys
from collections.abc import Callable
from statistics import median

from bench.databases import ENGINES, fresh_database, server_of
from bench.report import Gate, at_most, print_gates, print_row
from bench.seed import tidy
from bench.stats_seed import Past, Size, seed
from tocsin.api import stats_wire
from tocsin.api.envelope import success_body
from tocsin.application.tally import Tallier
from tocsin.clock import stopwatch
from tocsin.store.engine import Connection, Store
from tocsin.store.views_stats import workspace_stats
from tocsin.store.views_stats_history import tenant_strips
from tocsin.store.views_stats_job import job_stats
from tocsin.store.views_stats_strips import check_ins_per_minute, durations_of_jobs, tenant_grid
from tocsin.store.views_stats_tenant import find_tenant, tenant_health
from tocsin.store.views_stats_trends import BucketLength, incidents_by_day, trends
from tocsin.store.views_tenant_pages import LIST_DAYS

_MOST_ANSWER, _MOST_PART = 300, 50
_MINUTE = 60_000_000

Question = Callable[[Connection, Past], object]


def _trends(days: int, bucket: BucketLength) -> Question:
    return lambda c, p: success_body(stats_wire.trends(trends(c, p.workspace_id, p.now, days, bucket)))


def _stats(days: int) -> Question:
    return lambda c, p: success_body(stats_wire.workspace_stats(workspace_stats(c, p.workspace_id, p.now, days)))


def _job(days: int) -> Question:
    return lambda c, p: success_body(stats_wire.job_stats("job-0", job_stats(c, p.workspace_id, p.job_id, p.now, days)))


def _tenant(name: str) -> Question:
    def ask(connection: Connection, past: Past) -> object:
        tenant = find_tenant(connection, past.workspace_id, name)
        if tenant is None:
            raise SystemExit(f"{name} is not there.")
        return success_body(
            stats_wire.tenant_health(tenant_health(connection, past.workspace_id, tenant, past.now, 90))
        )

    return ask


#: What the API answers, whole.
ANSWERS: dict[str, Question] = {
    "stats, 30 days": _stats(30),
    "stats, 366 days": _stats(366),
    "trends, 30 days": _trends(30, "day"),
    "trends, 90 days": _trends(90, "day"),
    "trends, 31 days, hours": _trends(31, "hour"),
    "job, 30 days": _job(30),
    "job, 366 days": _job(366),
    "tenant of all jobs": _tenant("tenant-0"),
    "another tenant": _tenant("tenant-7"),
}
#: What a page asks for some part of it.
PARTS: dict[str, Question] = {
    "check-ins per minute": lambda c, p: check_ins_per_minute(c, p.workspace_id, p.now),
    "grid of all tenants": lambda c, p: tenant_grid(c, p.workspace_id, p.job_id, "production"),
    "durations of 25 jobs": lambda c, p: durations_of_jobs(c, p.workspace_id, p.job_ids[:25]),
    "90 days of a tenant": lambda c, p: tenant_strips(c, p.workspace_id, p.tenant_ids[7:8], p.now),
    "a month of 25 tenants": lambda c, p: tenant_strips(c, p.workspace_id, p.tenant_ids[7:32], p.now, LIST_DAYS),
    "incidents by day": lambda c, p: incidents_by_day(c, p.workspace_id, p.now, 90),
}


def ask(store: Store, past: Past, question: Question, rounds: int) -> tuple[float, float]:
    """Milliseconds: the median, and the slowest but one in a hundred."""
    took = []
    for _ in range(rounds + 2):
        elapsed = stopwatch()
        with store.read() as connection:
            question(connection, past)
        took.append(elapsed() / 1000)
    took = sorted(took[2:])
    return median(took), took[min(len(took) * 99 // 100, len(took) - 1)]


def measure(engine: str, store: Store, size: Size, rounds: int) -> list[Gate]:
    past = seed(store, size)
    elapsed = stopwatch()
    runs = Tallier(store).advance(past.now - _MINUTE)
    seconds = elapsed() / 1_000_000
    tidy(store)
    print(f"{engine}: {runs:,} runs and {size.events:,} events counted in {seconds:.1f} s", flush=True)
    print_row("ms", ("median", "p99"))
    gates = []
    for most, questions in ((_MOST_ANSWER, ANSWERS), (_MOST_PART, PARTS)):
        for name, question in questions.items():
            middle, slow = ask(store, past, question, rounds)
            print_row(name, (f"{middle:.1f}", f"{slow:.1f}"))
            gates.append(at_most(f"{engine}, {name}, median ms", middle, most))
    return gates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=[*ENGINES, "both"], default="both")
    parser.add_argument("--size", type=float, default=1.0, help="of all rows, how many")
    parser.add_argument("--rounds", type=int, default=40)
    chosen = parser.parse_args()
    size = Size(*(max(round(number * chosen.size), 40) for number in Size()))
    gates = []
    for engine in ENGINES if chosen.engine == "both" else (chosen.engine,):
        with server_of(engine) as server, fresh_database(engine, server) as database:
            store = Store(database.url)
            try:
                gates += measure(engine, store, size, chosen.rounds)
            finally:
                store.close()
    sys.exit(0 if print_gates(gates) else 1)


if __name__ == "__main__":
    main()
