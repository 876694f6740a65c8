"""Alerts on their way to being worded: which are due, whom they are about, and which channels hear of them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, func, insert, select, update

from tocsin.domain.ids import to_uuid
from tocsin.domain.model import AlertKind
from tocsin.store.schema import (
    alerts,
    channels,
    deliveries,
    incident_tenants,
    incidents,
    job_environments,
    jobs,
    tenants,
    transitions,
)
from tocsin.wire_time import iso

_ANNOUNCING = (AlertKind.OPENED, AlertKind.REOPENED)


class Unworded(NamedTuple):
    id: int
    workspace_id: int
    incident_id: int
    kind: str
    cycle: int
    moment_at: int


class Affected(NamedTuple):
    """The tenants of an alert: how many, their missed runs together, and the newest of them as API objects."""

    tenants: int
    missed_runs: int
    newest: list[dict[str, Any]]


def lock_unworded(connection: Connection, horizon: int, created_before: int, limit: int) -> list[Unworded]:
    """Unworded alerts whose moment is judged, or that have waited long enough; oldest first.

    An alert never overtakes an earlier one of its incident. Nodes wait for each other here (no SKIP LOCKED): who comes
    to a `resolved` must see which channels its `opened` went to.
    """
    is_due = (alerts.c.moment_at <= horizon) | (alerts.c.created_at <= created_before)
    earlier = alerts.alias("earlier")
    is_waiting = ~((earlier.c.moment_at <= horizon) | (earlier.c.created_at <= created_before))
    overtakes = (
        select(earlier.c.id)
        .where(earlier.c.incident_id == alerts.c.incident_id, earlier.c.id < alerts.c.id)
        .where(earlier.c.worded_at.is_(None), is_waiting)
        .exists()
    )
    query = (
        select(*[alerts.c[name] for name in Unworded._fields])
        .where(alerts.c.worded_at.is_(None), alerts.c.incident_id.is_not(None), is_due, ~overtakes)
        .order_by(alerts.c.id)
        .limit(limit)
        .with_for_update(of=alerts)
    )
    return [Unworded(*row) for row in connection.execute(query)]


def enabled_channels(connection: Connection, workspace_ids: Sequence[int]) -> dict[int, list[int]]:
    """Ids of the enabled channels of each workspace that has any."""
    found: dict[int, list[int]] = {}
    query = select(channels.c.workspace_id, channels.c.id).where(
        channels.c.workspace_id.in_(set(workspace_ids)), channels.c.is_enabled
    )
    for workspace_id, channel_id in connection.execute(query.order_by(channels.c.id)):
        found.setdefault(workspace_id, []).append(channel_id)
    return found


def announced_channels(connection: Connection, alert: Unworded) -> set[int]:
    """Ids of the channels that were due an `opened` or `reopened` since the incident's last `resolved`."""
    last_resolved = select(func.coalesce(func.max(alerts.c.id), 0)).where(
        alerts.c.incident_id == alert.incident_id, alerts.c.kind == AlertKind.RESOLVED, alerts.c.id < alert.id
    )
    query = select(deliveries.c.channel_id).where(
        deliveries.c.workspace_id == alert.workspace_id,
        deliveries.c.incident_id == alert.incident_id,
        deliveries.c.kind.in_(_ANNOUNCING),
        deliveries.c.alert_id > last_resolved.scalar_subquery(),
        deliveries.c.alert_id < alert.id,
    )
    return set(connection.execute(query).scalars())


def affected_by(connection: Connection, alert: Unworded, limit: int) -> Affected:
    """The tenants in the alert's cycle by its moment; a cycle keeps no one who came back only later."""
    totals = select(func.count(), func.coalesce(func.sum(incident_tenants.c.missed_runs), 0))
    count, missed_runs = connection.execute(_of_alert(totals, alert)).one()
    columns = select(incident_tenants, tenants.c.external_id, tenants.c.name)
    newest = (
        _of_alert(columns.join(tenants, tenants.c.id == incident_tenants.c.tenant_id), alert)
        .order_by(incident_tenants.c.last_seen_at.desc(), incident_tenants.c.tenant_id.desc())
        .limit(limit)
    )
    return Affected(count, int(missed_runs), [_tenant(row) for row in connection.execute(newest).mappings()])


def job_of(connection: Connection, workspace_id: int, incident_id: int) -> dict[str, Any] | None:
    """The row of the job an incident is about, or None where it is about none, or none any more."""
    query = (
        select(jobs)
        .join(job_environments, job_environments.c.job_id == jobs.c.id)
        .join(incidents, incidents.c.job_environment_id == job_environments.c.id)
        .where(incidents.c.workspace_id == workspace_id, incidents.c.id == incident_id)
    )
    row = connection.execute(query).mappings().first()
    return dict(row) if row is not None else None


def sentence_of(connection: Connection, alert: Unworded, to_status: str) -> str | None:
    """The reason of the incident's latest change to `to_status` by the alert's moment."""
    query = (
        select(transitions.c.sentence)
        .where(
            transitions.c.workspace_id == alert.workspace_id,
            transitions.c.incident_id == alert.incident_id,
            transitions.c.to_status == to_status,
            transitions.c.occurred_at <= alert.moment_at,
        )
        .order_by(transitions.c.occurred_at.desc(), transitions.c.id.desc())
        .limit(1)
    )
    return connection.execute(query).scalar()


def pass_over(connection: Connection, unheard: Sequence[Unworded], now: int) -> None:
    """Alerts of workspaces without a channel: there is nobody to word them for."""
    if unheard:
        theirs = alerts.c.id.in_([alert.id for alert in unheard])
        connection.execute(update(alerts).where(theirs).values(worded_at=now))


def write_worded(connection: Connection, alert: Unworded, content: str | None, now: int) -> None:
    connection.execute(update(alerts).where(alerts.c.id == alert.id).values(content=content, worded_at=now))


def queue_deliveries(connection: Connection, alert: Unworded, ids_by_channel: dict[int, int], now: int) -> None:
    """One delivery of the alert to each channel, due now; `ids_by_channel`: channel id → the delivery's id."""
    rows = [
        {
            "id": delivery_id,
            "workspace_id": alert.workspace_id,
            "alert_id": alert.id,
            "incident_id": alert.incident_id,
            "channel_id": channel_id,
            "kind": alert.kind,
            "created_at": now,
            "next_attempt_at": now,
        }
        for channel_id, delivery_id in ids_by_channel.items()
    ]
    connection.execute(insert(deliveries), rows)


def _of_alert(query: Select[Any], alert: Unworded) -> Select[Any]:
    return query.where(
        incident_tenants.c.incident_id == alert.incident_id,
        incident_tenants.c.workspace_id == alert.workspace_id,
        incident_tenants.c.cycle == alert.cycle,
        incident_tenants.c.cycle_seen_at <= alert.moment_at,
    )


def _tenant(row: Any) -> dict[str, Any]:
    return {
        "tenantId": to_uuid(row["tenant_id"]),
        "tenantName": row["name"] or row["external_id"],
        "externalId": row["external_id"],
        "eventCount": row["event_count"],
        "missedRuns": row["missed_runs"],
        "firstSeenAt": iso(row["first_seen_at"]),
        "lastSeenAt": iso(row["last_seen_at"]),
    }
