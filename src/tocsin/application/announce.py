"""Wording: an alert becomes the content every channel's message is made of, for the channels that are due it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tocsin.application import holding
from tocsin.application.telling import Content, Hearing, Telling
from tocsin.domain.ids import IdMaker, to_uuid
from tocsin.domain.model import SECOND, AlertKind, IncidentStatus
from tocsin.domain.quiet import Quiet
from tocsin.domain.routing import CatchUp, Habits, Subject, heard_as, next_reminder
from tocsin.domain.routing import Telling as Told
from tocsin.store import alerts, quieting, reminders
from tocsin.store.alerts import Affected, Listener, Unworded
from tocsin.store.engine import Connection
from tocsin.store.quieting import Hush
from tocsin.store.reminders import Reminder
from tocsin.store.views_incidents import acknowledgement_of, incident_object
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

    Returns how many are done with: fewer than `BATCH` means that none is left for now. What nobody listens to, or is
    held, costs next to nothing, and goes ten batches at a time.
    """
    due = alerts.lock_unworded(connection, horizon, now - LONGEST_WAIT, 10 * BATCH)
    hush, left = holding.hold_back(connection, now, due)
    listening = alerts.listeners(connection, [alert.workspace_id for alert in left])
    unheard = [alert for alert in left if alert.workspace_id not in listening]
    alerts.pass_over(connection, unheard, now)
    heard = [alert for alert in left if alert.workspace_id in listening][:BATCH]
    everyone = [one for workspace_id in {a.workspace_id for a in heard} for one in listening[workspace_id]]
    telling = Telling(connection, ids, now, habits, everyone)
    for known in heard:
        alert = holding.release(connection, now, hush, known)
        if alert is not None:
            muted = hush.muted_in(connection, alert)
            told = _tellings(connection, alert)
            content, hearings = _word(connection, alert, listening[alert.workspace_id], public_url, habits, told, muted)
            if alert.catch_up is not None and not hearings:
                alerts.retract(connection, alert)
                continue
            alerts.write_worded(connection, alert, _json(content), now)
            if muted and not hearings:
                holding.note_muted(connection, now, alert, told.values(), muted)
            telling.tell(alert, hearings)
    telling.close()
    return len(due) - len(left) + len(unheard) + len(heard)


def send_reminders(
    connection: Connection, ids: IdMaker, now: int, until_at: int, public_url: str, habits: Habits = _ALIKE
) -> int:
    """Reminds up to `BATCH` channels of incidents that are still open; how many reminders were due.

    One that is not wanted or not true any more ends. Where it is quiet, or somebody has acknowledged the incident, or
    the channel still has to get something about it, this period goes by without.
    """
    due = reminders.lock_due(connection, until_at, BATCH)
    telling = Telling(connection, ids, now, habits, [one.listener for one in due if one.listener])
    hush = quieting.look(connection, now, {one.incident_id for one in due})
    attended = quieting.acknowledged(connection, {one.incident_id for one in due}) if due else set()
    for one in due:
        every = one.listener.terms.remind_every if one.listener else None
        if one.listener is None or every is None or not one.is_open:
            reminders.end_reminder(connection, one.incident_id, one.channel_id)
            continue
        next_at = next_reminder(one.next_at, every, now)
        reminders.move_reminder(connection, one.incident_id, one.channel_id, next_at)
        if one.incident_id not in attended and not reminders.is_behind(connection, one.incident_id, one.channel_id):
            _remind(connection, ids, now, one, one.listener, hush, telling, public_url)
    telling.close()
    return len(due)


