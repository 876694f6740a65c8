"""Mutes and maintenance windows as they are shown: read only."""

from typing import Any

from sqlalchemy import Connection, RowMapping, Select, select

from tocsin.domain.ids import to_uuid
from tocsin.domain.reason import Reason
from tocsin.store.paging import Page, page_of
from tocsin.store.schema import quiets
from tocsin.wire_time import iso

Object = dict[str, Any]


def list_mutes(connection: Connection, workspace_id: int, now: int, page: Page, *, with_past: bool) -> Object:
    """A page of mutes, newest first; those that are over only if asked for."""
    query = _listed(workspace_id, Reason.MUTED, now, with_past=with_past)
    return page_of(connection, query, page, lambda row: _mute(row, now))


def mute_object(connection: Connection, workspace_id: int, mute_id: int, now: int) -> Object | None:
    row = _one(connection, workspace_id, Reason.MUTED, mute_id)
    return None if row is None else _mute(row, now)


def list_windows(connection: Connection, workspace_id: int, now: int, page: Page, *, with_past: bool) -> Object:
    """A page of maintenance windows, newest first; those that never come again only if asked for."""
    query = _listed(workspace_id, Reason.IN_MAINTENANCE, now, with_past=with_past)
    return page_of(connection, query, page, lambda row: _window(row, now))


def window_object(connection: Connection, workspace_id: int, window_id: int, now: int) -> Object | None:
    row = _one(connection, workspace_id, Reason.IN_MAINTENANCE, window_id)
    return None if row is None else _window(row, now)


def _listed(workspace_id: int, reason: Reason, now: int, *, with_past: bool) -> Select[Any]:
    query = select(quiets).where(quiets.c.workspace_id == workspace_id, quiets.c.reason == reason)
    if not with_past:
        query = query.where((quiets.c.until_at > now) | quiets.c.next_at.is_not(None))
    return query.order_by(quiets.c.id.desc())


def _one(connection: Connection, workspace_id: int, reason: Reason, quiet_id: int) -> RowMapping | None:
    mine = (quiets.c.workspace_id == workspace_id) & (quiets.c.id == quiet_id) & (quiets.c.reason == reason)
    return connection.execute(select(quiets).where(mine)).mappings().first()


def _shared(row: RowMapping, now: int) -> Object:
    return {
        "id": to_uuid(row["id"]),
        "target": {"kind": row["target_kind"], "value": row["target_value"] or None},
        "reason": row["note"],
        "isActive": row["from_at"] <= now < row["until_at"],
        "createdAt": iso(row["created_at"]),
        "createdBy": row["created_by"],
    }


def _mute(row: RowMapping, now: int) -> Object:
    return {**_shared(row, now), "until": iso(row["until_at"])}


def _window(row: RowMapping, now: int) -> Object:
    occurrence = {"startsAt": iso(row["from_at"]), "endsAt": iso(row["until_at"])}
    return {
        **_shared(row, now),
        "startsAt": iso(row["starts_at"]),
        "endsAt": iso(row["ends_at"]),
        "rrule": row["rrule"] or None,
        "timezone": row["timezone"],
        "occurrence": occurrence if now < row["until_at"] else None,
    }
