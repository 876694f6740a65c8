"""What the page of one job needs beside the job itself. Read only."""

import json
from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, or_, select

from tocsin.domain.ids import from_uuid, to_uuid
from tocsin.domain.model import SECOND
from tocsin.domain.reason import Reason
from tocsin.domain.schedule import Schedule
from tocsin.store.hot import schedule_of
from tocsin.store.schema import job_environments, jobs, places, quiets, runs, streams, tenants
from tocsin.store.views_jobs import due_at
from tocsin.store.views_streams import run_object

Object = dict[str, Any]
_MOST_HOSTS = 200


class JobRow(NamedTuple):
    """`grace` and `max_runtime` in microseconds; None: learned, and unbounded."""

    job_id: int
    job_key: str
    schedule: Schedule
    grace: int | None
    max_runtime: int | None
    is_active: bool
    ping_slug: str | None


def job_row(connection: Connection, workspace_id: int, job_key: str) -> JobRow | None:
    row = connection.execute(
        select(jobs).where(jobs.c.workspace_id == workspace_id, jobs.c.job_key == job_key)
    ).one_or_none()
    if row is None:
        return None
    schedule = schedule_of(row.schedule_type, row.schedule_interval, row.schedule_value, row.schedule_zone, row.grace)
    return JobRow(row.id, row.job_key, schedule, row.grace, row.max_runtime, row.is_active, row.ping_slug)


def environments(connection: Connection, workspace_id: int, job_id: int) -> list[str]:
    """Those in which somebody is watched, the most watched first."""
    query = (
        select(job_environments.c.environment)
        .where(job_environments.c.workspace_id == workspace_id, job_environments.c.job_id == job_id)
        .where(job_environments.c.watched_count > 0)
        .order_by(job_environments.c.watched_count.desc(), job_environments.c.environment)
    )
    return list(connection.execute(query).scalars())


def hosts(connection: Connection, workspace_id: int, job_id: int) -> list[str]:
    mine = (places.c.workspace_id == workspace_id) & (places.c.job_id == job_id) & (places.c.host != "")
    query = select(places.c.host).where(mine).distinct().order_by(places.c.host).limit(_MOST_HOSTS)
    return list(connection.execute(query).scalars())


def late_streams(connection: Connection, job_id: int, now: int) -> set[int]:
    """Whose run is overdue, and not missed yet."""
    query = (
        select(streams.c.id)
        .join(job_environments, job_environments.c.id == streams.c.job_environment_id)
        .join(jobs, jobs.c.id == job_environments.c.job_id)
        .where(jobs.c.id == job_id, streams.c.is_watched, streams.c.missed_runs == 0, due_at < now)
    )
    return set(connection.execute(query).scalars())


def mute_of(connection: Connection, workspace_id: int, job_key: str, now: int) -> Object | None:
    """`{id, until_at}` of the mute of this very job that lasts longest."""
    query = (
        select(quiets.c.id, quiets.c.until_at)
        .where(quiets.c.workspace_id == workspace_id, quiets.c.reason == Reason.MUTED)
        .where(quiets.c.target_kind == "job", quiets.c.target_value == job_key, quiets.c.until_at > now)
        .order_by(quiets.c.until_at.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else {"id": to_uuid(row.id), "until_at": row.until_at}


def run_at(connection: Connection, workspace_id: int, job_key: str, tenant: str, at: int) -> int | None:
    """The run of a tenant that ended within the second from `at` on."""
    is_they = or_(tenants.c.external_id == tenant, tenants.c.id == from_uuid(tenant))
    query = (
        select(runs.c.id)
        .join(streams, streams.c.id == runs.c.stream_id)
        .join(tenants, tenants.c.id == streams.c.tenant_id)
        .join(job_environments, job_environments.c.id == streams.c.job_environment_id)
        .join(jobs, jobs.c.id == job_environments.c.job_id)
        .where(jobs.c.workspace_id == workspace_id, jobs.c.job_key == job_key, is_they)
        .where(and_(runs.c.at >= at, runs.c.at < at + SECOND))
        .order_by(runs.c.at.desc())
        .limit(1)
    )
    return connection.execute(query).scalar()


def whole_run(connection: Connection, workspace_id: int, run_id: str) -> Object | None:
    """The run as the API tells it, with its `metrics`, and its tenant's own id and name."""
    number = from_uuid(run_id)
    run = None if number is None else run_object(connection, workspace_id, number)
    if run is None:
        return None
    query = (
        select(runs.c.metrics, runs.c.received_at, tenants.c.name, tenants.c.id)
        .join(streams, streams.c.id == runs.c.stream_id)
        .join(tenants, tenants.c.id == streams.c.tenant_id)
        .where(runs.c.id == number)
    )
    row = connection.execute(query).one()
    metrics = json.loads(row.metrics) if row.metrics else {}
    tenant = {"tenantUuid": to_uuid(row.id), "tenantName": row.name or run["tenantId"]}
    return {**run, **tenant, "metrics": metrics, "receivedAt": row.received_at}


def tenant_names(connection: Connection, workspace_id: int, external_ids: Collection[str]) -> dict[str, str]:
    """externalId → what people call them, of those that have a name."""
    mine = (tenants.c.workspace_id == workspace_id) & tenants.c.external_id.in_(external_ids) & (tenants.c.name != "")
    rows = connection.execute(select(tenants.c.external_id, tenants.c.name).where(mine))
    return {row.external_id: row.name for row in rows}


def tenant_ids(connection: Connection, workspace_id: int, external_ids: Collection[str]) -> dict[str, str]:
    """externalId → our UUID, which unlike theirs can stand in any address."""
    mine = (tenants.c.workspace_id == workspace_id) & tenants.c.external_id.in_(external_ids)
    rows = connection.execute(select(tenants.c.external_id, tenants.c.id).where(mine))
    return {external_id: to_uuid(number) for external_id, number in rows}
