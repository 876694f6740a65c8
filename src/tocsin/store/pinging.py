"""Who is meant by an address that is a secret: a job by its ping UUID or slug, a workspace by its ping key."""

from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, select

from tocsin.store.schema import jobs, workspaces


class Pinged(NamedTuple):
    """The job that an address leads to."""

    workspace_id: int
    job_key: str


def job_of_uuid(connection: Connection, uuid: str) -> Pinged | None:
    """The job with this ping UUID, in a workspace that is active."""
    return _job(connection, jobs.c.ping_uuid == uuid)


def job_of_slug(connection: Connection, slug: str) -> Pinged | None:
    """The job with this ping slug, in a workspace that is active."""
    return _job(connection, jobs.c.ping_slug == slug)


def workspace_of_key(connection: Connection, ping_key: str) -> int | None:
    """The active workspace with this ping key."""
    query = select(workspaces.c.id).where(workspaces.c.ping_key == ping_key, workspaces.c.is_active)
    return connection.execute(query).scalar_one_or_none()


def _job(connection: Connection, meant: ColumnElement[bool]) -> Pinged | None:
    query = (
        select(jobs.c.workspace_id, jobs.c.job_key)
        .join(workspaces, workspaces.c.id == jobs.c.workspace_id)
        .where(meant, workspaces.c.is_active)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Pinged(*row)
