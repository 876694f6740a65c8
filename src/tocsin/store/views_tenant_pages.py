"""Tenants for people: the list with how each fares, and what belongs to one. Read only; moments are microseconds."""

from collections import Counter
from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, case, func, select

from tocsin.domain.days import HOUR, hour_of
from tocsin.domain.ids import first_id, to_uuid
from tocsin.domain.model import IncidentStatus
from tocsin.store.paging import Page
from tocsin.store.schema import events, incident_tenants, incidents, job_environments, jobs, streams, tenants
from tocsin.store.views_jobs import is_affected
from tocsin.store.views_stats_history import tenant_strips
from tocsin.store.views_tenant_states import STATES, states_of_tenants

Object = dict[str, Any]
#: So many days of each tenant stand in the list.
LIST_DAYS = 30
HOURS = 24
#: Of the events of a day, so many are counted.
_MOST_EVENTS = 5_000
_ORDER = {state: place for place, state in enumerate(("missed", "error", "late", "progress", "ok", "none", "inactive"))}


class TenantFilters(NamedTuple):
    """`state`: one of `STATES`, `inactive`, `unserved` (missed or error), or empty for those that are active; `text`:
    part of the name or of the externalId, in whatever case."""

    state: str = ""
    text: str = ""


def list_shown(connection: Connection, workspace_id: int, now: int, filters: TenantFilters, page: Page) -> Object:
    """A page of tenants, the worst first: `{items, page, pageSize, total, counts, of}`; `counts` by state, whatever the
    filters, `of` all that are active."""
    named = select(tenants.c.id, tenants.c.external_id, tenants.c.name, tenants.c.is_active)
    states = states_of_tenants(connection, workspace_id, now)
    known = [
        (row, states.get(row.id, "none") if row.is_active else "inactive")
        for row in connection.execute(named.where(tenants.c.workspace_id == workspace_id))
    ]
    counts = Counter(state for _, state in known)
    found = [(row, state) for row, state in known if _is_wanted(state, filters) and _has(row, filters.text.casefold())]
    found.sort(key=lambda one: (_ORDER[one[1]], (one[0].name or one[0].external_id).casefold(), one[0].id))
    shown = found[(page.number - 1) * page.size :][: page.size]
    return {
        "items": _items(connection, workspace_id, now, shown),
        "page": page.number,
        "pageSize": page.size,
        "total": len(found),
        "counts": {state: counts[state] for state in (*STATES, "inactive")},
        "of": len(known) - counts["inactive"],
    }


def _is_wanted(state: str, filters: TenantFilters) -> bool:
    if filters.state == "unserved":
        return state in {"missed", "error"}
    return state == filters.state if filters.state else state != "inactive"


def _has(row: Any, text: str) -> bool:
    return text in row.name.casefold() or text in row.external_id.casefold()


def _items(connection: Connection, workspace_id: int, now: int, shown: Collection[tuple[Any, str]]) -> list[Object]:
    """What the rows of one page say, in a handful of statements."""
    ids = [row.id for row, _ in shown]
    watched, live = _jobs_of(connection, workspace_id, ids), _incidents_of(connection, workspace_id, ids)
    strips = tenant_strips(connection, workspace_id, ids, now, LIST_DAYS)
    return [
        {
            "id": to_uuid(row.id),
            "external_id": row.external_id,
            "name": row.name or row.external_id,
            "state": state,
            "jobs": watched.get(row.id, (0, 0, None))[0],
            "affected": watched.get(row.id, (0, 0, None))[1],
            "last_check_in_at": watched.get(row.id, (0, 0, None))[2],
            "incidents": live.get(row.id, 0),
            "days": [day.state for day in strips[row.id]],
        }
        for row, state in shown
    ]


def _jobs_of(connection: Connection, workspace_id: int, ids: Collection[int]) -> dict[int, tuple[int, int, int | None]]:
    """By tenant: jobs that watch it, those of them it misses or fails, and when it was last heard of."""
    query = (
        select(
            streams.c.tenant_id,
            func.sum(case((and_(streams.c.is_watched, jobs.c.is_active), 1), else_=0)),
            func.sum(case((is_affected, 1), else_=0)),
            func.max(streams.c.last_check_in_at),
        )
        .join(job_environments, job_environments.c.id == streams.c.job_environment_id)
        .join(jobs, jobs.c.id == job_environments.c.job_id)
        .where(streams.c.workspace_id == workspace_id, streams.c.tenant_id.in_(ids))
        .group_by(streams.c.tenant_id)
    )
    return {row[0]: (int(row[1]), int(row[2]), row[3]) for row in connection.execute(query)}


def _incidents_of(connection: Connection, workspace_id: int, ids: Collection[int]) -> dict[int, int]:
    """By tenant: incidents that are not closed and have it."""
    query = (
        select(incident_tenants.c.tenant_id, func.count())
        .join(incidents, incidents.c.id == incident_tenants.c.incident_id)
        .where(
            incidents.c.workspace_id == workspace_id,
            incidents.c.status != IncidentStatus.CLOSED,
            incident_tenants.c.cycle == incidents.c.cycle,
            incident_tenants.c.tenant_id.in_(ids),
        )
        .group_by(incident_tenants.c.tenant_id)
    )
    return dict(map(tuple, connection.execute(query)))


def failures_by_hour(connection: Connection, workspace_id: int, tenant_id: int, now: int) -> dict[str, list[int]]:
    """What each integration reported of the tenant in each of the last 24 hours, oldest first."""
    first = hour_of(now) - HOURS + 1
    newest = (
        select(events.c.integration_key, events.c.received_at)
        .where(events.c.workspace_id == workspace_id, events.c.tenant_id == tenant_id)
        .where(events.c.id >= first_id(first * HOUR))
        .order_by(events.c.id.desc())
        .limit(_MOST_EVENTS)
    )
    found: dict[str, list[int]] = {}
    for key, moment in connection.execute(newest):
        hour = hour_of(moment) - first
        if 0 <= hour < HOURS:
            found.setdefault(key, [0] * HOURS)[hour] += 1
    return found
