"""The state of every tenant, by the worst that holds for it now. Read only."""

from typing import Any

from sqlalchemy import Connection, and_, exists, func, literal, literal_column, or_, select

from tocsin.domain.model import DEFAULT_TENANT, SECOND, IncidentStatus
from tocsin.store.schema import incident_tenants, incidents, job_environments, jobs, runs, streams, tenants
from tocsin.store.views_jobs import due_at, is_affected

_DAY = 86_400 * SECOND
#: How long what fell due may wait to be judged before it is looked for no more.
_JUDGED_WITHIN = 60 * SECOND
#: The worst state a tenant is in stands for it.
STATES = ("missed", "error", "late", "progress", "none", "ok")
#: Streams, each with its job.
with_jobs = streams.join(job_environments, job_environments.c.id == streams.c.job_environment_id).join(
    jobs, jobs.c.id == job_environments.c.job_id
)


def states_of_tenants(connection: Connection, workspace_id: int, now: int) -> dict[int, str]:
    """Every tenant that is counted, with its state."""
    mine = set(connection.execute(select(tenants.c.id).where(is_counted(workspace_id))).scalars())
    silent, failing = _affected(connection, workspace_id)
    by_state = {
        "missed": silent,
        "error": failing | _in_integration_incidents(connection, workspace_id),
        "late": _late_tenants(connection, workspace_id, now),
        "progress": _running_tenants(connection, workspace_id),
        "none": mine - _with_streams(connection, workspace_id),
    }
    found = dict.fromkeys(mine, "ok")
    for state in reversed(by_state):
        found |= dict.fromkeys(by_state[state] & mine, state)
    return found


def is_counted(workspace_id: int) -> Any:
    """Active tenants; the workspace's own only where something reports for nobody else."""
    own = tenants.alias("own")
    has_streams = exists(select(literal(1)).where(streams.c.tenant_id == own.c.id))
    # Found by itself, once: asked of each tenant, PostgreSQL would gather those of all streams to look into.
    used = select(own.c.id).where(own.c.workspace_id == workspace_id, own.c.external_id == DEFAULT_TENANT, has_streams)
    return and_(
        tenants.c.workspace_id == workspace_id,
        tenants.c.is_active,
        or_(tenants.c.external_id != DEFAULT_TENANT, tenants.c.id == used.scalar_subquery()),
    )


def is_late(workspace_id: int, now: int) -> Any:
    """Overdue and not missed: its deadline, and so its `check_at`, is at most a grace away. Only the index of what is
    to be judged next is looked through."""
    longest = (
        select(func.max(func.coalesce(jobs.c.grace, _DAY))).where(jobs.c.workspace_id == workspace_id).scalar_subquery()
    )
    soon = and_(streams.c.check_at >= now - _JUDGED_WITHIN, streams.c.check_at <= longest + now)
    is_watched = and_(streams.c.workspace_id == workspace_id, streams.c.is_watched, jobs.c.is_active)
    return and_(soon, is_watched, streams.c.missed_runs == 0, due_at < now)


def _with_streams(connection: Connection, workspace_id: int) -> set[int]:
    has = exists(select(literal(1)).where(streams.c.tenant_id == tenants.c.id, streams.c.is_watched))
    return set(connection.execute(select(tenants.c.id).where(tenants.c.workspace_id == workspace_id, has)).scalars())


def _affected(connection: Connection, workspace_id: int) -> tuple[set[int], set[int]]:
    """Tenants of affected streams that are silent, and of those whose runs fail."""
    query = (
        select(streams.c.tenant_id, streams.c.silence_streak > 0)
        .join(job_environments, job_environments.c.id == streams.c.job_environment_id)
        .where(job_environments.c.workspace_id == workspace_id, job_environments.c.affected_count > 0, is_affected)
        # As the index of affected streams says it: SQLite takes `is_affected = 1` for something else.
        .where(literal_column("streams.is_affected"))
    )
    found = connection.execute(query).all()
    return {tenant for tenant, is_silent in found if is_silent}, {
        tenant for tenant, is_silent in found if not is_silent
    }


def _in_integration_incidents(connection: Connection, workspace_id: int) -> set[int]:
    query = (
        select(incident_tenants.c.tenant_id)
        .join(incidents, incidents.c.id == incident_tenants.c.incident_id)
        .where(
            incidents.c.workspace_id == workspace_id,
            incidents.c.kind == "integration",
            incidents.c.status == IncidentStatus.OPEN,
            incidents.c.status != IncidentStatus.CLOSED,
            incident_tenants.c.cycle == incidents.c.cycle,
        )
        .distinct()
    )
    return set(connection.execute(query).scalars())


def _late_tenants(connection: Connection, workspace_id: int, now: int) -> set[int]:
    query = select(streams.c.tenant_id).select_from(with_jobs).where(is_late(workspace_id, now))
    return set(connection.execute(query.distinct()).scalars())


def _running_tenants(connection: Connection, workspace_id: int) -> set[int]:
    query = (
        select(streams.c.tenant_id)
        .join(runs, runs.c.stream_id == streams.c.id)
        .where(runs.c.workspace_id == workspace_id, runs.c.outcome == "in_progress")
    )
    return set(connection.execute(query.distinct()).scalars())
