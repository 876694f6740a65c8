"""Incidents for people: the list with who is hit, and how one went over time. Read only; moments are microseconds."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, case, func, select

from tocsin.domain.ids import to_uuid
from tocsin.domain.model import IncidentStatus
from tocsin.store.paging import Page, page_of_rows
from tocsin.store.schema import (
    alerts,
    incident_tenants,
    incidents,
    job_environments,
    jobs,
    tenants,
    transitions,
)
from tocsin.store.views_incidents import IncidentFilters, filtered
from tocsin.store.views_overview import count_tenants

Object = dict[str, Any]
_NAMED = 3


def list_shown(connection: Connection, workspace_id: int, filters: IncidentFilters, page: Page) -> Object:
    """A page of incidents, newest first: each with how many it hits of how many, three of them by name, and why."""
    begun_at = func.coalesce(incidents.c.reopened_at, incidents.c.opened_at)
    query = (
        filtered(workspace_id, filters)
        .outerjoin(job_environments, job_environments.c.id == incidents.c.job_environment_id)
        .add_columns(job_environments.c.watched_count, job_environments.c.affected_count, begun_at.label("begun_at"))
        .order_by(incidents.c.opened_at.desc(), incidents.c.id.desc())
    )
    total = count_tenants(connection, workspace_id)

    def items(rows: Any) -> list[Object]:
        ids = [row["id"] for row in rows]
        named, reasons = _named(connection, workspace_id, ids), _reasons(connection, workspace_id, ids)
        return [{**_shown(row, total), "named": named.get(row["id"], []), "reason": reasons[row["id"]]} for row in rows]

    return page_of_rows(connection, query, page, items)


def head_of(connection: Connection, workspace_id: int, incident_id: int) -> Object | None:
    """What stands above everything on the page of one incident; None where the workspace has none such."""
    query = (
        select(
            incidents,
            job_environments.c.watched_count,
            job_environments.c.affected_count,
            func.coalesce(incidents.c.reopened_at, incidents.c.opened_at).label("begun_at"),
            jobs.c.runbook_url,
            jobs.c.job_key.label("present_key"),
        )
        .outerjoin(job_environments, job_environments.c.id == incidents.c.job_environment_id)
        .outerjoin(jobs, jobs.c.id == job_environments.c.job_id)
        .where(incidents.c.workspace_id == workspace_id, incidents.c.id == incident_id)
    )
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    reasons = _reasons(connection, workspace_id, [incident_id])
    return {
        **_shown(row, count_tenants(connection, workspace_id)),
        "number": incident_id,
        "reason": reasons[incident_id],
        "runbook_url": row["runbook_url"] or "",
        "job_key": row["present_key"],
        "environment_id": row["job_environment_id"],
    }


def course_of(connection: Connection, workspace_id: int, incident_id: int) -> Object:
    """`turns`: (moment, status) of its state changes; `joined`: (moment, how many tenants came); `alerts`: (moment,
    kind) of what was told. All oldest first."""
    mine = and_(incident_tenants.c.workspace_id == workspace_id, incident_tenants.c.incident_id == incident_id)
    came = (
        select(incident_tenants.c.first_seen_at, func.count())
        .where(mine)
        .group_by(incident_tenants.c.first_seen_at)
        .order_by(incident_tenants.c.first_seen_at)
    )
    turned = (
        select(transitions.c.occurred_at, transitions.c.to_status)
        .where(transitions.c.workspace_id == workspace_id, transitions.c.incident_id == incident_id)
        .order_by(transitions.c.occurred_at, transitions.c.id)
    )
    told = (
        select(alerts.c.moment_at, alerts.c.kind)
        .where(alerts.c.workspace_id == workspace_id, alerts.c.incident_id == incident_id)
        .order_by(alerts.c.moment_at, alerts.c.id)
    )
    return {
        "turns": [tuple(row) for row in connection.execute(turned)],
        "joined": [tuple(row) for row in connection.execute(came)],
        "alerts": [tuple(row) for row in connection.execute(told)],
    }


def _shown(row: RowMapping, total: int) -> Object:
    is_open, is_job = row["status"] == IncidentStatus.OPEN, row["kind"] == "job"
    affected = row["affected_count"] if is_open and row["affected_count"] is not None else row["cycle_tenants"]
    of = row["watched_count"] if row["watched_count"] is not None else total
    return {
        "id": to_uuid(row["id"]),
        "kind": row["kind"],
        "status": row["status"],
        "name": row["job_name"] or row["job_key"] or row["integration_key"],
        "integration_key": row["integration_key"],
        "environment": row["environment"],
        "pattern": row["pattern_name"],
        "pattern_id": row["pattern_id"],
        "confidence": row["confidence"],
        "missed_runs": row["missed_runs"] if is_job else 0,
        "event_count": 0 if is_job else row["event_count"],
        "opened_at": row["opened_at"],
        "begun_at": row["begun_at"],
        "closed_at": row["closed_at"],
        "reopen_count": row["reopen_count"],
        "is_chronic": row["reopen_count"] >= 3,
        "is_open": is_open,
        "is_over": row["status"] == IncidentStatus.CLOSED,
        "tenant_count": row["tenant_count"],
        "affected": affected,
        "of": max(of, affected),
        "state": _bar_state(row),
    }


def _bar_state(row: RowMapping) -> str:
    if row["status"] != IncidentStatus.OPEN:
        return "recovering" if row["status"] == IncidentStatus.RECOVERING else "closed"
    return "missed" if row["kind"] == "job" and row["missed_runs"] else "error"


def _named(connection: Connection, workspace_id: int, ids: Collection[int]) -> dict[int, list[str]]:
    """The names of the newest few tenants of each incident's cycle, in one query."""
    place = func.row_number().over(
        partition_by=incident_tenants.c.incident_id,
        order_by=(incident_tenants.c.last_seen_at.desc(), incident_tenants.c.tenant_id),
    )
    newest = (
        select(incident_tenants.c.incident_id, incident_tenants.c.tenant_id, place.label("place"))
        .join(incidents, incidents.c.id == incident_tenants.c.incident_id)
        .where(incident_tenants.c.workspace_id == workspace_id, incident_tenants.c.incident_id.in_(ids))
        .where(incident_tenants.c.cycle == incidents.c.cycle)
        .subquery()
    )
    name = case((tenants.c.name != "", tenants.c.name), else_=tenants.c.external_id)
    query = (
        select(newest.c.incident_id, name)
        .join(tenants, tenants.c.id == newest.c.tenant_id)
        .where(newest.c.place <= _NAMED)
        .order_by(newest.c.incident_id, newest.c.place)
    )
    found: dict[int, list[str]] = {}
    for incident_id, one in connection.execute(query):
        found.setdefault(incident_id, []).append(one)
    return found


def _reasons(connection: Connection, workspace_id: int, ids: Collection[int]) -> dict[int, str]:
    """The sentence of each incident's latest state change, in one query."""
    mine = and_(transitions.c.workspace_id == workspace_id, transitions.c.incident_id.in_(ids))
    latest = select(func.max(transitions.c.id)).where(mine).group_by(transitions.c.incident_id)
    query = select(transitions.c.incident_id, transitions.c.sentence).where(mine, transitions.c.id.in_(latest))
    return dict.fromkeys(ids, "") | {row.incident_id: row.sentence for row in connection.execute(query)}
