"""Wording: an alert becomes the content every channel's message is made of, for the channels that are due it."""

import json
from collections.abc import Sequence
from typing import Any

from tocsin.application.telling import Content, Hearing, Telling
from tocsin.domain.ids import IdMaker, to_uuid
from tocsin.domain.model import SECOND, AlertKind, IncidentStatus
from tocsin.domain.routing import OPENINGS, Habits, Subject, heard_as, next_reminder
from tocsin.store import alerts, reminders
from tocsin.store.alerts import Affected, Listener, Unworded
from tocsin.store.engine import Connection
from tocsin.store.views_incidents import incident_object
from tocsin.wire_time import iso

#: An alert waits for the other deadlines of its moment, so that who falls silent together is told of together; but
#: not for ever.
LONGEST_WAIT = 5 * SECOND
#: Some 2 ms each: on SQLite check-ins wait behind the transaction that words them.
BATCH = 20
TENANTS = 100
_ALIKE = Habits()


def word_alerts(
    connection: Connection, ids: IdMaker, now: int, horizon: int, public_url: str, habits: Habits = _ALIKE
) -> int:
    """Words up to `BATCH` alerts; all deadlines at or before `horizon` have been judged.

    Returns how many are done with: fewer than `BATCH` means that none is left for now. What nobody listens to costs
    next to nothing, and goes ten batches at a time.
    """
    due = alerts.lock_unworded(connection, horizon, now - LONGEST_WAIT, 10 * BATCH)
    listening = alerts.listeners(connection, [alert.workspace_id for alert in due])
    unheard = [alert for alert in due if alert.workspace_id not in listening]
    alerts.pass_over(connection, unheard, now)
    heard = [alert for alert in due if alert.workspace_id in listening][:BATCH]
    everyone = [one for workspace_id in {a.workspace_id for a in heard} for one in listening[workspace_id]]
    telling = Telling(connection, ids, now, habits, everyone)
    for alert in heard:
        content, hearings = _word(connection, alert, listening[alert.workspace_id], public_url, habits)
        alerts.write_worded(connection, alert, json.dumps(content, ensure_ascii=False) if content else None, now)
        telling.tell(alert, hearings)
    telling.close()
    return len(unheard) + len(heard)


def send_reminders(
    connection: Connection, ids: IdMaker, now: int, until_at: int, public_url: str, habits: Habits = _ALIKE
) -> int:
    """Reminds up to `BATCH` channels of incidents that are still open; how many reminders were due.

    One that is not wanted or not true any more ends. Where the channel still has to get something about the incident,
    this period goes by without.
    """
    due = reminders.lock_due(connection, until_at, BATCH)
    telling = Telling(connection, ids, now, habits, [one.listener for one in due if one.listener])
    for one in due:
        every = one.listener.terms.remind_every if one.listener else None
        if one.listener is None or every is None or not one.is_open:
            reminders.end_reminder(connection, one.incident_id, one.channel_id)
            continue
        next_at = next_reminder(one.next_at, every, now)
        reminders.move_reminder(connection, one.incident_id, one.channel_id, next_at)
        if not reminders.is_behind(connection, one.incident_id, one.channel_id):
            alert = reminders.add_alert(connection, ids, now, one)
            content = _content(connection, alert, public_url)
            hearing = content and _hearing(connection, alert, one.listener, AlertKind.REMINDER, content)
            alerts.write_worded(connection, alert, json.dumps(content, ensure_ascii=False) if content else None, now)
            telling.tell(alert, [hearing] if hearing else [])
    telling.close()
    return len(due)


def _word(
    connection: Connection, alert: Unworded, listeners: Sequence[Listener], public_url: str, habits: Habits
) -> tuple[Content | None, list[Hearing]]:
    """The content of the alert, and the channels that are due it, each with what it is told."""
    kind = AlertKind(alert.kind)
    told = set() if kind in OPENINGS else alerts.announced_channels(connection, alert)
    if kind is AlertKind.RESOLVED:
        listeners = [one for one in listeners if one.id in told]
    content = _content(connection, alert, public_url) if listeners else None
    if content is None:
        return None, []
    subject, hearings = _subject(content), []
    for one in listeners:
        keeps_state = one.provider in habits.keep_state
        heard = heard_as(one.terms.routes, kind, subject, was_told=one.id in told, keeps_state=keeps_state)
        hearing = heard and _hearing(connection, alert, one, heard, content, was_told=one.id in told)
        hearings += [hearing] if hearing else []
    return content, hearings


