"""The list of jobs as a page shows it: every job's state at once, then the few that are on the page. Read only.

A few statements find the state of all jobs that a filter leaves, ten thousand of them; only the lines that are shown
cost more.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, or_, select

from tocsin.domain.ids import from_uuid
from tocsin.domain.tally import OUTCOMES
from tocsin.store import tallies
from tocsin.store.hot import schedule_of
from tocsin.store.paging import Page, page_of_rows
from tocsin.store.schema import job_days, job_environments, jobs, places, runs, streams, tenants
from tocsin.store.views_job_states import STATUSES, states_of_jobs
from tocsin.store.views_jobs import due_at, healths, job_objects, state_of
from tocsin.store.views_stats_strips import durations_of_jobs

Object = dict[str, Any]

#: The orders that jobs themselves give.
_PLAIN = {
    "name": (func.lower(jobs.c.name), jobs.c.id),
    "newest": (jobs.c.id.desc(),),
    "made": (jobs.c.id,),
}
_MOST_CHOICES = 200
#: Where many tenants miss a job at once, its latest runs tell no durations: some more are looked at.
_LATEST = 100


class JobFilters(NamedTuple):
    """`text` is looked for in names and keys; `tenant`: our UUID or the externalId; `protocol`: over which the job was
    made; empty: any. `sort`: `worst`, `due`, `name`, `newest`, `made` or `tenants`."""

    text: str = ""
    status: str = ""
    tag: str = ""
    project: str = ""
    service: str = ""
    host: str = ""
    protocol: str = ""
    tenant: str = ""
    sort: str = "worst"
    is_active: bool | None = None


def job_list(connection: Connection, workspace_id: int, now: int, filters: JobFilters, page: Page) -> Object:
    """`{items, page, pageSize, total, counts, all}`. `counts`: by status, of all that the other filters leave; `all`:
    their number."""
    found = _states(connection, workspace_id, now, filters)
    counts = Counter(status for _, status in found)
    kept = _kept(found, filters)
    first = (page.number - 1) * page.size
    return {
        "items": _items(connection, workspace_id, kept[first : first + page.size], now),
        "page": page.number,
        "pageSize": page.size,
        "total": len(kept),
        "counts": {status: counts[status] for status in STATUSES if counts[status]},
        "all": len(found),
    }


def list_jobs(
    connection: Connection, workspace_id: int, now: int, public_url: str, page: Page, filters: JobFilters
) -> Object:
    """A page of whole jobs. What asks for no state costs as much as the page, however many jobs there are."""
    wanted = select(jobs).where(jobs.c.workspace_id == workspace_id, *_wanted(workspace_id, filters))
    if filters.sort in _PLAIN and not filters.status:
        query = wanted.order_by(*_PLAIN[filters.sort])
        return page_of_rows(connection, query, page, lambda rows: job_objects(connection, rows, now, public_url))
    kept = _kept(_states(connection, workspace_id, now, filters), filters)
    job_ids = kept[(page.number - 1) * page.size : page.number * page.size]
    rows = {row["id"]: row for row in connection.execute(select(jobs).where(jobs.c.id.in_(job_ids))).mappings()}
    items = job_objects(connection, [rows[job_id] for job_id in job_ids], now, public_url)
    return {"items": items, "page": page.number, "pageSize": page.size, "total": len(kept)}


def choices(connection: Connection, workspace_id: int) -> dict[str, list[str]]:
    """What can be filtered by: `tag`, `protocol`, `project`, `service` and `host`, in alphabetical order."""
    mine = select(jobs.c.tags).where(jobs.c.workspace_id == workspace_id, jobs.c.tags != "[]").distinct()
    tags = {tag for text in connection.execute(mine).scalars() for tag in json.loads(text)}
    protocols = select(jobs.c.protocol).where(jobs.c.workspace_id == workspace_id).distinct()
    found = {"tag": sorted(tags)[:_MOST_CHOICES], "protocol": sorted(connection.execute(protocols).scalars())}
    for name in ("project", "service", "host"):
        column = places.c[name]
        query = select(column).where(places.c.workspace_id == workspace_id, column != "").distinct().order_by(column)
        found[name] = list(connection.execute(query.limit(_MOST_CHOICES)).scalars())
    return found


def watched_altogether(connection: Connection, workspace_id: int) -> int:
    """How many streams are watched."""
    query = select(func.coalesce(func.sum(job_environments.c.watched_count), 0))
    return int(connection.execute(query.where(job_environments.c.workspace_id == workspace_id)).scalar_one())


def _states(connection: Connection, workspace_id: int, now: int, filters: JobFilters) -> list[tuple[int, str]]:
    """(id, status) of every job that the filters leave, its status apart, in order."""

    def narrowed(query: Select[Any], counted: Any) -> Select[Any]:
        return _ordered(query.where(*_wanted(workspace_id, filters)), workspace_id, filters.sort, counted)

    found = states_of_jobs(connection, workspace_id, now, narrowed)
    if filters.sort == "worst":
        found.sort(key=lambda one: STATUSES.index(one[1]))
    return found


def _kept(found: Sequence[tuple[int, str]], filters: JobFilters) -> list[int]:
    return [job_id for job_id, status in found if status == filters.status or not filters.status]


def _ordered(query: Select[Any], workspace_id: int, sort: str, counted: Any) -> Select[Any]:
    by_name = _PLAIN["name"]
    if sort == "tenants":
        return query.order_by(func.coalesce(counted.c.watched, 0).desc(), *by_name)
    if sort == "worst":
        return query.order_by(func.coalesce(counted.c.affected, 0).desc(), *by_name)
    if sort == "due":
        due = _next_due(workspace_id)
        query = query.outerjoin(due, due.c.job_id == jobs.c.id)
        return query.order_by(due.c.at.is_(None), due.c.at, *by_name)
    return query.order_by(*_PLAIN[sort])


def _next_due(workspace_id: int) -> Any:
    """When any stream of each job is expected next: the one order for which all streams are looked at."""
    return (
        select(job_environments.c.job_id, func.min(due_at).label("at"))
        .select_from(job_environments)
        .join(streams, streams.c.job_environment_id == job_environments.c.id)
        .join(jobs, jobs.c.id == job_environments.c.job_id)
        .where(streams.c.workspace_id == workspace_id)
        .group_by(job_environments.c.job_id)
        .subquery()
    )


def _wanted(workspace_id: int, filters: JobFilters) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if filters.text:
        text = filters.text.lower()
        wanted.append(
            or_(*(func.lower(column).contains(text, autoescape=True) for column in (jobs.c.name, jobs.c.job_key)))
        )
    if filters.is_active is not None:
        wanted.append(jobs.c.is_active == filters.is_active)
    if filters.protocol:
        wanted.append(jobs.c.protocol == filters.protocol)
    if filters.tag:
        wanted.append(jobs.c.tags.contains(json.dumps(filters.tag), autoescape=True))
    place = {name: getattr(filters, name) for name in ("project", "service", "host") if getattr(filters, name)}
    if place:
        there = [places.c[name] == text for name, text in place.items()]
        wanted.append(jobs.c.id.in_(select(places.c.job_id).where(places.c.workspace_id == workspace_id, *there)))
    if filters.tenant:
        is_they = or_(tenants.c.external_id == filters.tenant, tenants.c.id == from_uuid(filters.tenant))
        watched_for = (
            select(job_environments.c.job_id)
            .join(streams, streams.c.job_environment_id == job_environments.c.id)
            .join(tenants, tenants.c.id == streams.c.tenant_id)
            .where(tenants.c.workspace_id == workspace_id, is_they)
        )
        wanted.append(jobs.c.id.in_(watched_for))
    return wanted


def _items(connection: Connection, workspace_id: int, job_ids: Sequence[int], now: int) -> list[Object]:
    """What stands on the lines of these jobs, with as many statements for all as for one."""
    if not job_ids:
        return []
    rows = {row["id"]: row for row in connection.execute(select(jobs).where(jobs.c.id.in_(job_ids))).mappings()}
    health = healths(connection, job_ids, now)
    durations = durations_of_jobs(connection, workspace_id, job_ids, _LATEST)
    counts = run_counts(connection, job_ids)
    return [
        {
            **line(rows[job_id]),
            "status": state_of(rows[job_id], health[job_id]),
            "health": health[job_id],
            "latest": durations[job_id],
            "runs": counts[job_id],
        }
        for job_id in job_ids
    ]


def line(row: RowMapping) -> Object:
    """What a job is called and when it runs; `schedule` as the domain knows it."""
    names = ("schedule_type", "schedule_interval", "schedule_value", "schedule_zone", "grace")
    schedule = schedule_of(*(row[name] for name in names))
    return {
        "job_key": row["job_key"],
        "name": row["name"],
        "schedule": schedule,
        "grace": row["grace"],
        "is_active": row["is_active"],
    }


def run_counts(connection: Connection, job_ids: Sequence[int]) -> Mapping[int, int]:
    """How many runs of each job are known, of days and of what the tallier has not seen yet."""
    until_at = tallies.progress(connection).runs_until_at
    outcomes = sum((func.sum(job_days.c[name]) for name in OUTCOMES[1:]), func.sum(job_days.c[OUTCOMES[0]]))
    found: Counter[int] = Counter(dict.fromkeys(job_ids, 0))
    of_days = select(job_days.c.job_id, outcomes).where(job_days.c.job_id.in_(job_ids)).group_by(job_days.c.job_id)
    of_late = (
        select(runs.c.job_id, func.count())
        .where(runs.c.job_id.in_(job_ids), runs.c.at >= until_at)
        .group_by(runs.c.job_id)
    )
    for query in (of_days, of_late):
        for job_id, times in connection.execute(query):
            found[job_id] += int(times)
    return found
