"""What is older than its workspace keeps it, found by indexes, and deleted in slices; runs are in `store.old_runs`.

Nothing is found here that something alive needs: deliveries on their way, whatever was told of an incident that is not
closed, its newest events and its first.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, Table, delete, func, select, update

from tocsin.domain.ids import first_id
from tocsin.domain.model import IncidentStatus
from tocsin.domain.reason import Reason
from tocsin.domain.retention import Retention, boundary
from tocsin.store.among import among
from tocsin.store.engine import Store
from tocsin.store.insertion import insert_unless_taken
from tocsin.store.schema import (
    alerts,
    audit_entries,
    deliveries,
    events,
    facts,
    incidents,
    log_entries,
    rejections,
    run_notes,
    workspaces,
)
from tocsin.store.tallies import Progress

#: Events of an incident that is not closed which stay however old they are: forty pages of them.
EVENTS_OF_INCIDENT = 1_000
_PRUNED_AT = "pruned_at"
#: How many rows a slice may hold now.
Size = Callable[[], int]


class Slice(NamedTuple):
    """Rows of one table that may go, and why."""

    table: Table
    ids: Sequence[int]
    reason: Reason


def claim_pass(connection: Connection, now: int, every: int) -> bool:
    """Whether a pass over everything is due (`every` microseconds after the last); of several who ask, one is told
    so. The very first is due right away."""
    if insert_unless_taken(connection, facts, {"name": _PRUNED_AT, "value": str(now)}):
        return True
    last = connection.execute(select(facts.c.value).where(facts.c.name == _PRUNED_AT)).scalar_one()
    if now - int(last) < every:
        return False
    mine = update(facts).where(facts.c.name == _PRUNED_AT, facts.c.value == last).values(value=str(now))
    return connection.execute(mine).rowcount == 1


def chosen_of(text: str) -> dict[str, int]:
    """What a workspace chose, by the names of `Retention`, from its column."""
    return dict(json.loads(text))


def read_chosen(connection: Connection, workspace_id: int) -> dict[str, int]:
    return chosen_of(
        connection.execute(select(workspaces.c.retention).where(workspaces.c.id == workspace_id)).scalar_one()
    )


def choose(connection: Connection, workspace_id: int, changes: Mapping[str, int | None]) -> None:
    """Keep what a workspace chooses; None takes the operator's default again."""
    mine = workspaces.c.id == workspace_id
    text = connection.execute(select(workspaces.c.retention).where(mine).with_for_update()).scalar_one()
    chosen = {name: days for name, days in {**chosen_of(text), **changes}.items() if days is not None}
    connection.execute(update(workspaces).where(mine).values(retention=json.dumps(chosen)))


def policies(connection: Connection, defaults: Retention) -> list[tuple[int, Retention]]:
    """Every workspace, and how long it keeps what it has."""
    rows = connection.execute(select(workspaces.c.id, workspaces.c.retention).order_by(workspaces.c.id))
    return [(row.id, defaults.but(chosen_of(row.retention))) for row in rows]


def expired(
    store: Store, workspace_id: int, kept: Retention, now: int, size: Size, counted: Progress
) -> Iterator[Slice]:
    """All that may go but runs, in slices; those in which something else hangs on it come last. Of events, only those
    that are `counted`."""
    yield from _by_id(store, run_notes, Reason.LOG_EXPIRED, workspace_id, boundary(kept.log_days, now), size)
    before = boundary(kept.event_days, now)
    is_counted = events.c.id <= counted.events_until_id
    yield from _by_id(
        store, events, Reason.EVENT_EXPIRED, workspace_id, before, size, lambda _: [*_OF_NO_LIVE_INCIDENT, is_counted]
    )
    yield from _events_of_live_incidents(store, workspace_id, before, size, counted.events_until_id)
    before = boundary(kept.delivery_days, now)
    yield from _by_id(store, deliveries, Reason.DELIVERY_EXPIRED, workspace_id, before, size, _settled)
    yield from _by_id(store, alerts, Reason.ALERT_EXPIRED, workspace_id, before, size, _told)
    before = boundary(kept.rejection_days, now)
    yield from _by_id(store, rejections, Reason.REJECTION_EXPIRED, workspace_id, before, size, _last_seen)
    for table in (log_entries, audit_entries):
        yield from _by_id(store, table, Reason.AUDIT_EXPIRED, workspace_id, boundary(kept.audit_days, now), size)


