"""Members, invitations, keys and the audit log as they are shown: read only."""

import json
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, select

from tocsin.domain.ids import to_uuid
from tocsin.store.paging import Page, page_of
from tocsin.store.schema import api_keys, audit_entries, invitations, members, users, workspaces
from tocsin.wire_time import iso, iso_or_none

Object = dict[str, Any]


def list_members(connection: Connection, workspace_id: int, page: Page) -> Object:
    """The members, those first who joined first."""
    return page_of(connection, _members(workspace_id).order_by(members.c.created_at, users.c.id), page, _member)


def member_object(connection: Connection, workspace_id: int, user_id: int) -> Object | None:
    row = connection.execute(_members(workspace_id).where(users.c.id == user_id)).mappings().first()
    return _member(row) if row is not None else None


def list_invitations(connection: Connection, workspace_id: int, now: int, page: Page) -> Object:
    """The invitations that may still be accepted, newest first."""
    fresh = (invitations.c.workspace_id == workspace_id) & (invitations.c.expires_at > now)
    return page_of(connection, select(invitations).where(fresh).order_by(invitations.c.id.desc()), page, _invitation)


def list_keys(connection: Connection, workspace_id: int, page: Page) -> Object:
    """The keys that work, oldest first."""
    return page_of(connection, _keys(workspace_id).order_by(api_keys.c.id), page, _key)


def key_object(connection: Connection, workspace_id: int, key_id: int) -> Object:
    return _key(connection.execute(_keys(workspace_id).where(api_keys.c.id == key_id)).mappings().one())


def list_audit(
    connection: Connection,
    workspace_id: int,
    page: Page,
    action: str | None,
    actor_id: int | None,
    from_at: int | None,
    to_at: int | None,
) -> Object:
    """The changes, newest first."""
    wanted: list[ColumnElement[bool]] = [audit_entries.c.workspace_id == workspace_id]
    if action is not None:
        wanted.append(audit_entries.c.action == action)
    if actor_id is not None:
        wanted.append(audit_entries.c.actor_id == actor_id)
    if from_at is not None:
        wanted.append(audit_entries.c.at >= from_at)
    if to_at is not None:
        wanted.append(audit_entries.c.at < to_at)
    return page_of(connection, select(audit_entries).where(*wanted).order_by(audit_entries.c.id.desc()), page, _entry)


def list_users(connection: Connection) -> list[Object]:
    """Every user of the installation with their places, for its operator."""
    query = (
        select(users.c.email, users.c.totp_since_at, workspaces.c.name, members.c.role)
        .outerjoin(members, members.c.user_id == users.c.id)
        .outerjoin(workspaces, workspaces.c.id == members.c.workspace_id)
        .order_by(users.c.id, members.c.workspace_id)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def _members(workspace_id: int) -> Select[Any]:
    return (
        select(users.c.id, users.c.email, users.c.name, users.c.totp_since_at, members.c.role, members.c.created_at)
        .join(members, members.c.user_id == users.c.id)
        .where(members.c.workspace_id == workspace_id)
    )


def _keys(workspace_id: int) -> Select[Any]:
    return select(api_keys).where(api_keys.c.workspace_id == workspace_id, api_keys.c.revoked_at.is_(None))


def _member(row: RowMapping) -> Object:
    return {
        "userId": to_uuid(row["id"]),
        "email": row["email"],
        "name": row["name"],
        "role": row["role"],
        "hasSecondFactor": row["totp_since_at"] is not None,
        "joinedAt": iso(row["created_at"]),
    }


def _invitation(row: RowMapping) -> Object:
    return {
        "id": to_uuid(row["id"]),
        "email": row["email"],
        "role": row["role"],
        "createdAt": iso(row["created_at"]),
        "expiresAt": iso(row["expires_at"]),
    }


def _key(row: RowMapping) -> Object:
    return {
        "id": to_uuid(row["id"]),
        "name": row["name"],
        "prefix": row["prefix"],
        "scopes": row["scopes"].split(),
        "isPrimary": row["is_primary"],
        "createdAt": iso(row["created_at"]),
        "lastUsedAt": iso_or_none(row["last_used_at"]),
    }


def _entry(row: RowMapping) -> Object:
    return {
        "id": to_uuid(row["id"]),
        "at": iso(row["at"]),
        "actor": {
            "kind": row["actor_kind"],
            "id": to_uuid(row["actor_id"]) if row["actor_id"] is not None else None,
            "name": row["actor"],
        },
        "action": row["action"],
        "target": row["target"],
        "fields": json.loads(row["fields"]),
        "address": row["address"] or None,
    }
