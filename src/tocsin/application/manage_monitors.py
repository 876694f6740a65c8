"""Monitors: jobs as PingGuard knows them, by an id and a slug."""

from collections.abc import Iterator
from typing import Any

from tocsin.application import manage_jobs
from tocsin.application.errors import ErrorCode, Refused, not_found
from tocsin.domain.ids import IdMaker
from tocsin.store import Connection, accounts, jobs, ping_slugs

Row = dict[str, Any]
#: How often another key and slug are tried where these are taken.
_TRIES = 8


def create_monitor(connection: Connection, ids: IdMaker, now: int, workspace_id: int, values: Row) -> int:
    """`values`: columns of `jobs`, complete but for the ids, the key and the slug. The id of the job.

    The key shows in alerts and the slug lets its holder ping, so the one tells nothing of the other's random part.
    """
    characters = ping_slugs.LONG if accounts.wants_long_slugs(connection, workspace_id) else ping_slugs.SHORT
    taken: Refused | None = None
    for job_key in _keys(values["name"]):
        row = {**values, "job_key": job_key, "ping_slug": ping_slugs.new_slug(values["name"], characters)}
        try:
            return manage_jobs.create_job(connection, ids, now, workspace_id, row)
        except Refused as refusal:
            if refusal.error_code is not ErrorCode.CONFLICT:
                raise
            taken = refusal
    raise taken or not_found("Monitor")


def change_monitor(
    connection: Connection, ids: IdMaker, now: int, workspace_id: int, job_id: int, changes: Row
) -> None:
    """`changes`: columns of `jobs`."""
    manage_jobs.change_job(connection, ids, now, workspace_id, _key_of(connection, workspace_id, job_id), changes)


def delete_monitor(connection: Connection, ids: IdMaker, now: int, workspace_id: int, job_id: int) -> None:
    """It goes with its pings; its incident closes as resolved."""
    manage_jobs.delete_job(connection, ids, now, workspace_id, _key_of(connection, workspace_id, job_id))


def _key_of(connection: Connection, workspace_id: int, job_id: int) -> str:
    job_key = jobs.key_of(connection, workspace_id, job_id)
    if job_key is None:
        raise not_found("Monitor")
    return job_key


def _keys(name: str) -> Iterator[str]:
    """The words of the name, and with a random part where another job has that key."""
    yield ping_slugs.words_of(name)
    for _ in range(_TRIES):
        yield ping_slugs.new_slug(name, ping_slugs.SHORT)
