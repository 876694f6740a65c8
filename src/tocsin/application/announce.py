"""Wording: an alert becomes the content every channel's message is made of, and one delivery a channel."""

import json
from typing import Any

from tocsin.domain.ids import IdMaker, to_uuid
from tocsin.domain.model import SECOND, AlertKind, IncidentStatus
from tocsin.store import alerts
from tocsin.store.alerts import Unworded
from tocsin.store.engine import Connection
from tocsin.store.views_incidents import incident_object
from tocsin.wire_time import iso

#: An alert waits for the other deadlines of its moment, so that who falls silent together is told of together; but
#: not for ever.
LONGEST_WAIT = 5 * SECOND
#: Some 2 ms each: on SQLite check-ins wait behind the transaction that words them.
BATCH = 20
TENANTS = 100


def word_alerts(connection: Connection, ids: IdMaker, now: int, horizon: int, public_url: str) -> int:
    """Words up to `BATCH` alerts; all deadlines at or before `horizon` have been judged.

    Returns how many are done with: fewer than `BATCH` means that none is left for now. What nobody listens to costs
    next to nothing, and goes ten batches at a time.
    """
    due = alerts.lock_unworded(connection, horizon, now - LONGEST_WAIT, 10 * BATCH)
    enabled = alerts.enabled_channels(connection, [alert.workspace_id for alert in due])
    unheard = [alert for alert in due if alert.workspace_id not in enabled]
    alerts.pass_over(connection, unheard, now)
    heard = [alert for alert in due if alert.workspace_id in enabled][:BATCH]
    for alert in heard:
        _word(connection, ids, now, alert, enabled[alert.workspace_id], public_url)
    return len(unheard) + len(heard)


def _word(
    connection: Connection, ids: IdMaker, now: int, alert: Unworded, channel_ids: list[int], public_url: str
) -> None:
    """Word one alert for the channels that are due it."""
    if alert.kind == AlertKind.RESOLVED:
        announced = alerts.announced_channels(connection, alert)
        channel_ids = [channel_id for channel_id in channel_ids if channel_id in announced]
    content = _content(connection, alert, public_url) if channel_ids else None
    alerts.write_worded(connection, alert, json.dumps(content, ensure_ascii=False) if content else None, now)
    if content:
        alerts.queue_deliveries(connection, alert, {channel_id: ids.new(now) for channel_id in channel_ids}, now)


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
        case AlertKind.BLAST_RADIUS_EXPANDED:
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
