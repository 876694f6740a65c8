"""Jobs as they are shown: read only."""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, Select, and_, case, func, not_, null, select, union_all

from tocsin.domain import preview, rhythm
from tocsin.domain import schedule as schedules
from tocsin.domain.ids import to_uuid
from tocsin.domain.model import SECOND, IncidentStatus, Run
from tocsin.domain.schedule import Crontab, Learned
from tocsin.store.hot import schedule_of
from tocsin.store.paging import Page, page_of_rows
from tocsin.store.schema import incidents, job_environments, jobs, places, runs, streams
from tocsin.wire_time import iso, iso_or_none

Object = dict[str, Any]

#: A stream that counts as affected now; what was affected before thresholds began from zero does not.
is_affected = and_(streams.c.is_watched, streams.c.is_affected, streams.c.epoch == job_environments.c.epoch)
_interval = jobs.c.schedule_interval + jobs.c.grace
#: When a stream's next run is expected; NULL where nothing is.
due_at = case(
    (not_(and_(streams.c.is_watched, jobs.c.is_active)), null()),
    (
        jobs.c.schedule_type == "interval",
        streams.c.anchor_at + (streams.c.anchor_misses + 1) * _interval - jobs.c.grace,
    ),
    else_=streams.c.due_at,
)


#: So many runs in a row must be off alike before anybody is asked about it.
_HINT_RUNS = 3
_SCHEDULE = ("schedule_type", "schedule_interval", "schedule_value", "schedule_zone", "grace")


class Health(NamedTuple):
    """What a job's streams say of it. `due_at`: the next time any of them is expected."""

    watched: int = 0
    affected: int = 0
    late: int = 0
    due_at: int | None = None
    last_check_in_at: int | None = None
    is_open: bool = False


def status_of(is_active: bool, is_down: bool, is_late: bool, was_heard: bool) -> str:
    """`new`, `up`, `late`, `down` or `paused`, of a job or a stream."""
    if not is_active:
        return "paused"
    if is_down:
        return "down"
    if is_late:
        return "late"
    return "up" if was_heard else "new"


def find_job_id(connection: Connection, workspace_id: int, job_key: str) -> int | None:
    query = select(jobs.c.id).where(jobs.c.workspace_id == workspace_id, jobs.c.job_key == job_key)
    return connection.execute(query).scalar()


def known_keys(connection: Connection, workspace_id: int, job_keys: Collection[str]) -> set[str]:
    """Those of these jobKeys that there is a job of."""
    query = select(jobs.c.job_key).where(jobs.c.workspace_id == workspace_id, jobs.c.job_key.in_(job_keys))
    return set(connection.execute(query).scalars())


def job_object(connection: Connection, workspace_id: int, job_key: str, now: int, public_url: str) -> Object | None:
    """The whole job with its state at `now`."""
    query = select(jobs).where(jobs.c.workspace_id == workspace_id, jobs.c.job_key == job_key)
    row = connection.execute(query).mappings().first()
    return _jobs(connection, [row], now, public_url)[0] if row is not None else None


def job_status(connection: Connection, job_id: int, now: int) -> str:
    """The state of one job at `now`."""
    row = connection.execute(select(jobs).where(jobs.c.id == job_id)).mappings().one()
    return state_of(row, healths(connection, [job_id], now)[job_id])


def list_jobs(
    connection: Connection,
    workspace_id: int,
    now: int,
    public_url: str,
    page: Page,
    is_active: bool | None = None,
    place: Mapping[str, str | None] | None = None,
) -> Object:
    """A page of jobs, in the order they were made. `place`: project, service and host of some run; None: any."""
    query = select(jobs).where(jobs.c.workspace_id == workspace_id).order_by(jobs.c.id)
    if is_active is not None:
        query = query.where(jobs.c.is_active == is_active)
    wanted = {name: text for name, text in (place or {}).items() if text is not None}
    if wanted:
        there = [places.c[name] == text for name, text in wanted.items()]
        query = query.where(jobs.c.id.in_(select(places.c.job_id).where(*there)))
    return page_of_rows(connection, query, page, lambda rows: _jobs(connection, rows, now, public_url))