def remove(connection: Connection, old: Slice) -> int:
    """Delete a slice."""
    return connection.execute(delete(old.table).where(is_free(connection, old))).rowcount


def is_free(connection: Connection, old: Slice, *where: ColumnElement[bool]) -> ColumnElement[bool]:
    """Of a slice's rows: that nobody holds it at this moment. Those are left for the next pass."""
    row_id = old.table.c.id
    free = select(row_id).where(among(connection, row_id, old.ids), *where).order_by(row_id)
    return row_id.in_(free.with_for_update(skip_locked=True))


def _by_id(
    store: Store,
    table: Table,
    reason: Reason,
    workspace_id: int,
    before: int | None,
    size: Size,
    where: Callable[[int], Collection[ColumnElement[bool]]] = lambda _: (),
) -> Iterator[Slice]:
    """Ids grow with time, and each of these tables has an index (workspace, id)."""
    if before is None:
        return
    old = select(table.c.id).where(table.c.workspace_id == workspace_id, table.c.id < first_id(before), *where(before))
    yield from _slices(store, table, reason, old, size)


def _slices(store: Store, table: Table, reason: Reason, old: Select[Any], size: Size) -> Iterator[Slice]:
    after, limit = 0, size()
    while True:
        with store.read() as connection:
            query = old.where(table.c.id > after).order_by(table.c.id).limit(limit)
            ids = connection.execute(query).scalars().all()
        if ids:
            yield Slice(table, ids, reason)
        if len(ids) < limit:
            return
        after, limit = ids[-1], size()


def _live(workspace_id: Any) -> Select[Any]:
    return select(incidents.c.id).where(
        incidents.c.workspace_id == workspace_id, incidents.c.status != IncidentStatus.CLOSED
    )


_OF_NO_LIVE_INCIDENT = [events.c.incident_id.is_(None) | events.c.incident_id.not_in(_live(events.c.workspace_id))]


def _events_of_live_incidents(
    store: Store, workspace_id: int, before: int | None, size: Size, counted_until_id: int
) -> Iterator[Slice]:
    """Of an integration that fails for ever, its incident's newest events stay, and the first."""
    if before is None:
        return
    with store.read() as connection:
        is_long = incidents.c.event_count > EVENTS_OF_INCIDENT
        found = connection.execute(_live(workspace_id).where(incidents.c.integration_key.is_not(None), is_long))
        incident_ids = found.scalars().all()
    for incident_id in incident_ids:
        with store.read() as connection:
            mine = events.c.incident_id == incident_id
            newest = (
                select(events.c.id).where(mine).order_by(events.c.id.desc()).offset(EVENTS_OF_INCIDENT - 1).limit(1)
            )
            least = connection.execute(newest).scalar()
            first = connection.execute(select(func.min(events.c.id)).where(mine)).scalar()
        if least is not None:
            end = min(least, first_id(before), counted_until_id + 1)
            old = select(events.c.id).where(mine, events.c.id < end, events.c.id != first)
            yield from _slices(store, events, Reason.EVENT_EXPIRED, old, size)


def _settled(before: int) -> Collection[ColumnElement[bool]]:
    parts = deliveries.alias("parts")
    is_told_of = select(incidents.c.id).where(incidents.c.id == deliveries.c.incident_id, _is_alive(before)).exists()
    carries = select(parts.c.id).where(parts.c.shared_in == deliveries.c.id).exists()
    is_late = func.coalesce(deliveries.c.settled_at, deliveries.c.created_at) >= before
    return [deliveries.c.state != "pending", ~is_late, ~is_told_of, ~carries]


def _told(before: int) -> Collection[ColumnElement[bool]]:
    is_told_of = select(incidents.c.id).where(incidents.c.id == alerts.c.incident_id, _is_alive(before)).exists()
    is_on_its_way = select(deliveries.c.id).where(deliveries.c.alert_id == alerts.c.id).exists()
    return [alerts.c.worded_at.is_not(None), ~is_told_of, ~is_on_its_way]


def _is_alive(before: int) -> ColumnElement[bool]:
    """Not closed, or so lately that it may yet be opened again, or its end be told."""
    return (incidents.c.status != IncidentStatus.CLOSED) | (func.coalesce(incidents.c.closed_at, before) >= before)


def _last_seen(before: int) -> Collection[ColumnElement[bool]]:
    return [rejections.c.at < before]
