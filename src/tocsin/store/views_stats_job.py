"""One job in figures: how its runs ended and how long they took, day by day. Read only."""

from typing import NamedTuple

from sqlalchemy import Connection

from tocsin.domain import sketch
from tocsin.domain.sketch import Sketch
from tocsin.store.views_counts import DayOfJob, Outcomes, calendar_of, days_of_job
from tocsin.store.views_stats import last_days


class Durations(NamedTuple):
    """Of runs that went well, in microseconds and within 1 %; None where there were none."""

    median: int | None
    p95: int | None


class JobDay(NamedTuple):
    """A day on the workspace's calendar, by its number, which begins at `start_at`."""

    day: int
    start_at: int
    outcomes: Outcomes
    durations: Durations


class JobStats(NamedTuple):
    """Of the period from `from_at` to now, and of each of its days, oldest first, empty ones too."""

    days: int
    timezone: str
    from_at: int
    until_at: int
    outcomes: Outcomes
    durations: Durations
    by_day: list[JobDay]


def job_stats(connection: Connection, workspace_id: int, job_id: int, now: int, days: int) -> JobStats:
    """The last `days` days on the workspace's calendar, today among them."""
    zone, calendar = calendar_of(connection, workspace_id)
    numbers = last_days(calendar.of(now), days)
    found = days_of_job(connection, workspace_id, job_id, numbers)
    by_day = [_day(number, calendar.start(number), found.get(number)) for number in numbers]
    outcomes = Outcomes(*(sum(column) for column in zip(*(one.outcomes for one in by_day), strict=True)))
    together = Sketch()
    for one in found.values():
        together.update(one.durations)
    return JobStats(days, zone, by_day[0].start_at, now, outcomes, _durations(together), by_day)


def _day(number: int, start_at: int, found: DayOfJob | None) -> JobDay:
    outcomes, durations = found or DayOfJob(Outcomes(), Sketch())
    return JobDay(number, start_at, outcomes, _durations(durations))


def _durations(of: Sketch) -> Durations:
    return Durations(sketch.quantile(of, 0.5), sketch.quantile(of, 0.95))
