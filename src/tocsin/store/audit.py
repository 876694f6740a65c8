"""Rows of the audit log, and whose names stand in it."""

from typing import Any

from sqlalchemy import Connection, insert, select

from tocsin.store.schema import api_keys, audit_entries, users


def insert_entries(connection: Connection, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(audit_entries), rows)


def name_of_user(connection: Connection, user_id: int) -> str:
    return connection.execute(select(users.c.email).where(users.c.id == user_id)).scalar() or ""


def name_of_key(connection: Connection, workspace_id: int, key_id: int) -> str:
    mine = (api_keys.c.id == key_id) & (api_keys.c.workspace_id == workspace_id)
    found = connection.execute(select(api_keys.c.name, api_keys.c.prefix).where(mine)).first()
    return f"{found.name} ({found.prefix}…)" if found else ""
