"""Rows of jobs, as a person makes and changes them."""

from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.exc import IntegrityError

from tocsin.domain.model import Job
from tocsin.domain.schedule import Calendar, Crontab, Interval, Learned
from tocsin.store.insertion import insert_unless_taken
from tocsin.store.schema import job_environments, jobs, streams

Row = dict[str, Any]


def insert_job(connection: Connection, row: Row) -> bool:
    """False where the jobKey is taken."""
    return insert_unless_taken(connection, jobs, row)


def lock_job(connection: Connection, workspace_id: int, job_key: str) -> Row | None:
    """The job's row, held until the transaction ends."""
    mine = (jobs.c.workspace_id == workspace_id) & (jobs.c.job_key == job_key)
    row = connection.execute(select(jobs).where(mine).with_for_update()).mappings().first()
    return dict(row) if row is not None else None


def key_of(connection: Connection, workspace_id: int, job_id: int) -> str | None:
    """The jobKey of the workspace's job with this id."""
    mine = (jobs.c.workspace_id == workspace_id) & (jobs.c.id == job_id)
    return connection.execute(select(jobs.c.job_key).where(mine)).scalar()


def update_job(connection: Connection, workspace_id: int, job_id: int, changes: Row) -> bool:
    """False where the changed jobKey is taken."""
    mine = (jobs.c.workspace_id == workspace_id) & (jobs.c.id == job_id)
    try:
        with connection.begin_nested():
            connection.execute(update(jobs).where(mine).values(changes))
    except IntegrityError:
        return False
    return True


def has_stream(connection: Connection, workspace_id: int, job_id: int, stream_id: int) -> bool:
    """Whether the stream is one of this job."""
    query = (
        select(streams.c.id)
        .join(job_environments, job_environments.c.id == streams.c.job_environment_id)
        .where(streams.c.id == stream_id, streams.c.workspace_id == workspace_id, job_environments.c.job_id == job_id)
    )
    return connection.execute(query).scalar() is not None


def columns_of(job: Job) -> Row:
    """The columns of `jobs` that this job was made of (`store.hot.job_of`)."""
    schedule = job.schedule
    row: Row = {
        "id": job.id,
        "workspace_id": job.workspace_id,
        "job_key": job.key,
        "is_active": job.is_active,
        "schedule_type": "none",
        "schedule_interval": None,
        "schedule_value": None,
        "schedule_zone": None,
        "grace": job.grace,
        "threshold_mode": job.threshold_mode,
        "miss_threshold": job.miss_threshold,
        "impact_threshold": job.impact_threshold,
        "failure_threshold": job.failure_threshold,
        "recovery_threshold": job.recovery_threshold,
        "max_runtime": job.max_runtime,
    }
    if isinstance(schedule, Interval):
        return row | {"schedule_type": "interval", "schedule_interval": schedule.every}
    if isinstance(schedule, Crontab):
        value, zone = schedule
        return row | {"schedule_type": "crontab", "schedule_value": value, "schedule_zone": zone}
    if isinstance(schedule, Calendar):
        count, unit, zone = schedule
        kept = {"schedule_interval": count, "schedule_value": unit, "schedule_zone": zone}
        return row | kept | {"schedule_type": "calendar"}
    return row | {"schedule_type": "learned", "grace": schedule.own_grace} if isinstance(schedule, Learned) else row


def id_of(connection: Connection, workspace_id: int, job_key: str) -> int | None:
    query = select(jobs.c.id).where(jobs.c.workspace_id == workspace_id, jobs.c.job_key == job_key)
    return connection.execute(query).scalar()


def parent_of(connection: Connection, workspace_id: int, job_id: int) -> int | None:
    """The job that this one depends on, if it is a job."""
    query = select(jobs.c.parent_job_id).where(jobs.c.workspace_id == workspace_id, jobs.c.id == job_id)
    return connection.execute(query).scalar()
