"""Rows of mutes and maintenance windows."""

from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from tocsin.domain.maintenance import Span
from tocsin.domain.reason import Reason
from tocsin.store.schema import quiets

Row = dict[str, Any]


def insert_quiet(connection: Connection, row: Row) -> None:
    connection.execute(insert(quiets).values(row))


def count_lasting(connection: Connection, workspace_id: int, reason: Reason, now: int) -> int:
    """How many mutes, or windows, of the workspace are not over."""
    query = select(func.count()).where(
        quiets.c.workspace_id == workspace_id, quiets.c.reason == reason, quiets.c.until_at > now
    )
    return connection.execute(query).scalar_one()


def lock_quiet(connection: Connection, workspace_id: int, reason: Reason, quiet_id: int) -> Row | None:
    query = select(quiets).where(*_mine(workspace_id, quiet_id), quiets.c.reason == reason).with_for_update()
    row = connection.execute(query).mappings().first()
    return dict(row) if row is not None else None


def update_quiet(connection: Connection, workspace_id: int, quiet_id: int, changes: Row) -> None:
    connection.execute(update(quiets).where(*_mine(workspace_id, quiet_id)).values(changes))


def delete_quiet(connection: Connection, workspace_id: int, quiet_id: int) -> None:
    connection.execute(delete(quiets).where(*_mine(workspace_id, quiet_id)))


def lock_over(connection: Connection, until_at: int, limit: int) -> list[Row]:
    """Windows that come again whose occurrence was over by `until_at`, ours alone."""
    query = select(quiets).where(quiets.c.next_at <= until_at).order_by(quiets.c.next_at).limit(limit)
    return [dict(row) for row in connection.execute(query.with_for_update(skip_locked=True)).mappings()]


def set_span(connection: Connection, quiet_id: int, span: Span | None) -> None:
    """The occurrence that comes next; None: it never comes again."""
    values: Row = {"next_at": None} if span is None else span_columns(span, is_recurring=True)
    connection.execute(update(quiets).where(quiets.c.id == quiet_id).values(values))


def span_columns(span: Span, *, is_recurring: bool) -> Row:
    return {"from_at": span.from_at, "until_at": span.until_at, "next_at": span.until_at if is_recurring else None}


def _mine(workspace_id: int, quiet_id: int) -> tuple[Any, Any]:
    return quiets.c.workspace_id == workspace_id, quiets.c.id == quiet_id
