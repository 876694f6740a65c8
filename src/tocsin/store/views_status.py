"""What a badge or a status page tells those who have its link: no key, no code, nobody else's name. Read only.

Moments are microseconds. A service is a job, as its customers know it.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, func, select

from tocsin.domain.model import IncidentStatus
from tocsin.store.accounts import workspace_name
from tocsin.store.public_links import PublicLink
from tocsin.store.schema import incident_tenants, incidents, job_environments, jobs, streams, tenants
from tocsin.store.views_jobs import due_at, healths, is_affected, state_of, status_of
from tocsin.store.views_stats_history import DayOfTenant, tenant_strips

#: The worst comes first.
GRAVITY = ("down", "late", "up", "new", "paused")
_MOST_SERVICES = 100
_MOST_JOBS = 2_000


class Standing(NamedTuple):
    """How something is at a glance. `affected` of `of` tenants, both 0 where that says nothing."""

    name: str
    status: str
    affected: int = 0
    of: int = 0


class Service(NamedTuple):
    """`since`: when its trouble began, None where there is none; `last_success_at`: of a tenant's page alone."""

    name: str
    status: str
    affected: int
    of: int
    since: int | None
    last_success_at: int | None


class StatusPage(NamedTuple):
    """`subject`: the tenant it is for; empty for a whole workspace. `total`: of all services; the list
    holds some. `days`: of a tenant's page, the oldest first."""

    workspace: str
    title: str
    subject: str
    services: list[Service]
    behind: int
    total: int
    since: int | None
    days: list[DayOfTenant]


def standing(connection: Connection, link: PublicLink, now: int) -> Standing:
    """What a badge says."""
    if link.tenant_id is not None:
        name = _tenant_name(connection, link.tenant_id)
        return Standing(name, worst(one.status for one in _of_tenant(connection, link.tenant_id, now)))
    found = _jobs(connection, link)
    health = healths(connection, [row.id for row in found], now)
    statuses = [state_of(row._mapping, health[row.id]) for row in found]
    if link.job_id is not None and found:
        one = health[link.job_id]
        return Standing(found[0].name, statuses[0], one.affected, one.watched)
    return Standing(link.tag or workspace_name(connection, link.workspace_id), worst(statuses))


def status_page(connection: Connection, link: PublicLink, now: int) -> StatusPage:
    """The services of the workspace, or of one of its tenants; those in trouble first."""
    days: list[DayOfTenant] = []
    if link.tenant_id is not None:
        subject = _tenant_name(connection, link.tenant_id)
        services = _of_tenant(connection, link.tenant_id, now)
        days = tenant_strips(connection, link.workspace_id, [link.tenant_id], now)[link.tenant_id]
    else:
        subject, services = "", _of_workspace(connection, link, now)
    services.sort(key=lambda one: (GRAVITY.index(one.status), one.name))
    behind = [one for one in services if one.status == "down"]
    since = min((one.since for one in behind if one.since is not None), default=None)
    name = workspace_name(connection, link.workspace_id)
    shown = services[:_MOST_SERVICES]
    return StatusPage(name, link.title or name, subject, shown, len(behind), len(services), since, days)


def worst(statuses: Iterable[str]) -> str:
    """A paused job says nothing where there are others."""
    return min(statuses, key=GRAVITY.index, default="new")


def _tenant_name(connection: Connection, tenant_id: int) -> str:
    name = func.coalesce(func.nullif(tenants.c.name, ""), tenants.c.external_id)
    return str(connection.execute(select(name).where(tenants.c.id == tenant_id)).scalar_one())


def _jobs(connection: Connection, link: PublicLink) -> Sequence[Any]:
    columns = (jobs.c.id, jobs.c.name, jobs.c.is_active, jobs.c.tags)
    query = select(*columns).where(jobs.c.workspace_id == link.workspace_id).order_by(jobs.c.id).limit(_MOST_JOBS)
    if link.job_id is not None:
        query = query.where(jobs.c.id == link.job_id)
    found = connection.execute(query).all()
    return found if link.tag is None else [row for row in found if link.tag in json.loads(row.tags)]


def _of_workspace(connection: Connection, link: PublicLink, now: int) -> list[Service]:
    found = [row for row in _jobs(connection, link) if row.is_active]
    health = healths(connection, [row.id for row in found], now)
    began = _trouble_of_jobs(connection, link.workspace_id)
    return [
        Service(
            row.name,
            state_of(row._mapping, health[row.id]),
            health[row.id].affected,
            health[row.id].watched,
            began.get(row.id),
            None,
        )
        for row in found
    ]


def _of_tenant(connection: Connection, tenant_id: int, now: int) -> list[Service]:
    """One a job, by the worst of its environments."""
    columns = (jobs.c.id, jobs.c.name, streams.c.missed_runs, streams.c.last_check_in_at, streams.c.last_success_at)
    query = (
        select(*columns, due_at.label("due_at"), is_affected.label("is_down"))
        .select_from(streams)
        .join(job_environments, job_environments.c.id == streams.c.job_environment_id)
        .join(jobs, jobs.c.id == job_environments.c.job_id)
        .where(streams.c.tenant_id == tenant_id, streams.c.is_watched, jobs.c.is_active)
        .order_by(jobs.c.id)
    )
    began = _trouble_of_tenant(connection, tenant_id)
    services: dict[int, Service] = {}
    for row in connection.execute(query):
        is_late = row.missed_runs > 0 or (row.due_at is not None and row.due_at < now)
        status = status_of(True, bool(row.is_down), is_late, row.last_check_in_at is not None)
        one = Service(row.name, status, 0, 0, began.get(row.id), row.last_success_at)
        known = services.setdefault(row.id, one)
        if GRAVITY.index(one.status) < GRAVITY.index(known.status):
            services[row.id] = one
    return list(services.values())


def _trouble_of_jobs(connection: Connection, workspace_id: int) -> dict[int, int]:
    """job → since when its incident is open."""
    live = and_(incidents.c.workspace_id == workspace_id, incidents.c.status == IncidentStatus.OPEN)
    query = (
        select(job_environments.c.job_id, func.min(func.coalesce(incidents.c.reopened_at, incidents.c.opened_at)))
        .join(incidents, incidents.c.job_environment_id == job_environments.c.id)
        .where(live, incidents.c.status != IncidentStatus.CLOSED)
        .group_by(job_environments.c.job_id)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def _trouble_of_tenant(connection: Connection, tenant_id: int) -> dict[int, int]:
    """job → since when its open incident has the tenant."""
    query = (
        select(job_environments.c.job_id, func.min(incident_tenants.c.cycle_seen_at))
        .join(incidents, incidents.c.job_environment_id == job_environments.c.id)
        .join(incident_tenants, incident_tenants.c.incident_id == incidents.c.id)
        .where(
            incident_tenants.c.tenant_id == tenant_id,
            incident_tenants.c.cycle == incidents.c.cycle,
            incidents.c.status == IncidentStatus.OPEN,
            incidents.c.status != IncidentStatus.CLOSED,
        )
        .group_by(job_environments.c.job_id)
    )
    return {row[0]: row[1] for row in connection.execute(query)}