def _remind(
    connection: Connection,
    ids: IdMaker,
    now: int,
    due: Reminder,
    listener: Listener,
    hush: Hush,
    telling: Telling,
    public_url: str,
) -> None:
    """Remind one channel of one incident, unless it is quiet."""
    alert = reminders.new_alert(ids, now, due)
    if hush.hold_on(connection, alert) is not None:
        return
    reminders.add_alert(connection, alert, now)
    muted = hush.muted_in(connection, alert)
    content = _content(connection, alert, public_url, muted)
    hearing = content and _hearing(connection, alert, listener, AlertKind.REMINDER, content, Told(was_told=True), muted)
    alerts.write_worded(connection, alert, _json(content), now)
    telling.tell(alert, [hearing] if hearing else [])


def _json(content: Content | None) -> str | None:
    return json.dumps(content, ensure_ascii=False) if content else None


def _tellings(connection: Connection, alert: Unworded) -> dict[int, Told]:
    """What each channel was told of the incident; of one that has just opened nobody was told anything."""
    is_first = alert.kind == AlertKind.OPENED and alert.catch_up is None
    return {} if is_first else alerts.tellings(connection, alert)


def _word(
    connection: Connection,
    alert: Unworded,
    listeners: Sequence[Listener],
    public_url: str,
    habits: Habits,
    told: Mapping[int, Told],
    muted: Mapping[str, Quiet],
) -> tuple[Content | None, list[Hearing]]:
    """The content of the alert, and the channels that are due it, each with what it is told."""
    kind = AlertKind(alert.kind)
    if kind in {AlertKind.RESOLVED, AlertKind.ACKNOWLEDGED}:
        listeners = [one for one in listeners if one.id in told and told[one.id].was_told]
    if alert.catch_up == CatchUp.JOINED:
        listeners = [one for one in listeners if one.terms.routes.tenants]
    content = _content(connection, alert, public_url, muted) if listeners else None
    if content is None:
        return None, []
    subject, hearings = _subject(content), []
    for one in listeners:
        known, keeps_state = told.get(one.id, Told()), one.provider in habits.keep_state
        heard = heard_as(one.terms.routes, kind, subject, known, keeps_state=keeps_state, catch_up=alert.catch_up)
        hearing = heard and _hearing(connection, alert, one, heard, content, known, muted)
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
    told: Told,
    muted: Mapping[str, Quiet],
) -> Hearing | None:
    """What the channel is told. One with tenants of its own is told of them alone, and not at all where they are not
    concerned. Where nothing is new, nobody is told; whoever is quiet is no news, and is shown."""
    own = {**content, "kind": kind}
    only = listener.terms.routes.tenants
    if kind not in {AlertKind.RESOLVED, AlertKind.ACKNOWLEDGED} and (only or muted or told.was_told):
        since_at = told.told_until_at if kind is AlertKind.BLAST_RADIUS_EXPANDED and told.was_told else 0
        is_wanted = since_at or only or muted
        if is_wanted and not alerts.has_joined(connection, alert, since_at, only, muted):
            return None
    if not only:
        return Hearing(listener, kind, own, is_own=kind != alert.kind)
    return Hearing(listener, kind, _narrowed(own, alerts.affected_by(connection, alert, TENANTS, only)), is_own=True)


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


def _content(
    connection: Connection, alert: Unworded, public_url: str, muted: Mapping[str, Quiet]
) -> dict[str, Any] | None:
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
        "affectedTenants": [{**one, "isMuted": True} if one["externalId"] in muted else one for one in affected.newest],
        "url": f"{public_url}/incidents/{incident['id']}",
        **_acknowledgement(connection, alert),
    }


def _acknowledgement(connection: Connection, alert: Unworded) -> dict[str, Any]:
    if alert.kind != AlertKind.ACKNOWLEDGED:
        return {}
    return {"acknowledgement": acknowledgement_of(connection, alert.workspace_id, alert.incident_id)}


def _reason(connection: Connection, alert: Unworded) -> str | None:
    match alert.kind:
        case AlertKind.RESOLVED:
            return alerts.sentence_of(connection, alert, IncidentStatus.CLOSED)
        case AlertKind.BLAST_RADIUS_EXPANDED | AlertKind.REMINDER | AlertKind.ACKNOWLEDGED:
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
