"""Alerts on their way to being worded: which are due, whom they are about, and which channels hear of them."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, delete, func, select, update

from tocsin.domain.ids import to_uuid
from tocsin.domain.model import AlertKind
from tocsin.domain.reason import Reason
from tocsin.domain.routing import OPENINGS, CatchUp, Telling, Terms
from tocsin.store.channels import terms_of
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

#: Why an opening that was due was never sent after all.
NEVER_SENT = (Reason.HELD, Reason.RESOLVED_WITHIN_DELAY, Reason.SUPERSEDED)


class Unworded(NamedTuple):
    id: int
    workspace_id: int
    incident_id: int
    kind: str
    cycle: int
    moment_at: int
    catch_up: str | None = None


class Listener(NamedTuple):
    """An enabled channel."""

    id: int
    workspace_id: int
    provider: str
    terms: Terms


class Affected(NamedTuple):
    """The tenants of an alert: how many, their missed runs and events together, the newest of them as API objects."""

    tenants: int
    missed_runs: int
    events: int
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


def listeners(connection: Connection, workspace_ids: Sequence[int]) -> dict[int, list[Listener]]:
    """The enabled channels of each workspace that has any."""
    found: dict[int, list[Listener]] = {}
    query = select(channels).where(channels.c.workspace_id.in_(set(workspace_ids)), channels.c.is_enabled)
    for row in connection.execute(query.order_by(channels.c.id)).mappings():
        listener = Listener(row["id"], row["workspace_id"], row["provider"], terms_of(row))
        found.setdefault(listener.workspace_id, []).append(listener)
    return found


def tellings(connection: Connection, alert: Unworded) -> dict[int, Telling]:
    """What each channel was told of the incident before this alert, by channel. What was never sent was not told."""
    last_resolved = select(func.coalesce(func.max(alerts.c.id), 0)).where(
        alerts.c.incident_id == alert.incident_id, alerts.c.kind == AlertKind.RESOLVED, alerts.c.id < alert.id
    )
    is_opening, is_in_cycle = deliveries.c.kind.in_(OPENINGS), alerts.c.cycle == alert.cycle
    resolved_id = last_resolved.scalar_subquery()
    query = (
        select(
            deliveries.c.channel_id,
            func.count().filter(is_opening, deliveries.c.alert_id > resolved_id),
            func.count().filter(is_opening, is_in_cycle),
            func.count().filter(is_opening),
            func.coalesce(func.max(alerts.c.moment_at).filter(is_in_cycle), 0),
        )
        .join(alerts, alerts.c.id == deliveries.c.alert_id)
        .where(deliveries.c.workspace_id == alert.workspace_id, deliveries.c.incident_id == alert.incident_id)
        .where(deliveries.c.alert_id < alert.id, deliveries.c.reason.not_in(NEVER_SENT))
        .where(deliveries.c.kind != AlertKind.ACKNOWLEDGED)
        .group_by(deliveries.c.channel_id)
    )
    return {row[0]: Telling(row[1] > 0, row[2] > 0, row[3] > 0, row[4]) for row in connection.execute(query)}


def affected_by(connection: Connection, alert: Unworded, limit: int, only: Sequence[str] = ()) -> Affected:
    """The tenants in the alert's cycle by its moment; a cycle keeps no one who came back only later.

    `only`: the externalIds to look at (none: all).
    """
    totals = select(
        func.count(),
        func.coalesce(func.sum(incident_tenants.c.missed_runs), 0),
        func.coalesce(func.sum(incident_tenants.c.event_count), 0),
    )
    if only:
        chosen = select(tenants.c.id).where(
            tenants.c.workspace_id == alert.workspace_id, tenants.c.external_id.in_(only)
        )
        totals = totals.where(incident_tenants.c.tenant_id.in_(chosen))
    count, missed_runs, events = connection.execute(of_alert(totals, alert)).one()
    columns = select(incident_tenants, tenants.c.external_id, tenants.c.name)
    newest = (
        of_alert(columns.join(tenants, tenants.c.id == incident_tenants.c.tenant_id), alert)
        .order_by(incident_tenants.c.last_seen_at.desc(), incident_tenants.c.tenant_id.desc())
        .limit(limit)
    )
    if only:
        newest = newest.where(tenants.c.external_id.in_(only))
    found = [_tenant(row) for row in connection.execute(newest).mappings()]
    return Affected(count, int(missed_runs), int(events), found)


def has_joined(
    connection: Connection, alert: Unworded, since_at: int, only: Sequence[str], but: Collection[str]
) -> bool:
    """Whether a tenant of the alert became affected after `since_at`: of `only` these (none: of all), `but` of these
    nobody."""
    query = (
        select(incident_tenants.c.tenant_id)
        .join(tenants, tenants.c.id == incident_tenants.c.tenant_id)
        .where(incident_tenants.c.cycle_seen_at > since_at)
    )
    if only:
        query = query.where(tenants.c.external_id.in_(only))
    if but:
        query = query.where(tenants.c.external_id.not_in(but))
    return connection.execute(of_alert(query, alert).limit(1)).scalar() is not None


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


def retract(connection: Connection, alert: Unworded) -> None:
    """An alert that was to make up for a quiet, and finds nothing that is missing."""
    connection.execute(delete(alerts).where(alerts.c.id == alert.id))


def begin_with(connection: Connection, alert: Unworded, kind: AlertKind) -> Unworded:
    """What was held of its cycle is told with this alert: it makes up for that."""
    mine = update(alerts).where(alerts.c.id == alert.id)
    connection.execute(mine.values(kind=kind, catch_up=CatchUp.QUIET))
    return alert._replace(kind=kind, catch_up=CatchUp.QUIET)


def write_worded(connection: Connection, alert: Unworded, content: str | None, now: int) -> None:
    connection.execute(update(alerts).where(alerts.c.id == alert.id).values(content=content, worded_at=now))


def of_alert(query: Select[Any], alert: Unworded) -> Select[Any]:
    """Only the tenants in the alert's cycle by its moment."""
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