def _subject(content: Content) -> Subject:
    incident, job = content["incident"], content["job"] or {}
    keys = frozenset(key for key in (incident["jobKey"], job.get("jobKey")) if key)
    return Subject(keys, incident["integrationKey"], frozenset(job.get("tags", ())))


def _hearing(
    connection: Connection,
    alert: Unworded,
    listener: Listener,
    kind: AlertKind,
    content: Content,
    *,
    was_told: bool = False,
) -> Hearing | None:
    """What the channel is told. One with tenants of its own is told of them alone, and not at all where they are not
    concerned, or where nothing is new for them."""
    own = {**content, "kind": kind}
    only = listener.terms.routes.tenants
    if not only:
        return Hearing(listener, kind, own, is_own=kind != alert.kind)
    affected = alerts.affected_by(connection, alert, TENANTS, only)
    if not affected.tenants and kind is not AlertKind.RESOLVED:
        return None
    if kind is AlertKind.BLAST_RADIUS_EXPANDED and was_told:
        known = alerts.last_tenant_count(connection, alert, listener.id)
        if affected.tenants <= known:
            return None
    return Hearing(listener, kind, _narrowed(own, affected), is_own=True)


def _narrowed(content: Content, affected: Affected) -> Content:
    """The content as if nobody else were affected: one customer's channel tells nothing of the others."""
    incident = content["incident"]
    is_job = incident["kind"] == "job"
    counts = {
        "tenantCount": affected.tenants,
        "missedRuns": affected.missed_runs,
        "eventCount": affected.missed_runs if is_job else affected.events,
    }
    # Why a job's incident opened is a sentence that counts everybody.
    reason = None if is_job and content["kind"] != AlertKind.RESOLVED else content["reason"]
    return {
        **content,
        "incident": {**incident, **counts},
        "reason": reason,
        "missedRuns": affected.missed_runs,
        "tenantCount": affected.tenants,
        "affectedTenants": affected.newest,
    }


def _content(connection: Connection, alert: Unworded, public_url: str) -> dict[str, Any] | None:
    """What is told: `incident` (the API's object, with the alert's tenants), `job`, counts, `reason`, `url`."""
    incident = incident_object(connection, alert.workspace_id, alert.incident_id, 0)
    if incident is None:
        return None
    affected = alerts.affected_by(connection, alert, TENANTS)
    return {
        "kind": alert.kind,
        "at": iso(alert.moment_at),
        "incident": incident,
        "job": _job(connection, alert, incident) if incident["kind"] == "job" else None,
        "reason": _reason(connection, alert),
        "missedRuns": affected.missed_runs,
        "tenantCount": affected.tenants,
        "affectedTenants": affected.newest,
        "url": f"{public_url}/incidents/{incident['id']}",
    }


def _reason(connection: Connection, alert: Unworded) -> str | None:
    match alert.kind:
        case AlertKind.RESOLVED:
            return alerts.sentence_of(connection, alert, IncidentStatus.CLOSED)
        case AlertKind.BLAST_RADIUS_EXPANDED | AlertKind.REMINDER:
            return None
    return alerts.sentence_of(connection, alert, IncidentStatus.OPEN)


def _job(connection: Connection, alert: Unworded, incident: dict[str, Any]) -> dict[str, Any]:
    """The job as it stands; of one that was deleted meanwhile, what its incident remembers."""
    row = alerts.job_of(connection, alert.workspace_id, alert.incident_id)
    known = {"jobKey": incident["jobKey"], "name": incident["jobName"], "environment": incident["environment"]}
    if row is None:
        return known
    return {
        "id": to_uuid(row["id"]),
        **known,
        "name": row["name"],
        "description": row["description"],
        "runbookUrl": row["runbook_url"] or None,
        "tags": json.loads(row["tags"]),
    }
