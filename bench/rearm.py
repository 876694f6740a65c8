"""What the domain takes to re-arm a crontab stream after its success: `python -m bench.rearm`."""

import sys
from random import Random
from statistics import quantiles
from time import perf_counter

from bench.report import at_most, print_gates, print_row
from tocsin.domain.check_in import hear, new_stream
from tocsin.domain.model import SECOND, CheckIn, CheckInKind, Job
from tocsin.domain.schedule import Crontab
from tocsin.domain.silence import judge

ZONES = ("UTC", "Europe/Vienna", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe")
BEGIN = 1_767_614_400 * SECOND
DAY = 86_400 * SECOND
_MOST_MICROS = 50


def bench() -> bool:
    """Measure 200 expressions in five zones, over a month; whether the gates are met."""
    chance = Random(1)
    expressions = [
        f"{chance.randrange(60)} {chance.randrange(24)} * * {chance.choice(['*', '1-5'])}" for _ in range(200)
    ]
    jobs = [
        Job(n, 1, f"job-{n}", True, Crontab(expression, ZONES[n % len(ZONES)]), 300 * SECOND)
        for n, expression in enumerate(expressions)
    ]
    heard, rearmed = [], []
    for day in range(30):
        for job in jobs:
            stream = new_stream(job.id, job, 1, 1, BEGIN + day * DAY)
            due = stream.due_at or 0
            check_in = CheckIn(1, job.key, "acme", "production", CheckInKind.SUCCESS, due + SECOND)
            began = perf_counter()
            after = hear(job, stream, None, check_in, 1).stream
            heard.append(perf_counter() - began)
            began = perf_counter()
            judge(job, after, (), due + job.grace, 2)
            rearmed.append(perf_counter() - began)
    gates = []
    print_row("a crontab stream", ["median µs", "p99 µs"])
    for name, times in (("heard on time", heard), ("re-armed by the tick", rearmed)):
        cuts = quantiles(times, n=100)
        print_row(name, [f"{cuts[49] * 1e6:.1f}", f"{cuts[98] * 1e6:.1f}"])
        gates.append(at_most(f"{name}, µs at the median", cuts[49] * 1e6, _MOST_MICROS))
    return print_gates(gates)


def main() -> None:
    sys.exit(0 if bench() else 1)


if __name__ == "__main__":
    main()
