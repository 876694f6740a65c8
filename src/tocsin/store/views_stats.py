"""A workspace in figures: its incidents, how soon they end, and who has most of them. Read only."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, func, or_, select

from tocsin.domain import statistics
from tocsin.domain.model import IncidentStatus
from tocsin.domain.pattern import BUILT_IN
from tocsin.domain.statistics import Recovery
from tocsin.store.schema import incident_tenants, incidents, job_environments, jobs, patterns, tenants
from tocsin.store.views_counts import Failed, calendar_of, check_ins_of_days, failures_of

#: How many patterns, jobs and tenants are named.
TOP = 10
_CHRONIC = 3
#: Of the jobs without an incident, so many are looked at: those of which most runs failed. Some may be gone.
_CANDIDATES = 200


class IncidentOfPeriod(NamedTuple):
    """An incident that was not closed before a period began. `job_id`: 0 where the job is gone, or there is none."""

    id: int
    job_id: int
    job_key: str
    job_name: str
    pattern_id: str
    pattern_name: str
    status: str
    opened_at: int
    closed_at: int | None
    reopen_count: int


class NamedJob(NamedTuple):
    """`id`: 0 where the job is gone."""

    id: int
    key: str
    name: str


class TopPattern(NamedTuple):
    pattern_id: str
    name: str
    incidents: int
    events: int


class TopJob(NamedTuple):
    """`failed`: runs that were missed, failed or timed out."""

    job_key: str
    name: str
    incidents: int
    failed: int


class TopTenant(NamedTuple):
    """`name`: or its externalId."""

    id: int
    external_id: str
    name: str
    incidents: int


class WorkspaceStats(NamedTuple):
    """Of the period from `from_at` to now. `closed`: in it; `chronic`: reopened three times or more; `reopen_rate`: of
    all incidents of the period, those that were reopened (0 to 1)."""

    days: int
    timezone: str
    from_at: int
    until_at: int
    open: int
    recovering: int
    closed: int
    chronic: int
    recovery: Recovery
    reopen_rate: float | None
    patterns: list[TopPattern]
    jobs: list[TopJob]
    tenants: list[TopTenant]
    check_ins: int
    events: int


def workspace_stats(connection: Connection, workspace_id: int, now: int, days: int) -> WorkspaceStats:
    """The last `days` days on the workspace's calendar, today among them."""
    zone, calendar = calendar_of(connection, workspace_id)
    numbers = last_days(calendar.of(now), days)
    from_at = calendar.start(numbers.start)
    found = incidents_since(connection, workspace_id, from_at)
    failed = {of: sum(by_day.values()) for of, by_day in failures_of(connection, workspace_id, "day", numbers).items()}
    closed = [one for one in found if one.status == IncidentStatus.CLOSED]
    return WorkspaceStats(
        days,
        zone,
        from_at,
        now,
        open=sum(one.status == IncidentStatus.OPEN for one in found),
        recovering=sum(one.status == IncidentStatus.RECOVERING for one in found),
        closed=len(closed),
        chronic=sum(one.reopen_count >= _CHRONIC for one in found),
        recovery=statistics.recovery([one.closed_at - one.opened_at for one in closed if one.closed_at is not None]),
        reopen_rate=statistics.share(sum(one.reopen_count > 0 for one in found), len(found)),
        patterns=_top_patterns(connection, workspace_id, found, failed),
        jobs=_top_jobs(connection, workspace_id, found, failed),
        tenants=_top_tenants(connection, workspace_id, from_at),
        check_ins=check_ins_of_days(connection, workspace_id, numbers),
        events=sum(times for of, times in failed.items() if not of.job_id),
    )


def last_days(today: int, days: int) -> range:
    return range(today - days + 1, today + 1)


