"""Mutes and maintenance windows as people set them."""

from typing import Any, NamedTuple

from tocsin.application.errors import conflict, invalid, not_found
from tocsin.domain.ids import IdMaker
from tocsin.domain.maintenance import LONGEST, Window, fault_of, span_at
from tocsin.domain.quiet import TargetKind
from tocsin.domain.reason import Reason
from tocsin.store import holds, quiets
from tocsin.store.engine import Connection

#: So many mutes, and windows, of a workspace may last at once: each is looked at whenever something is told.
MOST = 500
Row = dict[str, Any]


class Target(NamedTuple):
    """What is quiet; of a workspace the value is empty."""

    kind: TargetKind
    value: str


def mute(
    connection: Connection,
    ids: IdMaker,
    now: int,
    workspace_id: int,
    target: Target,
    until_at: int,
    note: str,
    actor: str,
) -> int:
    """Mute something until then; the mute's id."""
    if not now < until_at <= now + LONGEST:
        raise invalid("until must be in the future, at most 366 days from now.")
    times = {"from_at": now, "until_at": until_at, "starts_at": now, "ends_at": until_at}
    return _insert(connection, ids, now, workspace_id, Reason.MUTED, target, {**times, "note": note}, actor)


def unmute(connection: Connection, now: int, workspace_id: int, mute_id: int) -> None:
    """What was held because of it is looked at now."""
    _delete(connection, now, workspace_id, Reason.MUTED, mute_id, "Mute")


def plan(
    connection: Connection,
    ids: IdMaker,
    now: int,
    workspace_id: int,
    target: Target,
    window: Window,
    note: str,
    actor: str,
) -> int:
    """A maintenance window; its id."""
    columns = {**_window_columns(window, now), "note": note}
    return _insert(connection, ids, now, workspace_id, Reason.IN_MAINTENANCE, target, columns, actor)


def replan(connection: Connection, now: int, workspace_id: int, window_id: int, changes: Row) -> None:
    """`changes`: fields of `Window`, `note`, or `target`. The window is judged as a whole, as if it were made now."""
    holds.lock(connection, workspace_id)
    row = _lock(connection, workspace_id, Reason.IN_MAINTENANCE, window_id, "Maintenance window")
    known = Window(row["starts_at"], row["ends_at"], row["rrule"], row["timezone"])
    times = {name: value for name, value in changes.items() if name in Window._fields}
    columns = _window_columns(known._replace(**times), now) if times else {}
    if "note" in changes:
        columns["note"] = changes["note"]
    if "target" in changes:
        columns |= _target_columns(changes["target"])
    if columns:
        quiets.update_quiet(connection, workspace_id, window_id, columns)
    holds.stir_workspace(connection, workspace_id, now)


def drop_window(connection: Connection, now: int, workspace_id: int, window_id: int) -> None:
    """If it is under way, what was held because of it is looked at now."""
    _delete(connection, now, workspace_id, Reason.IN_MAINTENANCE, window_id, "Maintenance window")


def _insert(
    connection: Connection,
    ids: IdMaker,
    now: int,
    workspace_id: int,
    reason: Reason,
    target: Target,
    columns: Row,
    actor: str,
) -> int:
    if quiets.count_lasting(connection, workspace_id, reason, now) >= MOST:
        raise conflict(f"There are {MOST} of these already: delete one that is not needed any more.")
    quiet_id = ids.new(now)
    row = {"id": quiet_id, "workspace_id": workspace_id, "reason": reason, "created_at": now, "created_by": actor}
    quiets.insert_quiet(connection, {**row, **_target_columns(target), **columns})
    return quiet_id


def _delete(connection: Connection, now: int, workspace_id: int, reason: Reason, quiet_id: int, what: str) -> None:
    holds.lock(connection, workspace_id)
    _lock(connection, workspace_id, reason, quiet_id, what)
    quiets.delete_quiet(connection, workspace_id, quiet_id)
    holds.stir_workspace(connection, workspace_id, now)


def _lock(connection: Connection, workspace_id: int, reason: Reason, quiet_id: int, what: str) -> Row:
    row = quiets.lock_quiet(connection, workspace_id, reason, quiet_id)
    if row is None:
        raise not_found(what)
    return row


def _target_columns(target: Target) -> Row:
    return {"target_kind": target.kind, "target_value": target.value}


def _window_columns(window: Window, now: int) -> Row:
    fault = fault_of(window, now)
    span = None if fault else span_at(window, now)
    if fault or span is None:
        raise invalid(fault or "The window is over.")
    return {**window._asdict(), **quiets.span_columns(span, is_recurring=bool(window.rrule))}
