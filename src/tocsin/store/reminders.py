"""When each channel is next told that an incident is still open: one row an (incident, channel)."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, select, update

from tocsin.domain.ids import IdMaker
from tocsin.domain.model import AlertKind, IncidentStatus
from tocsin.domain.routing import OPENINGS
from tocsin.store.alerts import Listener, Unworded
from tocsin.store.channels import terms_of
from tocsin.store.insertion import insert_unless_taken
from tocsin.store.schema import alerts, channels, deliveries, incidents, reminders


class Reminder(NamedTuple):
    """One that is due. `listener`: None where its channel is off, or wants no reminders any more."""

    workspace_id: int
    incident_id: int
    channel_id: int
    next_at: int
    cycle: int
    is_open: bool
    listener: Listener | None


def set_reminder(connection: Connection, workspace_id: int, incident_id: int, channel_id: int, next_at: int) -> None:
    """Begin to remind, or begin anew."""
    key = {"incident_id": incident_id, "channel_id": channel_id}
    if not insert_unless_taken(connection, reminders, {**key, "workspace_id": workspace_id, "next_at": next_at}):
        move_reminder(connection, incident_id, channel_id, next_at)


def move_reminder(connection: Connection, incident_id: int, channel_id: int, next_at: int) -> None:
    connection.execute(update(reminders).where(*_is(incident_id, channel_id)).values(next_at=next_at))


def end_reminder(connection: Connection, incident_id: int, channel_id: int) -> None:
    connection.execute(delete(reminders).where(*_is(incident_id, channel_id)))


def lock_due(connection: Connection, until_at: int, limit: int) -> list[Reminder]:
    """Reminders due up to `until_at`, earliest first, ours alone; their channels are locked before them, in key order
    as everywhere."""
    due = select(reminders.c.channel_id).where(reminders.c.next_at <= until_at).order_by(reminders.c.next_at)
    channel_ids = set(connection.execute(due.limit(limit)).scalars())
    if not channel_ids:
        return []
    locking = select(channels).where(channels.c.id.in_(channel_ids)).order_by(channels.c.id)
    rows = connection.execute(locking.with_for_update(key_share=True)).mappings().all()
    listeners = {row["id"]: Listener(row["id"], row["workspace_id"], row["provider"], terms_of(row)) for row in rows}
    wanting = {row["id"] for row in rows if row["is_enabled"] and row["remind_every"] is not None}
    query = (
        select(reminders, incidents.c.cycle, incidents.c.status)
        .join(incidents, incidents.c.id == reminders.c.incident_id)
        .where(reminders.c.next_at <= until_at, reminders.c.channel_id.in_(listeners))
        .order_by(reminders.c.next_at, reminders.c.incident_id)
        .limit(limit)
        .with_for_update(of=reminders, skip_locked=True)
    )
    return [_reminder(row, listeners if row.channel_id in wanting else {}) for row in connection.execute(query)]


def is_behind(connection: Connection, incident_id: int, channel_id: int) -> bool:
    """Whether the channel still has to get something about the incident: reminding it would only add to that."""
    query = select(deliveries.c.id).where(
        deliveries.c.incident_id == incident_id, deliveries.c.channel_id == channel_id, deliveries.c.state == "pending"
    )
    return connection.execute(query.limit(1)).scalar() is not None


def new_alert(ids: IdMaker, now: int, due: Reminder) -> Unworded:
    """The alert of one reminder."""
    return Unworded(ids.new(now), due.workspace_id, due.incident_id, AlertKind.REMINDER, due.cycle, now)


def add_alert(connection: Connection, alert: Unworded, now: int) -> None:
    """Put it down; it is worded by its maker."""
    connection.execute(alerts.insert().values(created_at=now, worded_at=now, **alert._asdict()))


def begin_anew(connection: Connection, workspace_id: int, channel_id: int, next_at: int | None) -> None:
    """The channel's terms were set: of the open incidents it was told of it is reminded from `next_at` on, or never."""
    connection.execute(delete(reminders).where(reminders.c.channel_id == channel_id))
    if next_at is None:
        return
    told = (
        select(deliveries.c.id)
        .join(alerts, alerts.c.id == deliveries.c.alert_id)
        .where(deliveries.c.incident_id == incidents.c.id, deliveries.c.channel_id == channel_id)
        .where(deliveries.c.kind.in_(OPENINGS), alerts.c.cycle == incidents.c.cycle)
        .exists()
    )
    is_live = (incidents.c.status == IncidentStatus.OPEN) & incidents.c.is_announced
    live = select(incidents.c.id).where(incidents.c.workspace_id == workspace_id, is_live, told)
    rows = [
        {"incident_id": incident_id, "channel_id": channel_id, "workspace_id": workspace_id, "next_at": next_at}
        for incident_id in connection.execute(live).scalars()
    ]
    if rows:
        connection.execute(reminders.insert(), rows)


def _reminder(row: Row[Any], listeners: dict[int, Listener]) -> Reminder:
    is_open, listener = row.status == IncidentStatus.OPEN, listeners.get(row.channel_id)
    return Reminder(row.workspace_id, row.incident_id, row.channel_id, row.next_at, row.cycle, is_open, listener)


def _is(incident_id: int, channel_id: int) -> tuple[Any, Any]:
    return reminders.c.incident_id == incident_id, reminders.c.channel_id == channel_id
