"""Rows of patterns: what workspaces set about them."""

import json
from collections.abc import Collection
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from tocsin.domain.pattern import PatternSettings, Rulebook
from tocsin.store import raw
from tocsin.store.insertion import insert_unless_taken
from tocsin.store.schema import patterns, workspaces

Row = dict[str, Any]
_OF_WORKSPACES = f"""
SELECT {", ".join(PatternSettings._fields)} FROM patterns WHERE workspace_id IN ? ORDER BY workspace_id, pattern_id
"""


def rulebooks(connection: Connection, workspace_ids: Collection[int]) -> dict[int, Rulebook]:
    """The patterns of these workspaces, as they stand in this transaction."""
    rows: dict[int, list[tuple[Any, ...]]] = {workspace_id: [] for workspace_id in workspace_ids}
    for row in raw.select_by(connection, _OF_WORKSPACES, workspace_ids):
        rows[row[0]].append(row)
    return {workspace_id: _rulebook(tuple(known)) for workspace_id, known in rows.items()}


def rulebook(connection: Connection, workspace_id: int) -> Rulebook:
    return rulebooks(connection, [workspace_id])[workspace_id]


def lock_settings(connection: Connection, workspace_id: int, pattern_id: str) -> Row | None:
    """The row of a pattern, held until the transaction ends; None where the workspace never set anything about it."""
    query = select(patterns).where(*_is(workspace_id, pattern_id)).with_for_update()
    row = connection.execute(query).mappings().first()
    return None if row is None else _read(dict(row))


def count_own(connection: Connection, workspace_id: int) -> int:
    """How many patterns of its own a workspace has; the workspace is held, so that none is added meanwhile."""
    connection.execute(select(workspaces.c.id).where(workspaces.c.id == workspace_id).with_for_update())
    query = select(func.count()).where(patterns.c.workspace_id == workspace_id, patterns.c.priority.is_not(None))
    return connection.execute(query).scalar_one()


def insert_settings(connection: Connection, row: Row) -> bool:
    """False where the workspace has a row about the pattern already."""
    return insert_unless_taken(connection, patterns, _written(row))


def update_settings(connection: Connection, workspace_id: int, pattern_id: str, changes: Row) -> None:
    if changes:
        connection.execute(update(patterns).where(*_is(workspace_id, pattern_id)).values(_written(changes)))


def delete_settings(connection: Connection, workspace_id: int, pattern_id: str) -> None:
    connection.execute(delete(patterns).where(*_is(workspace_id, pattern_id)))


@lru_cache(maxsize=1_000)
def _rulebook(rows: tuple[tuple[Any, ...], ...]) -> Rulebook:
    """Made once for as long as nothing changes: a batch asks for it anew each time."""
    fields = (dict(zip(PatternSettings._fields, row, strict=True)) for row in rows)
    return Rulebook([PatternSettings(**_read(row)) for row in fields])


def _read(row: Row) -> Row:
    lists = {name: tuple(json.loads(row[name])) for name in ("event_types", "error_codes")}
    return {**row, **lists, "is_enabled": bool(row["is_enabled"])}


def _written(row: Row) -> Row:
    lists: Row = {name: json.dumps(list(row[name])) for name in ("event_types", "error_codes") if name in row}
    return {**row, **lists}


def _is(workspace_id: int, pattern_id: str) -> tuple[Any, ...]:
    return patterns.c.workspace_id == workspace_id, patterns.c.pattern_id == pattern_id
