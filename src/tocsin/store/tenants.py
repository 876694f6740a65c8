"""Rows of tenants."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, or_, select, update

from tocsin.domain.ids import from_uuid
from tocsin.store import raw
from tocsin.store.insertion import insert_unless_taken
from tocsin.store.schema import tenants

Row = dict[str, Any]


def insert_tenant(connection: Connection, row: Row) -> bool:
    """False where the externalId is taken."""
    return insert_unless_taken(connection, tenants, row)


def lock_tenant(connection: Connection, workspace_id: int, reference: str) -> Row | None:
    """The tenant known by our UUID or by its externalId (which wins), held until the transaction ends."""
    known = tenants.c.external_id == reference
    number = from_uuid(reference)
    if number is not None:
        known = or_(known, tenants.c.id == number)
    query = select(tenants).where(tenants.c.workspace_id == workspace_id, known).with_for_update()
    rows = connection.execute(query).mappings().all()
    return dict(min(rows, key=lambda row: row["external_id"] != reference)) if rows else None


def update_tenant(connection: Connection, workspace_id: int, tenant_id: int, changes: Row) -> None:
    mine = (tenants.c.workspace_id == workspace_id) & (tenants.c.id == tenant_id)
    connection.execute(update(tenants).where(mine).values(changes))


def insert_tenants(connection: Connection, new: Collection[tuple[int, int, str, int]]) -> None:
    """`new`: (id, workspace id, externalId, created at); those whose externalId is taken stay as they are."""
    names = ("id", "workspace_id", "external_id", "created_at")
    raw.insert(connection, "tenants", names, new, "ON CONFLICT (workspace_id, external_id) DO NOTHING")
