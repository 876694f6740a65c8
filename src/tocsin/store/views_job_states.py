"""The state of every job of a workspace, in a few statements: ten thousand jobs cost little more than a hundred.

Read only. `views_jobs` tells the same of a few jobs, and more.
"""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Select, and_, case, exists, func, or_, select, true

from tocsin.domain.model import SECOND, IncidentStatus
from tocsin.store.schema import incidents, job_environments, jobs, streams
from tocsin.store.views_jobs import due_at, status_of

#: The worst comes first.
STATUSES = ("down", "late", "up", "new", "paused")
_DAY = 86_400 * SECOND
_JUDGED_WITHIN = 60 * SECOND
#: Narrows a query of jobs and puts it in order; beside it, what is counted of each: `watched` and `affected`.
Narrow = Callable[[Select[Any], Any], Select[Any]]


def _all(query: Select[Any], _counted: Any) -> Select[Any]:
    return query


def states_of_jobs(connection: Connection, workspace_id: int, now: int, narrow: Narrow = _all) -> list[tuple[int, str]]:
    """(id, status) of every job that `narrow` leaves, in its order."""
    counted = (
        select(
            job_environments.c.job_id,
            func.sum(job_environments.c.watched_count).label("watched"),
            func.sum(job_environments.c.affected_count).label("affected"),
        )
        .where(job_environments.c.workspace_id == workspace_id)
        .group_by(job_environments.c.job_id)
        .subquery()
    )
    of_job = and_(streams.c.job_environment_id == job_environments.c.id, job_environments.c.job_id == jobs.c.id)
    # Who is watched because they were heard needs no look at their streams.
    is_heard = and_(jobs.c.tenant_scope == "seen", counted.c.watched > 0)
    was_heard = case((is_heard, true()), else_=exists().where(of_job, streams.c.last_check_in_at.is_not(None)))
    columns = (jobs.c.id, jobs.c.is_active, was_heard.label("was_heard"), counted.c.watched, counted.c.affected)
    query = (
        select(*columns).outerjoin(counted, counted.c.job_id == jobs.c.id).where(jobs.c.workspace_id == workspace_id)
    )
    is_open, is_late = _open(connection, workspace_id), _late(connection, workspace_id, now)
    rows: Sequence[Any] = connection.execute(narrow(query, counted)).all()
    found = []
    for job_id, is_active, heard, watched, affected in rows:
        is_down = job_id in is_open or (watched == 1 and affected > 0)
        found.append((job_id, status_of(is_active, is_down, job_id in is_late, heard)))
    return found


def _open(connection: Connection, workspace_id: int) -> set[int]:
    """The jobs with an open incident."""
    live = and_(incidents.c.workspace_id == workspace_id, incidents.c.status != IncidentStatus.CLOSED)
    query = (
        select(job_environments.c.job_id)
        .join(incidents, incidents.c.job_environment_id == job_environments.c.id)
        .where(live, incidents.c.status == IncidentStatus.OPEN)
    )
    return set(connection.execute(query).scalars())


def _late(connection: Connection, workspace_id: int, now: int) -> set[int]:
    """The jobs with a stream that missed its latest run, or whose run is overdue: its deadline then is within a grace,
    and only the index of what is to be judged next is looked through."""
    grace = func.max(func.coalesce(jobs.c.grace, _DAY))
    longest = select(grace).where(jobs.c.workspace_id == workspace_id).scalar_subquery()
    joined = streams.join(job_environments, job_environments.c.id == streams.c.job_environment_id).join(
        jobs, jobs.c.id == job_environments.c.job_id
    )
    soon = and_(streams.c.check_at >= now - _JUDGED_WITHIN, streams.c.check_at <= longest + now)
    mine = and_(streams.c.workspace_id == workspace_id, streams.c.is_watched)
    overdue = select(jobs.c.id).select_from(joined).where(soon, mine, due_at < now)
    # What counts towards a threshold is counted already; what does not yet, or was resolved by hand, is looked for.
    environments = and_(job_environments.c.workspace_id == workspace_id, job_environments.c.job_id == jobs.c.id)
    counted = select(job_environments.c.job_id).where(environments, job_environments.c.late_count > 0)
    is_uncounted = or_(jobs.c.threshold_mode == "all", job_environments.c.epoch > 0)
    missed = select(jobs.c.id).select_from(joined).where(environments, is_uncounted, mine, streams.c.missed_runs > 0)
    queries = (overdue, counted, missed)
    return {job_id for query in queries for job_id in connection.execute(query.distinct()).scalars()}
