"""Tenants as a person makes, names, deactivates and activates them."""

from typing import Any

from tocsin.application import watching
from tocsin.application.errors import conflict, not_found
from tocsin.domain.ids import IdMaker
from tocsin.store import Connection
from tocsin.store import tenants as rows


def create_tenant(
    connection: Connection, ids: IdMaker, now: int, workspace_id: int, external_id: str, name: str
) -> int:
    """The new tenant's id; from now on the jobs that expect every tenant expect this one."""
    tenant_id = ids.new(now)
    row = {"id": tenant_id, "workspace_id": workspace_id, "external_id": external_id, "name": name, "created_at": now}
    if not rows.insert_tenant(connection, row):
        raise conflict(f"externalId {external_id} exists already. Choose another.")
    watching.tenant_activated(connection, ids, now, workspace_id, tenant_id)
    return tenant_id


def change_tenant(connection: Connection, workspace_id: int, reference: str, changes: dict[str, Any]) -> int:
    """`reference`: our UUID or the externalId; `changes`: columns of `tenants`. The tenant's id."""
    tenant = _lock(connection, workspace_id, reference)
    if changes:
        rows.update_tenant(connection, workspace_id, tenant["id"], changes)
    return int(tenant["id"])


def deactivate_tenant(connection: Connection, ids: IdMaker, now: int, workspace_id: int, reference: str) -> int:
    tenant = _lock(connection, workspace_id, reference)
    if tenant["is_active"]:
        rows.update_tenant(connection, workspace_id, tenant["id"], {"is_active": False})
        watching.tenant_deactivated(connection, ids, now, workspace_id, tenant["id"])
    return int(tenant["id"])


def activate_tenant(connection: Connection, ids: IdMaker, now: int, workspace_id: int, reference: str) -> int:
    tenant = _lock(connection, workspace_id, reference)
    if not tenant["is_active"]:
        rows.update_tenant(connection, workspace_id, tenant["id"], {"is_active": True})
        watching.tenant_activated(connection, ids, now, workspace_id, tenant["id"])
    return int(tenant["id"])


def _lock(connection: Connection, workspace_id: int, reference: str) -> dict[str, Any]:
    tenant = rows.lock_tenant(connection, workspace_id, reference)
    if tenant is None:
        raise not_found("Tenant")
    return tenant
