"""Jobs as a person makes, changes and deletes them."""

from typing import Any

from tocsin.application import watching
from tocsin.application.errors import conflict, not_found
from tocsin.domain.ids import IdMaker, from_uuid
from tocsin.domain.model import SECOND
from tocsin.store import Connection, holds
from tocsin.store import jobs as rows

Row = dict[str, Any]

DEFAULT_GRACE = 60 * SECOND


def create_job(connection: Connection, ids: IdMaker, now: int, workspace_id: int, values: Row) -> int:
    """`values`: columns of `jobs`, complete but for the ids. The id of the job."""
    job_id = ids.new(now)
    row = {**values, **_grace({}, values), "id": job_id, "workspace_id": workspace_id, "created_at": now}
    if not rows.insert_job(connection, row):
        raise _key_taken(values["job_key"])
    watching.job_created(connection, ids, now, job_id)
    return job_id


def change_job(connection: Connection, ids: IdMaker, now: int, workspace_id: int, job_key: str, changes: Row) -> str:
    """`changes`: columns of `jobs`. The job's key afterwards."""
    if "tags" in changes:
        holds.lock(connection, workspace_id)
    before = _lock(connection, workspace_id, job_key)
    changes = {**changes, **_grace(before, changes)}
    after = {**before, **changes}
    if after == before:
        return job_key
    if not rows.update_job(connection, workspace_id, before["id"], changes):
        raise _key_taken(after["job_key"])
    watching.job_changed(connection, ids, now, before, after)
    if after["tags"] != before["tags"]:
        holds.stir_workspace(connection, workspace_id, now)  # a tag may be quiet
    return str(after["job_key"])


def delete_job(connection: Connection, ids: IdMaker, now: int, workspace_id: int, job_key: str) -> None:
    """The job goes with its runs; its incident closes as resolved."""
    job = _lock(connection, workspace_id, job_key)
    watching.job_deleted(connection, ids, now, workspace_id, job["id"])


def forget_stream(connection: Connection, ids: IdMaker, now: int, workspace_id: int, job_key: str, stream: str) -> None:
    """Watch the stream (a UUID) no more until it is heard again."""
    job = _lock(connection, workspace_id, job_key)
    stream_id = from_uuid(stream)
    if stream_id is None or not rows.has_stream(connection, workspace_id, job["id"], stream_id):
        raise not_found("Stream")
    watching.stream_forgotten(connection, ids, now, workspace_id, stream_id)


def _grace(before: Row, changes: Row) -> Row:
    """A grace of NULL is learned, where the schedule is; any other schedule has one. What was learned, or is to be, is
    not kept over a change of the schedule's type."""
    kind = changes.get("schedule_type", before.get("schedule_type"))
    grace = changes.get("grace", before.get("grace"))
    if kind == "learned":
        is_new = "grace" not in changes and before.get("schedule_type") != "learned"
        return {"grace": None} if is_new else {}
    return {"grace": DEFAULT_GRACE} if grace is None else {}


def _lock(connection: Connection, workspace_id: int, job_key: str) -> Row:
    job = rows.lock_job(connection, workspace_id, job_key)
    if job is None:
        raise not_found("Job")
    return job


def _key_taken(job_key: str) -> Exception:
    return conflict(f"jobKey {job_key} exists already. Choose another.")
