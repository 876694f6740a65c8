"""What a scenario ends in: for `tocsin scenario`."""

import json
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from tocsin.domain.ids import to_uuid
from tocsin.domain.model import DEFAULT_ENVIRONMENT, IncidentStatus
from tocsin.store.schema import (
    alerts,
    deliveries,
    incident_tenants,
    incidents,
    job_environments,
    quiets,
    runs,
    streams,
    tenants,
    transitions,
)


class ToldRun(NamedTuple):
    tenant: str
    outcome: str
    at: int
    expected_at: int | None


class ToldIncident(NamedTuple):
    transitions: list[tuple[int, str | None, str]]
    tenants: list[str]
    reopen_count: int


class Told(NamedTuple):
    """Runs, missed runs a stream (`tenant` or `tenant/environment`), incidents, alerts (moment, kind, tenants), and
    alerts that were held (moment, kind, why)."""

    runs: list[ToldRun]
    missed_runs: dict[str, int]
    incidents: list[ToldIncident]
    alerts: list[tuple[int, str, list[str]]]
    held: list[tuple[int, str, str]]


def stream_named(connection: Connection, workspace_id: int, name: str) -> str:
    """The UUID of the stream of a tenant; empty where there is none."""
    return next((to_uuid(i) for i, known in _stream_names(connection, workspace_id).items() if known == name), "")


def live_incidents(connection: Connection, workspace_id: int) -> list[int]:
    query = select(incidents.c.id).where(
        incidents.c.workspace_id == workspace_id, incidents.c.status != IncidentStatus.CLOSED
    )
    return list(connection.execute(query.order_by(incidents.c.id)).scalars())


def quiets_of(connection: Connection, workspace_id: int, reason: str) -> list[int]:
    query = select(quiets.c.id).where(quiets.c.workspace_id == workspace_id, quiets.c.reason == reason)
    return list(connection.execute(query.order_by(quiets.c.id)).scalars())


def told(connection: Connection, workspace_id: int) -> Told:
    names = _stream_names(connection, workspace_id)
    run_rows = connection.execute(
        select(runs.c.stream_id, runs.c.outcome, runs.c.at, runs.c.expected_at)
        .where(runs.c.workspace_id == workspace_id)
        .order_by(runs.c.at, runs.c.id)
    )
    missed = connection.execute(
        select(streams.c.id, streams.c.missed_runs).where(streams.c.workspace_id == workspace_id)
    )
    return Told(
        [ToldRun(names[row[0]], *row[1:]) for row in run_rows],
        {names[row.id]: row.missed_runs for row in missed},
        _incidents(connection, workspace_id),
        _alerts(connection, workspace_id),
        _held(connection, workspace_id),
    )


def _stream_names(connection: Connection, workspace_id: int) -> dict[int, str]:
    rows = connection.execute(
        select(streams.c.id, tenants.c.external_id, job_environments.c.environment)
        .join(tenants, tenants.c.id == streams.c.tenant_id)
        .join(job_environments, job_environments.c.id == streams.c.job_environment_id)
        .where(streams.c.workspace_id == workspace_id)
    )
    return {
        row.id: row.external_id + ("" if row.environment == DEFAULT_ENVIRONMENT else f"/{row.environment}")
        for row in rows
    }


def _incidents(connection: Connection, workspace_id: int) -> list[ToldIncident]:
    found = connection.execute(
        select(incidents.c.id, incidents.c.reopen_count)
        .where(incidents.c.workspace_id == workspace_id)
        .order_by(incidents.c.opened_at, incidents.c.id)
    ).all()
    return [
        ToldIncident(_transitions(connection, row.id), _tenants(connection, row.id), row.reopen_count) for row in found
    ]


def _transitions(connection: Connection, incident_id: int) -> list[tuple[int, str | None, str]]:
    columns = transitions.c.occurred_at, transitions.c.from_status, transitions.c.to_status
    query = select(*columns).where(transitions.c.incident_id == incident_id).order_by(transitions.c.id)
    return [(row[0], row[1], row[2]) for row in connection.execute(query)]


def _tenants(connection: Connection, incident_id: int) -> list[str]:
    query = (
        select(tenants.c.external_id)
        .join(incident_tenants, incident_tenants.c.tenant_id == tenants.c.id)
        .where(incident_tenants.c.incident_id == incident_id)
        .order_by(tenants.c.external_id)
    )
    return list(connection.execute(query).scalars())


def _alerts(connection: Connection, workspace_id: int) -> list[tuple[int, str, list[str]]]:
    """What its channel is told."""
    query = (
        select(alerts.c.moment_at, deliveries.c.kind, func.coalesce(deliveries.c.content, alerts.c.content))
        .join(alerts, alerts.c.id == deliveries.c.alert_id)
        .where(deliveries.c.workspace_id == workspace_id)
        .order_by(alerts.c.moment_at, deliveries.c.id)
    )
    return [
        (row[0], row[1], sorted(t["externalId"] for t in json.loads(row[2])["affectedTenants"]))
        for row in connection.execute(query)
    ]


def _held(connection: Connection, workspace_id: int) -> list[tuple[int, str, str]]:
    columns = alerts.c.moment_at, alerts.c.kind, alerts.c.held_by
    query = select(*columns).where(alerts.c.workspace_id == workspace_id, alerts.c.held_by.is_not(None))
    return [(row[0], row[1], row[2]) for row in connection.execute(query.order_by(alerts.c.moment_at, alerts.c.id))]
