"""Who is meant by an address that is a secret: a job by its ping UUID or slug, a workspace by its ping key."""

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, select

from tocsin.store.schema import jobs, workspaces


class Pinged(NamedTuple):
    """The job that an address leads to."""

    workspace_id: int
    job_key: str


def jobs_of_uuids(connection: Connection, uuids: Collection[str]) -> dict[str, Pinged]:
    """The jobs with these ping UUIDs, in workspaces that are active."""
    return _jobs(connection, jobs.c.ping_uuid, uuids)


def jobs_of_slugs(connection: Connection, slugs: Collection[str]) -> dict[str, Pinged]:
    """The jobs with these ping slugs, in workspaces that are active."""
    return _jobs(connection, jobs.c.ping_slug, slugs)


def workspaces_of_keys(connection: Connection, ping_keys: Collection[str]) -> dict[str, int]:
    """The active workspaces with these ping keys."""
    query = select(workspaces.c.ping_key, workspaces.c.id).where(
        workspaces.c.ping_key.in_(ping_keys), workspaces.c.is_active
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def _jobs(connection: Connection, address: Column[Any], wanted: Collection[str]) -> dict[str, Pinged]:
    query = (
        select(address, jobs.c.workspace_id, jobs.c.job_key)
        .join(workspaces, workspaces.c.id == jobs.c.workspace_id)
        .where(address.in_(wanted), workspaces.c.is_active)
    )
    return {row[0]: Pinged(row[1], row[2]) for row in connection.execute(query)}
