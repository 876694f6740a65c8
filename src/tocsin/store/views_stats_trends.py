"""Incidents and what failed, hour by hour or day by day, with the direction they take. Read only."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from sqlalchemy import Connection, select

from tocsin.domain import statistics
from tocsin.domain.days import HOUR, hour_of
from tocsin.domain.statistics import Trend
from tocsin.store.schema import incidents
from tocsin.store.views_counts import Failed, calendar_of, failures_of
from tocsin.store.views_stats import (
    IncidentOfPeriod,
    NamedJob,
    incidents_since,
    last_days,
    names_of_patterns,
    of_job,
    runs_of,
    worst_jobs,
)

#: How many patterns, and how many jobs: those with the most incidents, then with the most that failed.
MOST_SERIES = 25
_HOURS_A_DAY = 24

BucketLength = Literal["hour", "day"]


class Series(NamedTuple):
    """Of a pattern by its id, or of a job by its key. In each bucket: incidents that were opened, and what failed:
    events of a pattern, or runs of a job."""

    key: str
    name: str
    trend: Trend
    incidents: list[int]
    failures: list[int]


class Trends(NamedTuple):
    """The period reaches from `from_at` to now. `starts`: when each bucket begins; the last is still going on."""

    bucket: BucketLength
    days: int
    timezone: str
    from_at: int
    until_at: int
    starts: list[int]
    patterns: list[Series]
    jobs: list[Series]


class IncidentDay(NamedTuple):
    """Incidents opened on a day that begins at `start_at`."""

    day: int
    start_at: int
    incidents: int


class _Axis(NamedTuple):
    """The buckets: their numbers, and when each begins."""

    numbers: range
    starts: list[int]

    def place(self, moment: int) -> int:
        """Which bucket a moment lies in; -1 for what was before the first."""
        return bisect_right(self.starts, moment) - 1


def trends(connection: Connection, workspace_id: int, now: int, days: int, bucket: BucketLength) -> Trends:
    """The last `days` days: on the workspace's calendar, today among them, or as many times 24 hours of UTC."""
    zone = calendar_of(connection, workspace_id)[0]
    axis = _axis(connection, workspace_id, now, days, bucket)
    found = incidents_since(connection, workspace_id, axis.starts[0])
    failed = failures_of(connection, workspace_id, bucket, axis.numbers)
    of_patterns = _patterns(connection, workspace_id, axis, found, failed)
    of_jobs = _jobs(connection, workspace_id, axis, found, failed)
    return Trends(bucket, days, zone, axis.starts[0], now, axis.starts, of_patterns, of_jobs)


def incidents_by_day(connection: Connection, workspace_id: int, now: int, days: int) -> list[IncidentDay]:
    """How many incidents were opened on each of the last `days` days, oldest first."""
    axis = _axis(connection, workspace_id, now, days, "day")
    query = select(incidents.c.opened_at).where(
        incidents.c.workspace_id == workspace_id, incidents.c.opened_at >= axis.starts[0]
    )
    counts = _counted(axis, connection.execute(query).scalars())
    return [IncidentDay(*one) for one in zip(axis.numbers, axis.starts, counts, strict=True)]


def _axis(connection: Connection, workspace_id: int, now: int, days: int, bucket: BucketLength) -> _Axis:
    if bucket == "hour":
        hour = hour_of(now)
        hours = range(hour - days * _HOURS_A_DAY + 1, hour + 1)
        return _Axis(hours, [number * HOUR for number in hours])
    calendar = calendar_of(connection, workspace_id)[1]
    numbers = last_days(calendar.of(now), days)
    return _Axis(numbers, [calendar.start(number) for number in numbers])


def _counted(axis: _Axis, moments: Iterable[int]) -> list[int]:
    counts = [0] * len(axis.starts)
    for moment in moments:
        place = axis.place(moment)
        if place >= 0:
            counts[place] += 1
    return counts


def _patterns(
    connection: Connection,
    workspace_id: int,
    axis: _Axis,
    found: Sequence[IncidentOfPeriod],
    failed: Mapping[Failed, Mapping[int, int]],
) -> list[Series]:
    opened: dict[str, list[int]] = {}
    names = {}
    for one in found:
        if one.pattern_id:
            names[one.pattern_id] = one.pattern_name
            opened.setdefault(one.pattern_id, []).append(one.opened_at)
    events = {of.pattern_id: times for of, times in failed.items() if of.pattern_id}
    names |= names_of_patterns(connection, workspace_id)
    totals = Counter({key: sum(times.values()) for key, times in events.items()})
    keys = sorted(opened.keys() | events.keys(), key=lambda key: (-len(opened.get(key, ())), -totals[key], key))
    return [
        _series(key, names.get(key, key), axis, opened.get(key, []), events.get(key, {})) for key in keys[:MOST_SERIES]
    ]


def _jobs(
    connection: Connection,
    workspace_id: int,
    axis: _Axis,
    found: Sequence[IncidentOfPeriod],
    failed: Mapping[Failed, Mapping[int, int]],
) -> list[Series]:
    opened: dict[NamedJob, list[int]] = {}
    for one in found:
        if one.job_key:
            opened.setdefault(of_job(one), []).append(one.opened_at)
    runs = {of.job_id: times for of, times in failed.items() if of.job_id}
    totals = runs_of({of: sum(times.values()) for of, times in failed.items()})
    counts = {job: len(moments) for job, moments in opened.items()}
    worst = worst_jobs(connection, workspace_id, counts, totals, MOST_SERIES)
    return [_series(job.key, job.name, axis, opened.get(job, []), runs.get(job.id, {})) for job in worst]


def _series(key: str, name: str, axis: _Axis, opened: Iterable[int], failed: Mapping[int, int]) -> Series:
    counts = _counted(axis, opened)
    return Series(key, name, statistics.trend(counts), counts, [failed.get(number, 0) for number in axis.numbers])
