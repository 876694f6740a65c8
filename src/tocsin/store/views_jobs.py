"""Jobs as they are shown: read only."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, and_, case, func, not_, null, select

from tocsin.domain import preview, rhythm
from tocsin.domain import schedule as schedules
from tocsin.domain.ids import to_uuid
from tocsin.domain.model import SECOND, IncidentStatus, Run
from tocsin.domain.schedule import Crontab, Learned
from tocsin.store.hot import schedule_of
from tocsin.store.paging import Page, page_of
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


class _Health(NamedTuple):
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


def job_object(connection: Connection, workspace_id: int, job_key: str, now: int, public_url: str) -> Object | None:
    """The whole job with its state at `now`."""
    query = select(jobs).where(jobs.c.workspace_id == workspace_id, jobs.c.job_key == job_key)
    row = connection.execute(query).mappings().first()
    return _job(connection, row, now, public_url) if row is not None else None


def job_status(connection: Connection, job_id: int, now: int) -> str:
    """The state of one job at `now`."""
    row = connection.execute(select(jobs).where(jobs.c.id == job_id)).mappings().one()
    return _status(row, _health(connection, job_id, now))


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
    return page_of(connection, query, page, lambda row: _job(connection, row, now, public_url))


def _health(connection: Connection, job_id: int, now: int) -> _Health:
    is_late = and_(streams.c.is_watched, (streams.c.missed_runs > 0) | (due_at < now))
    state = (
        select(
            func.count(streams.c.tenant_id.distinct()).filter(streams.c.is_watched),
            func.count(streams.c.tenant_id.distinct()).filter(is_affected),
            func.count().filter(is_late),
            func.min(due_at),
            func.max(streams.c.last_check_in_at),
        )
        .join(job_environments, job_environments.c.id == streams.c.job_environment_id)
        .join(jobs, jobs.c.id == job_environments.c.job_id)
        .where(jobs.c.id == job_id)
    )
    return _Health._make((*connection.execute(state).one(), _has_open_incident(connection, job_id)))


def _has_open_incident(connection: Connection, job_id: int) -> bool:
    query = (
        select(incidents.c.id)
        .join(job_environments, job_environments.c.id == incidents.c.job_environment_id)
        .where(job_environments.c.job_id == job_id, incidents.c.status == IncidentStatus.OPEN)
    )
    return connection.execute(query.limit(1)).scalar() is not None


def _job(connection: Connection, row: RowMapping, now: int, public_url: str) -> Object:
    health = _health(connection, row["id"], now)
    return {
        "id": to_uuid(row["id"]),
        "jobKey": row["job_key"],
        "name": row["name"],
        **_expectation(connection, row, now),
        "tags": json.loads(row["tags"]),
        "description": row["description"],
        "runbookUrl": row["runbook_url"] or None,
        "dependsOn": _parent(connection, row),
        "isActive": row["is_active"],
        "pingUrl": f"{public_url}/api/v1/jobs/{row['job_key']}/ping",
        "healthchecksUrl": f"{public_url}/ping/{row['ping_uuid']}" if row["ping_uuid"] else None,
        "status": _status(row, health),
        "watchedTenantCount": health.watched,
        "affectedTenantCount": health.affected,
        "nextDueAt": iso_or_none(health.due_at),
        "scheduleHint": _hint(connection, row),
        "lastCheckInAt": iso_or_none(health.last_check_in_at),
        "createdAt": iso(row["created_at"]),
    }


def _expectation(connection: Connection, row: RowMapping, now: int) -> Object:
    every = _every(connection, row, now)
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


def _parent(connection: Connection, row: RowMapping) -> Object | None:
    if row["parent_integration"] is not None:
        return {"kind": "integration", "value": row["parent_integration"]}
    if row["parent_job_id"] is None:
        return None
    key = connection.execute(select(jobs.c.job_key).where(jobs.c.id == row["parent_job_id"])).scalar()
    return {"kind": "job", "value": key}


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


def _hint(connection: Connection, row: RowMapping) -> str | None:
    """What the latest runs say of the schedule: whether all came the same whole number of hours off it."""
    if row["schedule_type"] != "crontab":
        return None
    columns = [runs.c[name] for name in Run._fields]
    reported = (runs.c.job_id == row["id"]) & runs.c.outcome.in_(("ok", "error"))
    latest = connection.execute(select(*columns).where(reported).order_by(runs.c.at.desc()).limit(_HINT_RUNS))
    schedule = Crontab(row["schedule_value"], row["schedule_zone"])
    off = [preview.hours_off(schedule, Run(*one).began_at) for one in latest]
    if len(off) < _HINT_RUNS or len(set(off)) > 1 or not off[0]:
        return None
    return f"Your pings look {abs(off[0])} h {'late' if off[0] > 0 else 'early'}: is {row['schedule_zone']} their zone?"


def _every(connection: Connection, row: RowMapping, now: int) -> int | None:
    """The distance between the next two expected times; what is learned is told of the stream heard last."""
    columns = ("schedule_type", "schedule_interval", "schedule_value", "schedule_zone", "grace")
    schedule = schedule_of(*(row[name] for name in columns))
    if not isinstance(schedule, Learned):
        return schedules.next_distance(schedule, now)
    query = (
        select(streams.c.rhythm)
        .join(job_environments, job_environments.c.id == streams.c.job_environment_id)
        .where(job_environments.c.job_id == row["id"], streams.c.rhythm.is_not(None))
        .order_by(streams.c.last_check_in_at.desc())
    )
    learned = rhythm.expectation(rhythm.read(connection.execute(query.limit(1)).scalar()), None)
    return None if learned is None else learned.every


def _status(row: RowMapping, health: _Health) -> str:
    is_down = health.is_open or (health.watched == 1 and health.affected > 0)
    return status_of(row["is_active"], is_down, health.late > 0, health.last_check_in_at is not None)
