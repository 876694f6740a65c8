"""Incidents as they are shown: read only."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, Select, case, or_, select

from tocsin.domain.ids import from_uuid, to_uuid
from tocsin.domain.model import IncidentStatus
from tocsin.store.paging import Page, page_of
from tocsin.store.schema import (
    holds,
    incident_care,
    incident_tenants,
    incidents,
    job_environments,
    jobs,
    tenants,
    transitions,
    users,
)
from tocsin.wire_time import iso, iso_or_none

NEWEST_TENANTS = 100
#: So many incidents that are held because of another are shown with it.
MOST_CHILDREN = 100
_STATUSES = {
    "open": [IncidentStatus.OPEN],
    "recovering": [IncidentStatus.RECOVERING],
    "closed": [IncidentStatus.CLOSED],
    "active": [IncidentStatus.OPEN, IncidentStatus.RECOVERING],
    "all": list(IncidentStatus),
}
Object = dict[str, Any]


class IncidentFilters(NamedTuple):
    """`status`: open, recovering, closed, active or all; `tenant`: our UUID or the externalId; None: any."""

    status: str = "active"
    integration_key: str | None = None
    job_key: str | None = None
    pattern_id: str | None = None
    tenant: str | None = None
    chronic: bool | None = None


def incident_object(
    connection: Connection, workspace_id: int, incident_id: int, tenants: int = NEWEST_TENANTS
) -> Object | None:
    """The incident with the newest `tenants` of its affected tenants, or None where the workspace has none such."""
    query = _incidents().where(incidents.c.workspace_id == workspace_id, incidents.c.id == incident_id)
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    affected = connection.execute(_tenants_of(workspace_id, incident_id).limit(tenants)).mappings().all()
    return {**_incident(row), "affectedTenants": [_tenant(tenant) for tenant in affected]}


def whole_incident(connection: Connection, workspace_id: int, incident_id: int) -> Object | None:
    """The incident, with the newest of those that are held because of it."""
    incident = incident_object(connection, workspace_id, incident_id)
    if incident is None:
        return None
    theirs = (holds.c.workspace_id == workspace_id) & (holds.c.parent_incident_id == incident_id)
    query = _incidents().where(theirs, holds.c.since_at.is_not(None)).order_by(incidents.c.opened_at.desc())
    children = connection.execute(query.limit(MOST_CHILDREN)).mappings().all()
    return {**incident, "heldIncidents": [_child(row) for row in children]}


def acknowledgement_of(connection: Connection, workspace_id: int, incident_id: int) -> Object:
    """Who acknowledged the incident last, and with what note."""
    query = (
        select(incident_care.c.acknowledged_by, incident_care.c.note, users.c.email)
        .outerjoin(users, users.c.id == incident_care.c.owner_id)
        .where(incident_care.c.workspace_id == workspace_id, incident_care.c.incident_id == incident_id)
    )
    row = connection.execute(query).first()
    return {} if row is None else {"by": row.acknowledged_by, "note": row.note, "owner": row.email}


def list_incidents(connection: Connection, workspace_id: int, filters: IncidentFilters, page: Page) -> Object:
    """A page of incidents, newest first, each with its affected tenants."""
    query = filtered(workspace_id, filters).order_by(incidents.c.opened_at.desc(), incidents.c.id.desc())
    return page_of(connection, query, page, lambda row: _with_tenants(connection, row))


def list_incident_tenants(connection: Connection, workspace_id: int, incident_id: int, page: Page) -> Object | None:
    if not _exists(connection, workspace_id, incident_id):
        return None
    return page_of(connection, _tenants_of(workspace_id, incident_id), page, _tenant)


def incident_timeline(connection: Connection, workspace_id: int, incident_id: int) -> list[Object] | None:
    """Its transitions, oldest first."""
    if not _exists(connection, workspace_id, incident_id):
        return None
    query = (
        select(transitions)
        .where(transitions.c.workspace_id == workspace_id, transitions.c.incident_id == incident_id)
        .order_by(transitions.c.occurred_at, transitions.c.id)
    )
    return [_transition(row) for row in connection.execute(query).mappings()]


def _incidents() -> Select[Any]:
    """Incidents with what people did about them, and what is held of them."""
    is_acknowledged = incident_care.c.acknowledged_cycle == incidents.c.cycle
    care = [
        case((is_acknowledged, incident_care.c[name])).label(name)
        for name in ("acknowledged_at", "acknowledged_by", "note", "owner_id")
    ]
    held = [holds.c[name].label(f"held_{name}") for name in ("reason", "since_at", "until_at")]
    return (
        select(incidents, *care, incident_care.c.snoozed_until_at, incident_care.c.snoozed_by, *held)
        .add_columns(holds.c.quiet_id, holds.c.parent_incident_id)
        .outerjoin(incident_care, incident_care.c.incident_id == incidents.c.id)
        .outerjoin(holds, holds.c.incident_id == incidents.c.id)
    )


def filtered(workspace_id: int, filters: IncidentFilters) -> Select[Any]:
    query = _incidents().where(
        incidents.c.workspace_id == workspace_id, incidents.c.status.in_(_STATUSES[filters.status])
    )
    for column, value in (("integration_key", filters.integration_key), ("pattern_id", filters.pattern_id)):
        if value is not None:
            query = query.where(incidents.c[column] == value)
    if filters.job_key is not None:
        query = query.where(_is_of_job(workspace_id, filters.job_key))
    if filters.tenant is not None:
        query = query.where(incidents.c.id.in_(_incidents_of_tenant(workspace_id, filters.tenant)))
    if filters.chronic is not None:
        chronic = incidents.c.reopen_count >= 3
        query = query.where(chronic if filters.chronic else ~chronic)
    return query


def _is_of_job(workspace_id: int, job_key: str) -> Any:
    """By the key it had then, or by the job that has it now."""
    environments = (
        select(job_environments.c.id)
        .join(jobs, jobs.c.id == job_environments.c.job_id)
        .where(jobs.c.workspace_id == workspace_id, jobs.c.job_key == job_key)
    )
    return or_(incidents.c.job_key == job_key, incidents.c.job_environment_id.in_(environments))


def _incidents_of_tenant(workspace_id: int, reference: str) -> Select[Any]:
    is_meant = tenants.c.external_id == reference
    number = from_uuid(reference)
    if number is not None:
        is_meant = or_(is_meant, tenants.c.id == number)
    return (
        select(incident_tenants.c.incident_id)
        .join(tenants, tenants.c.id == incident_tenants.c.tenant_id)
        .where(tenants.c.workspace_id == workspace_id, is_meant)
    )


def _tenants_of(workspace_id: int, incident_id: int) -> Select[Any]:
    return (
        select(incident_tenants, tenants.c.external_id, tenants.c.name)
        .join(tenants, tenants.c.id == incident_tenants.c.tenant_id)
        .where(incident_tenants.c.incident_id == incident_id, incident_tenants.c.workspace_id == workspace_id)
        .order_by(incident_tenants.c.last_seen_at.desc(), incident_tenants.c.tenant_id.desc())
    )


def _exists(connection: Connection, workspace_id: int, incident_id: int) -> bool:
    query = select(incidents.c.id).where(incidents.c.workspace_id == workspace_id, incidents.c.id == incident_id)
    return connection.execute(query).scalar() is not None


def _with_tenants(connection: Connection, row: RowMapping) -> Object:
    query = _tenants_of(row["workspace_id"], row["id"]).limit(NEWEST_TENANTS)
    return {**_incident(row), "affectedTenants": [_tenant(tenant) for tenant in connection.execute(query).mappings()]}


def _incident(row: RowMapping) -> Object:
    return {
        "id": to_uuid(row["id"]),
        "workspaceId": to_uuid(row["workspace_id"]),
        "kind": row["kind"],
        "integrationKey": row["integration_key"],
        "jobKey": row["job_key"],
        "jobName": row["job_name"],
        "environment": row["environment"],
        "patternId": row["pattern_id"],
        "patternName": row["pattern_name"],
        "status": row["status"],
        "confidence": row["confidence"],
        "openedAt": iso(row["opened_at"]),
        "recoveringAt": iso_or_none(row["recovering_at"]),
        "closedAt": iso_or_none(row["closed_at"]),
        "reopenedAt": iso_or_none(row["reopened_at"]),
        "reopenCount": row["reopen_count"],
        "eventCount": row["event_count"] if row["kind"] == "integration" else row["missed_runs"],
        "missedRuns": row["missed_runs"],
        "tenantCount": row["tenant_count"],
        "isChronic": row["reopen_count"] >= 3,
        "acknowledgedAt": iso_or_none(row["acknowledged_at"]),
        "acknowledgedBy": row["acknowledged_by"],
        "acknowledgementNote": row["note"],
        "ownerId": _uuid_or_none(row["owner_id"]),
        "snoozedUntil": iso_or_none(row["snoozed_until_at"]),
        "snoozedBy": row["snoozed_by"],
        "held": _held(row),
    }


def _held(row: RowMapping) -> Object | None:
    """Why alerts of the incident are held, since when, and until when as far as is known."""
    if row["held_since_at"] is None:
        return None
    return {
        "reason": row["held_reason"],
        "since": iso(row["held_since_at"]),
        "until": iso_or_none(row["held_until_at"]),
        "quietId": _uuid_or_none(row["quiet_id"]),
        "incidentId": _uuid_or_none(row["parent_incident_id"]),
    }


def _child(row: RowMapping) -> Object:
    names = ("id", "jobKey", "jobName", "environment", "status", "openedAt", "tenantCount", "missedRuns")
    incident = _incident(row)
    return {name: incident[name] for name in names}


def _uuid_or_none(number: int | None) -> str | None:
    return None if number is None else to_uuid(number)


def _tenant(row: RowMapping) -> Object:
    return {
        "tenantId": to_uuid(row["tenant_id"]),
        "tenantName": row["name"] or row["external_id"],
        "externalId": row["external_id"],
        "eventCount": row["event_count"],
        "missedRuns": row["missed_runs"],
        "firstSeenAt": iso(row["first_seen_at"]),
        "lastSeenAt": iso(row["last_seen_at"]),
    }


def _transition(row: RowMapping) -> Object:
    return {
        "fromStatus": row["from_status"],
        "toStatus": row["to_status"],
        "reason": row["sentence"],
        "occurredAt": iso(row["occurred_at"]),
    }
