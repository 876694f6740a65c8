"""What a person does about an incident: acknowledge it, snooze it, say something about it."""

from typing import Any, NamedTuple

from tocsin.application.errors import conflict, invalid, not_found
from tocsin.domain.ids import IdMaker
from tocsin.domain.model import SECOND, AlertKind, IncidentStatus
from tocsin.domain.quiet import Hold
from tocsin.domain.reason import Reason
from tocsin.store import care, holds
from tocsin.store.care import Attended
from tocsin.store.engine import Connection

LONGEST_SNOOZE = 366 * 86_400 * SECOND


class Deed(NamedTuple):
    """Who does something about which incident, and when."""

    ids: IdMaker
    now: int
    workspace_id: int
    incident_id: int
    actor: str


def acknowledge(connection: Connection, deed: Deed, note: str | None, owner_id: int | None) -> None:
    """Somebody is at it. Receivers that keep alerts of their own are told, once a cycle."""
    incident = _live(connection, deed, "acknowledged")
    if owner_id is not None and not care.is_member(connection, deed.workspace_id, owner_id):
        raise invalid("ownerId must be the id of a member of this workspace.")
    values = {"acknowledged_cycle": incident.cycle, "acknowledged_at": deed.now, "acknowledged_by": deed.actor}
    _set(connection, deed, {**values, "note": note, "owner_id": owner_id})
    _note(connection, deed, "acknowledged", text=note, owner_id=owner_id)
    if incident.acknowledged_cycle != incident.cycle:
        row = {"id": deed.ids.new(deed.now), "workspace_id": deed.workspace_id, "incident_id": deed.incident_id}
        times = {"cycle": incident.cycle, "moment_at": deed.now, "created_at": deed.now}
        care.add_alert(connection, {**row, **times, "kind": AlertKind.ACKNOWLEDGED})


def snooze(connection: Connection, deed: Deed, until_at: int) -> None:
    """Alerts about the incident are held until then. If it is still open then, that is told."""
    if not deed.now < until_at <= deed.now + LONGEST_SNOOZE:
        raise invalid("until must lie in the future, at most 366 days from now.")
    holds.lock(connection, deed.workspace_id)
    _live(connection, deed, "snoozed")
    _set(connection, deed, {"snoozed_until_at": until_at, "snoozed_by": deed.actor})
    _note(connection, deed, "snoozed", until_at=until_at)
    why = Hold(Reason.SNOOZED, until_at)
    holds.expect(connection, deed.incident_id, deed.workspace_id, why, deed.now, rings=True)


def unsnooze(connection: Connection, deed: Deed) -> None:
    """The snooze ends now; what was held meanwhile is told."""
    holds.lock(connection, deed.workspace_id)
    incident = _known(connection, deed)
    if incident.snoozed_until_at is None or incident.snoozed_until_at <= deed.now:
        raise conflict("The incident is not snoozed.")
    _set(connection, deed, {"snoozed_until_at": None, "snoozed_by": None})
    _note(connection, deed, "unsnoozed")
    holds.wake(connection, deed.incident_id, deed.now)


def add_note(connection: Connection, deed: Deed, text: str) -> None:
    """Something to remember; to be read with the rest of what happened."""
    _known(connection, deed)
    _note(connection, deed, "note", text=text)


def note_resolved(connection: Connection, deed: Deed) -> None:
    """The incident was closed by hand: who did it."""
    _note(connection, deed, "resolved")


def _known(connection: Connection, deed: Deed) -> Attended:
    incident = care.lock(connection, deed.workspace_id, deed.incident_id)
    if incident is None:
        raise not_found("Incident")
    return incident


def _live(connection: Connection, deed: Deed, done: str) -> Attended:
    incident = _known(connection, deed)
    if incident.status == IncidentStatus.CLOSED:
        raise conflict(f"The incident is closed: only a live one can be {done}.")
    return incident


def _set(connection: Connection, deed: Deed, values: dict[str, Any]) -> None:
    care.set_care(connection, deed.workspace_id, deed.incident_id, values)


def _note(connection: Connection, deed: Deed, action: str, **more: Any) -> None:
    row = {"id": deed.ids.new(deed.now), "workspace_id": deed.workspace_id, "incident_id": deed.incident_id}
    care.add_action(connection, {**row, "at": deed.now, "action": action, "actor": deed.actor, **more})