def incidents_since(connection: Connection, workspace_id: int, from_at: int) -> list[IncidentOfPeriod]:
    """The incidents that were not closed before `from_at`; a job is named as it is called now."""
    query = (
        select(
            incidents.c.id,
            func.coalesce(jobs.c.id, 0),
            func.coalesce(jobs.c.job_key, incidents.c.job_key, ""),
            func.coalesce(jobs.c.name, incidents.c.job_name, ""),
            func.coalesce(incidents.c.pattern_id, ""),
            func.coalesce(incidents.c.pattern_name, ""),
            incidents.c.status,
            incidents.c.opened_at,
            incidents.c.closed_at,
            incidents.c.reopen_count,
        )
        .outerjoin(job_environments, job_environments.c.id == incidents.c.job_environment_id)
        .outerjoin(jobs, jobs.c.id == job_environments.c.job_id)
        .where(incidents.c.workspace_id == workspace_id, _reaches(from_at))
    )
    return [IncidentOfPeriod._make(row) for row in connection.execute(query)]


def names_of_patterns(connection: Connection, workspace_id: int) -> dict[str, str]:
    """Built-in patterns and the workspace's own, by id."""
    own = select(patterns.c.pattern_id, patterns.c.name).where(
        patterns.c.workspace_id == workspace_id, patterns.c.name.is_not(None)
    )
    return {one.id: one.name for one in BUILT_IN} | dict(map(tuple, connection.execute(own)))


def of_job(one: IncidentOfPeriod) -> NamedJob:
    return NamedJob(one.job_id, one.job_key, one.job_name)


def runs_of(failed: Mapping[Failed, int]) -> Counter[int]:
    """How many runs of each job failed."""
    return Counter({of.job_id: times for of, times in failed.items() if of.job_id})


def worst_jobs(
    connection: Connection, workspace_id: int, opened: Mapping[NamedJob, int], runs: Counter[int], most: int
) -> list[NamedJob]:
    """The jobs with the most incidents, and then with the most failed runs. A job that is gone failed no run."""
    failing = select(jobs.c.id, jobs.c.job_key, jobs.c.name).where(
        jobs.c.workspace_id == workspace_id, jobs.c.id.in_([job_id for job_id, _ in runs.most_common(_CANDIDATES)])
    )
    named = {NamedJob._make(row) for row in connection.execute(failing)} | opened.keys()
    return sorted(named, key=lambda one: (-opened.get(one, 0), -runs[one.id], one.key))[:most]


def _reaches(from_at: int) -> ColumnElement[bool]:
    return or_(incidents.c.closed_at.is_(None), incidents.c.closed_at >= from_at)


def _top_patterns(
    connection: Connection, workspace_id: int, found: Iterable[IncidentOfPeriod], failed: Mapping[Failed, int]
) -> list[TopPattern]:
    opened = Counter(one.pattern_id for one in found if one.pattern_id)
    events = Counter({of.pattern_id: times for of, times in failed.items() if of.pattern_id})
    names = {one.pattern_id: one.pattern_name for one in found} | names_of_patterns(connection, workspace_id)
    ranked = sorted(opened.keys() | events.keys(), key=lambda one: (-opened[one], -events[one], one))
    return [TopPattern(one, names.get(one, one), opened[one], events[one]) for one in ranked[:TOP]]


def _top_jobs(
    connection: Connection, workspace_id: int, found: Iterable[IncidentOfPeriod], failed: Mapping[Failed, int]
) -> list[TopJob]:
    opened, runs = Counter(of_job(one) for one in found if one.job_key), runs_of(failed)
    ranked = worst_jobs(connection, workspace_id, opened, runs, TOP)
    return [TopJob(one.key, one.name, opened[one], runs[one.id]) for one in ranked]


def _top_tenants(connection: Connection, workspace_id: int, from_at: int) -> list[TopTenant]:
    times = func.count().label("times")
    counted = (
        select(incident_tenants.c.tenant_id, times)
        .join(incidents, incidents.c.id == incident_tenants.c.incident_id)
        .where(incidents.c.workspace_id == workspace_id, _reaches(from_at))
        .group_by(incident_tenants.c.tenant_id)
        .order_by(times.desc(), incident_tenants.c.tenant_id)
        .limit(TOP)
        .subquery()
    )
    query = (
        select(tenants.c.id, tenants.c.external_id, tenants.c.name, counted.c.times)
        .join(counted, counted.c.tenant_id == tenants.c.id)
        .order_by(counted.c.times.desc(), tenants.c.id)
    )
    return [TopTenant(row[0], row[1], row[2] or row[1], row[3]) for row in connection.execute(query)]
