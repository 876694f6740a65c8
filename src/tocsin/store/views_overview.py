"""What is wrong now, what is late, what runs, and how every tenant fares: the overview. Read only.

Moments are microseconds; each list is bounded, whatever the size of the workspace, and comes with its whole count.
"""

from collections import Counter
from statistics import median
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, case, func, select

from tocsin.domain.ids import to_uuid
from tocsin.domain.model import SECOND, IncidentStatus
from tocsin.store.schema import (
    absences,
    deliveries,
    events,
    holds,
    incident_care,
    incident_tenants,
    incidents,
    job_environments,
    jobs,
    members,
    rejections,
    runs,
    streams,
    tenants,
    transitions,
    users,
)
from tocsin.store.views_jobs import due_at
from tocsin.store.views_tenant_states import STATES, is_counted, is_late, states_of_tenants, with_jobs

Object = dict[str, Any]
_DAY = 86_400 * SECOND
_FEW = 5
_NAMED = 3
_USUAL_OF = 20


def is_empty(connection: Connection, workspace_id: int) -> bool:
    """Whether nothing was ever set up, and nothing reported."""
    tables = (jobs, events, incidents)
    first = (select(table.c.id).where(table.c.workspace_id == workspace_id).limit(1) for table in tables)
    return all(connection.execute(query).scalar() is None for query in first)


def count_open_incidents(connection: Connection, workspace_id: int) -> int:
    is_open = and_(incidents.c.workspace_id == workspace_id, incidents.c.status == IncidentStatus.OPEN)
    # Said twice so that both engines see that the index of live incidents will do.
    query = select(func.count()).select_from(incidents).where(is_open, incidents.c.status != IncidentStatus.CLOSED)
    return int(connection.execute(query).scalar_one())


# --- what is wrong ----------------------------------------------------------------------------------------------------


def wrong_now(connection: Connection, workspace_id: int, most: int) -> Object:
    """`{items, open, recovering, since}`: the worst first, open before recovering, then by affected tenants. Of each
    `keeper` is who has it, `held` the reason for which its alerts are held; both may be empty."""
    live = and_(incidents.c.workspace_id == workspace_id, incidents.c.status != IncidentStatus.CLOSED)
    is_open = incidents.c.status == IncidentStatus.OPEN
    began_at = func.coalesce(incidents.c.reopened_at, incidents.c.opened_at)
    affected = case(
        (and_(is_open, job_environments.c.id.is_not(None)), job_environments.c.affected_count),
        else_=incidents.c.cycle_tenants,
    )
    query = (
        select(incidents, affected.label("affected"), job_environments.c.watched_count, began_at.label("began_at"))
        .add_columns(_keeper().label("keeper"), incident_care.c.snoozed_until_at)
        .add_columns(holds.c.since_at.label("held_at"), holds.c.reason.label("held_why"), holds.c.until_at)
        .outerjoin(job_environments, job_environments.c.id == incidents.c.job_environment_id)
        .outerjoin(incident_care, incident_care.c.incident_id == incidents.c.id)
        .outerjoin(holds, holds.c.incident_id == incidents.c.id)
        .where(live)
        .order_by(is_open.desc(), affected.desc(), began_at)
        .limit(most)
    )
    counts = select(func.count().filter(is_open), func.count().filter(~is_open), func.min(began_at).filter(is_open))
    opened, recovering, since = connection.execute(counts.where(live)).one()
    total = count_tenants(connection, workspace_id)
    items = [_wrong(connection, row, total) for row in connection.execute(query).mappings()]
    return {"items": items, "open": opened, "recovering": recovering, "since": since}


def _keeper() -> Any:
    """Who has an incident: its owner, or else whoever acknowledged it, a member by name. NULL: nobody has, as it is."""
    name = func.coalesce(func.nullif(users.c.name, ""), users.c.email)
    owner = select(name).where(users.c.id == incident_care.c.owner_id).scalar_subquery()
    member = (
        select(name)
        .join(members, members.c.user_id == users.c.id)
        .where(members.c.workspace_id == incidents.c.workspace_id, users.c.email == incident_care.c.acknowledged_by)
        .scalar_subquery()
    )
    is_acknowledged = incident_care.c.acknowledged_cycle == incidents.c.cycle
    return case((is_acknowledged, func.coalesce(owner, member, incident_care.c.acknowledged_by)))


def _wrong(connection: Connection, row: RowMapping, total: int) -> Object:
    latest = select(transitions.c.sentence).where(transitions.c.incident_id == row["id"])
    named = (
        select(func.coalesce(func.nullif(tenants.c.name, ""), tenants.c.external_id))
        .join(incident_tenants, incident_tenants.c.tenant_id == tenants.c.id)
        .where(incident_tenants.c.incident_id == row["id"], incident_tenants.c.cycle == row["cycle"])
        .order_by(incident_tenants.c.last_seen_at.desc(), tenants.c.id)
    )
    affected = row["affected"] or 0
    of = row["watched_count"] if row["watched_count"] is not None else total
    return {
        "id": to_uuid(row["id"]),
        "status": row["status"],
        "name": row["job_name"] or row["job_key"] or row["integration_key"],
        "environment": row["environment"],
        "pattern": row["pattern_name"],
        "kind": row["kind"],
        "missed_runs": row["missed_runs"] if row["kind"] == "job" else 0,
        "event_count": 0 if row["kind"] == "job" else row["event_count"],
        "reason": connection.execute(latest.order_by(transitions.c.id.desc()).limit(1)).scalar() or "",
        "began_at": row["began_at"],
        "opened_at": row["opened_at"],
        "is_chronic": row["reopen_count"] >= 3,
        "reopen_count": row["reopen_count"],
        "affected": affected,
        "of": max(of, affected),
        "named": list(connection.execute(named.limit(_NAMED)).scalars()),
        "state": _bar_state(row),
        "keeper": row["keeper"] or "",
        "snoozed_until": row["snoozed_until_at"] or 0,
        "held": "" if row["held_at"] is None else row["held_why"],
        "held_until": row["until_at"],
    }


