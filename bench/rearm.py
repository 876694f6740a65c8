"""What a crontab stream costs to re-arm after its success: python -m bench.rearm"""

from random import Random
from statistics import quantiles
from time import perf_counter

from tocsin.domain.check_in import hear, new_stream
from tocsin.domain.model import SECOND, CheckIn, CheckInKind, Job
from tocsin.domain.schedule import Crontab
from tocsin.domain.silence import judge

ZONES = ("UTC", "Europe/Vienna", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe")
BEGIN = 1_767_614_400 * SECOND
DAY = 86_400 * SECOND


def main() -> None:
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
    for name, times in (("heard on time, next slot worked out", heard), ("re-armed by the tick", rearmed)):
        cuts = quantiles(times, n=100)
        print(f"{name}: median {cuts[49] * 1e6:.1f} µs, p99 {cuts[98] * 1e6:.1f} µs (at most 50 at the median)")


if __name__ == "__main__":
    main()