def healths(connection: Connection, job_ids: Sequence[int], now: int) -> Mapping[int, Health]:
    """How each of these jobs is at `now`."""
    is_late = and_(streams.c.is_watched, (streams.c.missed_runs > 0) | (due_at < now))
    state = (
        select(
            jobs.c.id,
            func.count(streams.c.tenant_id.distinct()).filter(streams.c.is_watched),
            func.count(streams.c.tenant_id.distinct()).filter(is_affected),
            func.count().filter(is_late),
            func.min(due_at),
            func.max(streams.c.last_check_in_at),
        )
        .join(job_environments, job_environments.c.id == streams.c.job_environment_id)
        .join(jobs, jobs.c.id == job_environments.c.job_id)
        .where(jobs.c.id.in_(job_ids))
        .group_by(jobs.c.id)
    )
    is_open = _with_open_incident(connection, job_ids)
    known = {job_id: Health._make((*health, job_id in is_open)) for job_id, *health in connection.execute(state)}
    return defaultdict(Health, known)


def _with_open_incident(connection: Connection, job_ids: Sequence[int]) -> set[int]:
    query = (
        select(job_environments.c.job_id)
        .join(incidents, job_environments.c.id == incidents.c.job_environment_id)
        .where(job_environments.c.job_id.in_(job_ids), incidents.c.status == IncidentStatus.OPEN)
    )
    return set(connection.execute(query.distinct()).scalars())


def _jobs(connection: Connection, rows: Sequence[RowMapping], now: int, public_url: str) -> list[Object]:
    """What is told of each of these rows, with as many statements for a hundred as for one."""
    health = healths(connection, [row["id"] for row in rows], now)
    lengths = distances(connection, rows, now)
    hints, parents = _hints(connection, rows), _parents(connection, rows)
    return [
        {**_job(row, health[row["id"]], lengths.get(row["id"]), hints.get(row["id"]), public_url), "dependsOn": parent}
        for row, parent in zip(rows, parents, strict=True)
    ]


def _job(row: RowMapping, health: Health, every: int | None, hint: str | None, public_url: str) -> Object:
    return {
        "id": to_uuid(row["id"]),
        "jobKey": row["job_key"],
        "name": row["name"],
        **_expectation(row, every),
        "tags": json.loads(row["tags"]),
        "description": row["description"],
        "runbookUrl": row["runbook_url"] or None,
        "isActive": row["is_active"],
        "pingUrl": f"{public_url}/api/v1/jobs/{row['job_key']}/ping",
        "healthchecksUrl": f"{public_url}/ping/{row['ping_uuid']}" if row["ping_uuid"] else None,
        "status": state_of(row, health),
        "watchedTenantCount": health.watched,
        "affectedTenantCount": health.affected,
        "nextDueAt": iso_or_none(health.due_at),
        "scheduleHint": hint,
        "lastCheckInAt": iso_or_none(health.last_check_in_at),
        "createdAt": iso(row["created_at"]),
    }


def _expectation(row: RowMapping, every: int | None) -> Object:
    return {
        "expectedIntervalSeconds": every // SECOND if every is not None else None,
        "schedule": _schedule(row),
        "gracePeriodSeconds": row["grace"] // SECOND if row["grace"] is not None else None,
        "tenantImpactThreshold": row["impact_threshold"],
        "consecutiveMissThreshold": row["miss_threshold"],
        "thresholdMode": row["threshold_mode"],
        "failureThreshold": row["failure_threshold"],
        "recoveryThreshold": row["recovery_threshold"],
        "maxRuntimeSeconds": row["max_runtime"] // SECOND if row["max_runtime"] is not None else None,
        "tenantScope": row["tenant_scope"],
    }


def _parents(connection: Connection, rows: Sequence[RowMapping]) -> list[Object | None]:
    """What each of these jobs depends on."""
    wanted = {row["parent_job_id"] for row in rows if row["parent_job_id"] is not None}
    query = select(jobs.c.id, jobs.c.job_key).where(jobs.c.id.in_(wanted))
    keys = {row.id: row.job_key for row in connection.execute(query)} if wanted else {}
    return [_parent(row, keys) for row in rows]


