"""Badges and status pages: what a workspace lets anybody see who has the link."""

from typing import Literal

from tocsin.application import credentials
from tocsin.application.errors import conflict, invalid, not_found
from tocsin.domain.ids import IdMaker, from_uuid
from tocsin.store import Connection
from tocsin.store import public_links as rows
from tocsin.store.accounts import lock_workspace
from tocsin.store.views_accounts import tenant_object
from tocsin.store.views_jobs import find_job_id

LinkKind = Literal["badge", "status"]
Target = Literal["workspace", "tenant", "job", "tag"]
MOST_LINKS = 1_000
_SHOWN_TITLE = 200


def create_link(
    connection: Connection,
    ids: IdMaker,
    now: int,
    workspace_id: int,
    kind: LinkKind,
    target: Target,
    value: str | None,
    title: str,
) -> int:
    """The link's id. `value`: the tenant's id or externalId, the job's key, or the tag."""
    lock_workspace(connection, workspace_id)
    if rows.count_links(connection, workspace_id) >= MOST_LINKS:
        raise conflict(f"A workspace has at most {MOST_LINKS} badges and status pages. Remove one that is not used.")
    link_id = ids.new(now)
    row = {"id": link_id, "workspace_id": workspace_id, "kind": kind, "target": target, "title": title[:_SHOWN_TITLE]}
    of = _target(connection, workspace_id, kind, target, value)
    rows.insert_link(connection, {**row, **of, "token": credentials.new_secret()[:22], "created_at": now})
    return link_id


def remove_link(connection: Connection, workspace_id: int, link_id: int) -> None:
    """Whoever has the link sees nothing any more."""
    if not rows.remove_link(connection, workspace_id, link_id):
        raise not_found("Link")


def _target(
    connection: Connection, workspace_id: int, kind: LinkKind, target: Target, value: str | None
) -> dict[str, object]:
    if kind == "status" and target not in {"workspace", "tenant"}:
        raise invalid("target must be workspace or tenant for a status page.")
    if target == "workspace":
        return {}
    if not value:
        raise invalid(f"target.value is required: which {target} it is about.")
    if target == "tag":
        return {"tag": value}
    if target == "job":
        job_id = find_job_id(connection, workspace_id, value)
        if job_id is None:
            raise not_found("Job")
        return {"job_id": job_id}
    tenant = tenant_object(connection, workspace_id, value)
    if tenant is None:
        raise not_found("Tenant")
    return {"tenant_id": from_uuid(tenant["id"])}