def _bar_state(row: RowMapping) -> str:
    if row["status"] == IncidentStatus.RECOVERING:
        return "recovering"
    return "missed" if row["kind"] == "job" and row["missed_runs"] else "error"


# --- late, in progress ------------------------------------------------------------------------------------------------


def late_now(connection: Connection, workspace_id: int, now: int) -> Object:
    """`{items, total}` of jobs with tenants whose run is overdue, and not missed yet; those missed soonest first."""
    name = func.coalesce(func.nullif(tenants.c.name, ""), tenants.c.external_id)
    missed_at = case((jobs.c.schedule_type == "interval", due_at + jobs.c.grace), else_=streams.c.deadline_at)
    query = (
        select(
            jobs.c.job_key,
            jobs.c.name,
            job_environments.c.environment,
            job_environments.c.watched_count,
            func.count().label("late"),
            func.min(name).label("tenant"),
            func.min(due_at).label("due_at"),
            func.min(missed_at).label("missed_at"),
        )
        .select_from(with_jobs)
        .join(tenants, tenants.c.id == streams.c.tenant_id)
        .where(is_late(workspace_id, now))
        .group_by(job_environments.c.id, jobs.c.id)
        .order_by(func.min(missed_at), jobs.c.id)
    )
    found = connection.execute(query).mappings().all()
    return {"items": [dict(row) for row in found[:_FEW]], "total": len(found)}


def in_progress(connection: Connection, workspace_id: int, now: int) -> Object:
    """`{items, total}`: runs that go on, by job, those that began first on top; beside how long they usually take."""
    began_at = func.coalesce(runs.c.started_at, runs.c.at)
    name = func.coalesce(func.nullif(tenants.c.name, ""), tenants.c.external_id)
    query = (
        select(
            jobs.c.id,
            jobs.c.job_key,
            jobs.c.name,
            func.count().label("runs"),
            func.count(streams.c.tenant_id.distinct()).label("tenants"),
            func.min(name).label("tenant"),
            func.min(began_at).label("began_at"),
        )
        .select_from(runs)
        .join(streams, streams.c.id == runs.c.stream_id)
        .join(jobs, jobs.c.id == runs.c.job_id)
        .join(tenants, tenants.c.id == streams.c.tenant_id)
        .where(runs.c.workspace_id == workspace_id, runs.c.outcome == "in_progress")
        .group_by(jobs.c.id)
        .order_by(func.min(began_at), jobs.c.id)
    )
    found = connection.execute(query).mappings().all()
    items = [{**row, "usual": _usual(connection, row["id"])} for row in found[:_FEW]]
    return {"items": items, "total": sum(row["runs"] for row in found)}


def _usual(connection: Connection, job_id: int) -> int | None:
    """The median of the latest runs, in microseconds."""
    went_well = and_(runs.c.job_id == job_id, runs.c.outcome == "ok")
    latest = select(runs.c.duration).where(went_well).order_by(runs.c.at.desc()).limit(_USUAL_OF)
    known = [duration for duration in connection.execute(latest).scalars() if duration]
    return int(median(known)) if known else None


# --- tenants ----------------------------------------------------------------------------------------------------------


def count_tenants(connection: Connection, workspace_id: int) -> int:
    return int(
        connection.execute(select(func.count()).select_from(tenants).where(is_counted(workspace_id))).scalar_one()
    )


def tenant_states(connection: Connection, workspace_id: int, now: int) -> Object:
    """`{counts, total, unserved}`: how many tenants are in each of `STATES`, by the worst that holds for them."""
    found = Counter(states_of_tenants(connection, workspace_id, now).values())
    counts = {state: found[state] for state in STATES}
    return {"counts": counts, "total": found.total(), "unserved": counts["missed"] + counts["error"]}


# --- Tocsin itself ----------------------------------------------------------------------------------------------------


def own_state(connection: Connection, workspace_id: int, now: int) -> Object:
    """Deliveries that fail, check-ins that were refused, and when no node could commit, all within a day."""
    mine = deliveries.c.workspace_id == workspace_id
    retrying = and_(mine, deliveries.c.state == "pending", deliveries.c.attempts > 0, deliveries.c.shared_in.is_(None))
    failed = and_(mine, deliveries.c.state == "failed", deliveries.c.settled_at >= now - _DAY)
    refused = select(func.coalesce(func.sum(rejections.c.times), 0)).where(
        rejections.c.workspace_id == workspace_id, rejections.c.at >= now - _DAY
    )
    away = select(absences).where(absences.c.until_at >= now - _DAY).order_by(absences.c.until_at.desc())
    latest = connection.execute(away.limit(1)).mappings().first()
    return {
        "retrying": connection.execute(select(func.count()).select_from(deliveries).where(retrying)).scalar_one(),
        "failed": connection.execute(select(func.count()).select_from(deliveries).where(failed)).scalar_one(),
        "rejected": int(connection.execute(refused).scalar_one()),
        "away": dict(latest) if latest is not None else None,
    }
