"""Rows of jobs, as a person makes and changes them."""

from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.exc import IntegrityError

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
