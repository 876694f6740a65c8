"""What jobs depend on: while the incident of that is open, their alerts are held."""

from typing import Literal, NamedTuple

from tocsin.application.errors import invalid, not_found
from tocsin.store import holds
from tocsin.store import jobs as rows
from tocsin.store.engine import Connection

#: So many jobs may depend on each other in a row.
DEEPEST = 50


class Parent(NamedTuple):
    """A job by its jobKey, or an integration by its integrationKey; the latter need not have been heard of yet."""

    kind: Literal["job", "integration"]
    value: str


def depend(connection: Connection, now: int, workspace_id: int, job_key: str, parent: Parent | None) -> None:
    """Let the job depend on that (None: on nothing), unless it would be its own ancestor."""
    holds.lock(connection, workspace_id)
    job = rows.lock_job(connection, workspace_id, job_key)
    if job is None:
        raise not_found("Job")
    parent_id = None
    if parent is not None and parent.kind == "job":
        parent_id = rows.id_of(connection, workspace_id, parent.value)
        if parent_id is None:
            raise invalid(f"dependsOn.value must be the jobKey of a job: there is none called {parent.value}.")
        _refuse_circle(connection, workspace_id, job["id"], parent_id)
    integration = parent.value if parent is not None and parent.kind == "integration" else None
    if (parent_id, integration) != (job["parent_job_id"], job["parent_integration"]):
        changes = {"parent_job_id": parent_id, "parent_integration": integration}
        rows.update_job(connection, workspace_id, job["id"], changes)
        holds.stir_workspace(connection, workspace_id, now)


def _refuse_circle(connection: Connection, workspace_id: int, job_id: int, parent_id: int) -> None:
    ancestor: int | None = parent_id
    for _ in range(DEEPEST):
        if ancestor is None:
            return
        if ancestor == job_id:
            raise invalid("dependsOn must not lead back to the job itself: it would be its own ancestor.")
        ancestor = rows.parent_of(connection, workspace_id, ancestor)
    raise invalid(f"dependsOn must not be more than {DEEPEST} jobs deep.")
