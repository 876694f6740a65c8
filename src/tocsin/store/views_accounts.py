"""Workspaces, users and tenants as they are shown: read only."""

from typing import Any

from sqlalchemy import Connection, RowMapping, or_, select

from tocsin.domain.ids import from_uuid, to_uuid
from tocsin.domain.model import SECOND
from tocsin.store.paging import Page, page_of
from tocsin.store.schema import api_keys, members, tenants, users, workspaces
from tocsin.wire_time import iso

Object = dict[str, Any]


def workspace_object(connection: Connection, workspace_id: int) -> Object:
    """The workspace with its windows in seconds; of its API key the prefix."""
    row = connection.execute(select(workspaces).where(workspaces.c.id == workspace_id)).mappings().one()
    return {
        "id": to_uuid(row["id"]),
        "name": row["name"],
        "apiKeyPrefix": _key_prefix(connection, workspace_id),
        "isActive": row["is_active"],
        "recoveryWindowSeconds": row["recovery_window"] // SECOND,
        "closeWindowSeconds": row["close_window"] // SECOND,
        "cooldownWindowSeconds": row["cooldown_window"] // SECOND,
        "autoCreateTenants": row["auto_create_tenants"],
        "timezone": row["timezone"],
        "pingKey": row["ping_key"],
        "longPingSlugs": row["long_ping_slugs"],
        "ingestRate": row["ingest_rate"],
        "apiRate": row["api_rate"],
        "createdAt": iso(row["created_at"]),
    }


def user_object(connection: Connection, user_id: int) -> Object:
    row = connection.execute(select(users).where(users.c.id == user_id)).mappings().one()
    return {
        "id": to_uuid(row["id"]),
        "email": row["email"],
        "name": row["name"],
        "createdAt": iso(row["created_at"]),
    }


def memberships(connection: Connection, user_id: int) -> list[Object]:
    """The user's active workspaces, oldest first: `{id, name, role}`, the id as a number."""
    query = (
        select(workspaces.c.id, workspaces.c.name, members.c.role)
        .join(members, members.c.workspace_id == workspaces.c.id)
        .where(members.c.user_id == user_id, workspaces.c.is_active)
        .order_by(workspaces.c.id)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def tenant_object(connection: Connection, workspace_id: int, reference: str | int) -> Object | None:
    """The tenant known by its id (number or UUID) or its externalId (which wins)."""
    number = from_uuid(reference) if isinstance(reference, str) else reference
    known = or_(tenants.c.external_id == str(reference), tenants.c.id == number)
    if isinstance(reference, int):
        known = tenants.c.id == number
    rows = connection.execute(select(tenants).where(tenants.c.workspace_id == workspace_id, known)).mappings().all()
    return _tenant(min(rows, key=lambda row: row["external_id"] != reference)) if rows else None


def list_tenants(connection: Connection, workspace_id: int, is_active: bool | None, page: Page) -> Object:
    query = select(tenants).where(tenants.c.workspace_id == workspace_id).order_by(tenants.c.id)
    if is_active is not None:
        query = query.where(tenants.c.is_active == is_active)
    return page_of(connection, query, page, _tenant)


def _tenant(row: RowMapping) -> Object:
    return {
        "id": to_uuid(row["id"]),
        "externalId": row["external_id"],
        "name": row["name"] or None,
        "isActive": row["is_active"],
        "createdAt": iso(row["created_at"]),
    }


def _key_prefix(connection: Connection, workspace_id: int) -> str | None:
    query = (
        select(api_keys.c.prefix)
        .where(api_keys.c.workspace_id == workspace_id, api_keys.c.is_primary, api_keys.c.revoked_at.is_(None))
        .order_by(api_keys.c.id.desc())
    )
    return connection.execute(query).scalar()
