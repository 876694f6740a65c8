"""One customer: how their jobs and integrations are, and how each day was. Read only."""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import Connection, and_, case, func, or_, select

from tocsin.domain.ids import from_uuid
from tocsin.domain.model import IncidentStatus
from tocsin.store.schema import events, incident_tenants, incidents, job_environments, jobs, streams, tenants
from tocsin.store.views_counts import Outcomes, calendar_of, days_of_tenants
from tocsin.store.views_jobs import due_at, is_affected, status_of
from tocsin.store.views_stats import last_days
from tocsin.store.views_stats_history import DayOfTenant, Span, history_of

#: How many jobs, integrations and incidents are named: the worst of the former, the newest of the latter.
MOST_JOBS, MOST_INTEGRATIONS, MOST_INCIDENTS = 200, 100, 25
#: Integrations are known by what they reported of the tenant: in any incident, or among so many events.
_NEWEST_EVENTS = 200
_GRAVITY = {"down": 0, "late": 1, "recovering": 1, "up": 2, "new": 3, "paused": 4}


class TenantName(NamedTuple):
    """`name`: or its externalId."""

    id: int
    external_id: str
    name: str
    is_active: bool


class JobOfTenant(NamedTuple):
    """A job in an environment, as it is for one tenant. `status`: new, up, late, down or paused."""

    stream_id: int
    job_key: str
    name: str
    environment: str
    status: str
    missed_runs: int
    consecutive_failures: int
    last_success_at: int | None
    last_check_in_at: int | None
    next_due_at: int | None


class IntegrationOfTenant(NamedTuple):
    """`status`: down while an open incident has the tenant, recovering, else up. `incident_id`: of that incident."""

    integration_key: str
    status: str
    last_event_at: int | None
    incident_id: int | None


class IncidentOfTenant(NamedTuple):
    """`subject`: the job's name, or the integration's key."""

    id: int
    kind: str
    subject: str
    job_key: str | None
    integration_key: str | None
    pattern_id: str | None
    status: str
    opened_at: int
    closed_at: int | None
    first_seen_at: int
    last_seen_at: int
    tenant_count: int


class TenantHealth(NamedTuple):
    """`job_count` and `incident_count` are of all; the lists hold some."""

    tenant: TenantName
    status: str
    days: int
    timezone: str
    from_at: int
    until_at: int
    outcomes: Outcomes
    jobs: list[JobOfTenant]
    job_count: int
    integrations: list[IntegrationOfTenant]
    incidents: list[IncidentOfTenant]
    incident_count: int
    history: list[DayOfTenant]


def find_tenant(connection: Connection, workspace_id: int, reference: str) -> TenantName | None:
    """The tenant known by its UUID or its externalId (which wins)."""
    is_meant = or_(tenants.c.external_id == reference, tenants.c.id == from_uuid(reference))
    query = (
        select(tenants.c.id, tenants.c.external_id, tenants.c.name, tenants.c.is_active)
        .where(tenants.c.workspace_id == workspace_id, is_meant)
        .order_by(case((tenants.c.external_id == reference, 0), else_=1))
    )
    row = connection.execute(query).first()
    return None if row is None else TenantName(row.id, row.external_id, row.name or row.external_id, row.is_active)


def tenant_health(connection: Connection, workspace_id: int, tenant: TenantName, now: int, days: int) -> TenantHealth:
    """How a tenant is at `now`, and how it was in the last `days` days on the workspace's calendar."""
    zone, calendar = calendar_of(connection, workspace_id)
    numbers = last_days(calendar.of(now), days)
    starts = [calendar.start(number) for number in numbers]
    from_at = starts[0]
    counts = days_of_tenants(connection, workspace_id, [tenant.id], numbers)[tenant.id]
    all_incidents = _incidents(connection, workspace_id, tenant.id)
    of_period = [one for one in all_incidents if one.closed_at is None or one.closed_at >= from_at]
    all_jobs = _jobs(connection, workspace_id, tenant.id, now)
    integrations = _integrations(connection, workspace_id, tenant.id, all_incidents)
    spans = [Span(one.kind, one.first_seen_at, one.closed_at or now) for one in of_period]
    history = history_of(numbers, starts, counts, spans)
    outcomes = Outcomes(*(sum(column) for column in zip(*(one.outcomes for one in history), strict=True)))
    status = _worst([one.status for one in all_jobs] + [one.status for one in integrations])
    return TenantHealth(
        tenant,
        status if tenant.is_active else "paused",
        days,
        zone,
        from_at,
        now,
        outcomes,
        all_jobs[:MOST_JOBS],
        len(all_jobs),
        integrations[:MOST_INTEGRATIONS],
        of_period[:MOST_INCIDENTS],
        len(of_period),
        history,
    )


