"""Patterns as a person sets them: built-in ones switched and given thresholds, own ones made, changed and deleted."""

import re
from collections.abc import Mapping
from typing import Any

from tocsin.application.errors import conflict, invalid, not_found
from tocsin.domain import pattern as patterns
from tocsin.store import Connection
from tocsin.store import patterns as rows

#: Of its own patterns a workspace may have so many: each is looked at for every event.
MOST_OWN = 200
_ID = re.compile(r"[^a-z0-9]+")
_TUNABLE = frozenset({"is_enabled", "threshold_count", "threshold_window"})


def create_pattern(connection: Connection, now: int, workspace_id: int, fields: Mapping[str, Any]) -> str:
    """Make a pattern; its id, made of its name where none is given. `fields`: columns of `patterns`."""
    pattern_id = fields["pattern_id"] or _ID.sub("_", fields["name"].lower()).strip("_")[:64]
    if not pattern_id:
        raise invalid("name must hold a letter or a digit of a-z and 0-9, or an id must be given.")
    if rows.count_own(connection, workspace_id) >= MOST_OWN:
        raise conflict(f"A workspace has at most {MOST_OWN} patterns of its own. Delete one first.")
    _check_matches(fields)
    row = {**fields, "pattern_id": pattern_id, "workspace_id": workspace_id, "created_at": now}
    if patterns.built_in(pattern_id) or not rows.insert_settings(connection, row):
        raise conflict(f"id {pattern_id} exists already. Choose another.")
    return pattern_id


def change_pattern(
    connection: Connection, now: int, workspace_id: int, pattern_id: str, changes: Mapping[str, Any]
) -> None:
    """Change a pattern; of a built-in one whether it is on, and its threshold."""
    known = rows.lock_settings(connection, workspace_id, pattern_id)
    if patterns.built_in(pattern_id) is None:
        if known is None:
            raise not_found("Pattern")
        _check_matches({**known, **changes})
    elif not changes.keys() <= _TUNABLE:
        raise invalid("Of a built-in pattern only isEnabled and its threshold can be changed.")
    if known is None:
        first = {"workspace_id": workspace_id, "pattern_id": pattern_id, "created_at": now, **changes}
        if rows.insert_settings(connection, first):
            return
    rows.update_settings(connection, workspace_id, pattern_id, dict(changes))


def delete_pattern(connection: Connection, workspace_id: int, pattern_id: str) -> None:
    """Its incidents live on and end by themselves, as no event joins them any more."""
    if patterns.built_in(pattern_id) is not None:
        raise conflict("A built-in pattern cannot be deleted. Disable it with isEnabled: false.")
    if rows.lock_settings(connection, workspace_id, pattern_id) is None:
        raise not_found("Pattern")
    rows.delete_settings(connection, workspace_id, pattern_id)


def _check_matches(pattern: Mapping[str, Any]) -> None:
    if not pattern["event_types"] and not pattern["error_codes"]:
        raise invalid("eventTypes or errorCodes must hold at least 1 item.")