def _parent(row: RowMapping, keys: Mapping[int, str]) -> Object | None:
    if row["parent_integration"] is not None:
        return {"kind": "integration", "value": row["parent_integration"]}
    key = keys.get(row["parent_job_id"])
    return None if key is None else {"kind": "job", "value": key}


def _schedule(row: RowMapping) -> Object:
    kind = row["schedule_type"]
    if kind == "interval":
        return {"type": kind, "seconds": row["schedule_interval"] // SECOND}
    if kind == "crontab":
        return {"type": kind, "value": row["schedule_value"], "timezone": row["schedule_zone"]}
    if kind == "calendar":
        unit, zone = row["schedule_value"], row["schedule_zone"]
        return {"type": kind, "value": row["schedule_interval"], "unit": unit, "timezone": zone}
    return {"type": kind}


def _hints(connection: Connection, rows: Sequence[RowMapping]) -> dict[int, str]:
    """What the latest runs say of a crontab: whether all came the same whole number of hours off it."""
    crontabs = {row["id"]: Crontab(row["schedule_value"], row["schedule_zone"]) for row in rows if _is(row, "crontab")}
    columns = [runs.c[name] for name in Run._fields]
    off: dict[int, list[int]] = defaultdict(list)
    for one in _of_each(connection, crontabs, lambda job_id: _latest_reported(columns, job_id)):
        run = Run(*one)
        off[run.job_id].append(preview.hours_off(crontabs[run.job_id], run.began_at))
    return {
        job_id: f"Your pings look {abs(hours[0])} h {'late' if hours[0] > 0 else 'early'}: "
        f"is {crontabs[job_id].zone} their zone?"
        for job_id, hours in off.items()
        if len(hours) == _HINT_RUNS and len(set(hours)) == 1 and hours[0]
    }


def _latest_reported(columns: Sequence[Any], job_id: int) -> Select[Any]:
    reported = (runs.c.job_id == job_id) & runs.c.outcome.in_(("ok", "error"))
    return select(*columns).where(reported).order_by(runs.c.at.desc()).limit(_HINT_RUNS)


def distances(connection: Connection, rows: Sequence[RowMapping], now: int) -> dict[int, int | None]:
    """The distance between each job's next two expected times; what is learned is told of the stream heard last."""
    known: dict[int, int | None] = {}
    for row in rows:
        schedule = schedule_of(*(row[name] for name in _SCHEDULE))
        known[row["id"]] = None if isinstance(schedule, Learned) else schedules.next_distance(schedule, now)
    learned = [row["id"] for row in rows if _is(row, "learned")]
    for job_id, text in _of_each(connection, learned, _heard_last):
        expected = rhythm.expectation(rhythm.read(text), None)
        known[job_id] = None if expected is None else expected.every
    return known


def _heard_last(job_id: int) -> Select[Any]:
    return (
        select(job_environments.c.job_id, streams.c.rhythm)
        .join(job_environments, job_environments.c.id == streams.c.job_environment_id)
        .where(job_environments.c.job_id == job_id, streams.c.rhythm.is_not(None))
        .order_by(streams.c.last_check_in_at.desc())
        .limit(1)
    )


def _of_each(connection: Connection, job_ids: Iterable[int], query: Callable[[int], Select[Any]]) -> list[Any]:
    """The rows of this query of each job, asked at once: SQLite knows no LATERAL, and a window would read all runs."""
    asked = [select(query(job_id).subquery()) for job_id in job_ids]
    return list(connection.execute(union_all(*asked)).all()) if asked else []


def _is(row: RowMapping, kind: str) -> bool:
    return bool(row["schedule_type"] == kind)


def state_of(row: RowMapping, health: Health) -> str:
    """`new`, `up`, `late`, `down` or `paused`, of the job with this row."""
    is_down = health.is_open or (health.watched == 1 and health.affected > 0)
    return status_of(row["is_active"], is_down, health.late > 0, health.last_check_in_at is not None)