def _jobs(connection: Connection, workspace_id: int, tenant_id: int, now: int) -> list[JobOfTenant]:
    """Worst first."""
    is_late = and_(streams.c.is_watched, or_(streams.c.missed_runs > 0, func.coalesce(due_at < now, False)))
    query = (
        select(
            streams.c.id,
            jobs.c.job_key,
            jobs.c.name,
            job_environments.c.environment,
            and_(jobs.c.is_active, streams.c.is_watched),
            case((is_affected, 1), else_=0),
            case((is_late, 1), else_=0),
            streams.c.missed_runs,
            streams.c.consecutive_failures,
            streams.c.last_success_at,
            streams.c.last_check_in_at,
            due_at,
        )
        .select_from(streams)
        .join(job_environments, job_environments.c.id == streams.c.job_environment_id)
        .join(jobs, jobs.c.id == job_environments.c.job_id)
        .where(streams.c.workspace_id == workspace_id, streams.c.tenant_id == tenant_id)
    )
    found = []
    for stream_id, key, name, environment, is_active, is_down, was_late, *state in connection.execute(query):
        status = status_of(bool(is_active), bool(is_down), bool(was_late), state[3] is not None)
        found.append(JobOfTenant(stream_id, key, name, environment, status, *state))
    return sorted(found, key=lambda one: (_GRAVITY[one.status], -one.missed_runs, one.job_key, one.environment))


def _incidents(connection: Connection, workspace_id: int, tenant_id: int) -> list[IncidentOfTenant]:
    """All incidents that had the tenant, newest first."""
    query = (
        select(
            incidents.c.id,
            incidents.c.kind,
            func.coalesce(incidents.c.job_name, incidents.c.integration_key, ""),
            incidents.c.job_key,
            incidents.c.integration_key,
            incidents.c.pattern_id,
            incidents.c.status,
            incidents.c.opened_at,
            incidents.c.closed_at,
            incident_tenants.c.first_seen_at,
            incident_tenants.c.last_seen_at,
            incidents.c.tenant_count,
        )
        .join(incidents, incidents.c.id == incident_tenants.c.incident_id)
        .where(incident_tenants.c.tenant_id == tenant_id, incidents.c.workspace_id == workspace_id)
        .order_by(incidents.c.opened_at.desc(), incidents.c.id.desc())
    )
    return [IncidentOfTenant._make(row) for row in connection.execute(query)]


def _integrations(
    connection: Connection, workspace_id: int, tenant_id: int, known: Collection[IncidentOfTenant]
) -> list[IntegrationOfTenant]:
    """Worst first."""
    newest = (
        select(events.c.integration_key, events.c.occurred_at)
        .where(events.c.workspace_id == workspace_id, events.c.tenant_id == tenant_id)
        .order_by(events.c.id.desc())
        .limit(_NEWEST_EVENTS)
    )
    last: dict[str, int] = {}
    for key, moment in [*connection.execute(newest), *((one.integration_key, one.last_seen_at) for one in known)]:
        if key:
            last[key] = max(last.get(key, 0), moment)
    live: dict[str, IncidentOfTenant] = {}
    for one in known:
        key = one.integration_key
        if key and one.status != IncidentStatus.CLOSED and _is_worse(one, live.get(key)):
            live[key] = one
    found = [_integration(key, moment, live.get(key)) for key, moment in last.items()]
    return sorted(found, key=lambda one: (_GRAVITY[one.status], one.integration_key))


def _is_worse(one: IncidentOfTenant, other: IncidentOfTenant | None) -> bool:
    return other is None or (one.status == IncidentStatus.OPEN and other.status != IncidentStatus.OPEN)


def _integration(key: str, last_event_at: int, incident: IncidentOfTenant | None) -> IntegrationOfTenant:
    if incident is None:
        return IntegrationOfTenant(key, "up", last_event_at, None)
    status = "down" if incident.status == IncidentStatus.OPEN else "recovering"
    return IntegrationOfTenant(key, status, last_event_at, incident.id)


def _worst(statuses: Collection[str]) -> str:
    """`new` where nothing was heard; a paused job says nothing of a tenant that has others."""
    worst = min(statuses, key=_GRAVITY.__getitem__, default="new")
    return "late" if worst == "recovering" else worst
