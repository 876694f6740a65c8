"""Bulk changes to streams: a job paused or rescheduled, a tenant gone or come back."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, case, delete, func, select, update

from tocsin.domain import rhythm
from tocsin.domain.check_in import watched_again
from tocsin.domain.model import SILENT, Job, JobEnvironment, Outcome, Run, Stream
from tocsin.domain.schedule import Learned
from tocsin.domain.silence import timeout_after
from tocsin.store.details import forget_runs
from tocsin.store.hot import JOB_COLUMNS, job_of
from tocsin.store.kept_tallies import forget_job
from tocsin.store.schema import (
    incidents,
    job_environments,
    jobs,
    runs,
    streams,
    tenants,
    workspaces,
)

_ENVIRONMENT = [job_environments.c[name] for name in JobEnvironment._fields]
_STREAM = [streams.c[name] for name in Stream._fields]


def job(connection: Connection, job_id: int) -> tuple[Job, str]:
    """The job as the domain knows it, and its tenantScope."""
    row = connection.execute(
        select(*[jobs.c[name] for name in JOB_COLUMNS], jobs.c.tenant_scope).where(jobs.c.id == job_id)
    ).one()
    return job_of(row), row.tenant_scope


def jobs_for_all_tenants(connection: Connection, workspace_id: int) -> list[int]:
    """Jobs of the workspace that expect every active tenant."""
    query = select(jobs.c.id).where(jobs.c.workspace_id == workspace_id, jobs.c.tenant_scope == "all")
    return list(connection.execute(query.order_by(jobs.c.id)).scalars())


def environments_of_job(connection: Connection, job_id: int) -> list[JobEnvironment]:
    query = select(*_ENVIRONMENT).where(job_environments.c.job_id == job_id).order_by(job_environments.c.id)
    return [JobEnvironment(*row) for row in connection.execute(query)]


def streams_of_tenant(connection: Connection, workspace_id: int, tenant_id: int) -> list[Stream]:
    query = select(*_STREAM).where(streams.c.workspace_id == workspace_id, streams.c.tenant_id == tenant_id)
    return [Stream(*row) for row in connection.execute(query.order_by(streams.c.id).with_for_update())]


def stream(connection: Connection, workspace_id: int, stream_id: int) -> Stream | None:
    query = select(*_STREAM).where(streams.c.workspace_id == workspace_id, streams.c.id == stream_id)
    row = connection.execute(query.with_for_update()).one_or_none()
    return None if row is None else Stream(*row)


def environment(connection: Connection, environment_id: int) -> JobEnvironment:
    return JobEnvironment(
        *connection.execute(select(*_ENVIRONMENT).where(job_environments.c.id == environment_id)).one()
    )


def expectable_tenants(connection: Connection, workspace_id: int, default: str) -> list[int]:
    """Active tenants of the workspace but its own."""
    query = select(tenants.c.id).where(
        tenants.c.workspace_id == workspace_id, tenants.c.is_active, tenants.c.external_id != default
    )
    return list(connection.execute(query.order_by(tenants.c.id)).scalars())


def tenants_with_stream(connection: Connection, environment_id: int) -> set[int]:
    query = select(streams.c.tenant_id).where(streams.c.job_environment_id == environment_id)
    return set(connection.execute(query).scalars())


def unwatched(connection: Connection, environment_id: int, tenant_ids: Sequence[int]) -> list[Stream]:
    """Streams of these tenants that are watched no more."""
    query = select(*_STREAM).where(streams.c.job_environment_id == environment_id, ~streams.c.is_watched)
    found = [Stream(*row) for row in connection.execute(query.order_by(streams.c.id).with_for_update())]
    wanted = set(tenant_ids)
    return [one for one in found if one.tenant_id in wanted]


def never_heard(connection: Connection, job_id: int) -> list[Stream]:
    query = (
        select(*_STREAM)
        .join(job_environments, job_environments.c.id == streams.c.job_environment_id)
        .where(job_environments.c.job_id == job_id, streams.c.last_check_in_at.is_(None), streams.c.is_watched)
        .order_by(streams.c.id)
    )
    return [Stream(*row) for row in connection.execute(query)]


def auto_create_tenants(connection: Connection, workspace_id: int) -> str | None:
    query = select(workspaces.c.auto_create_tenants).where(workspaces.c.id == workspace_id, workspaces.c.is_active)
    return connection.execute(query).scalar_one_or_none()


def begin_from_zero(connection: Connection, environment_ids: Sequence[int]) -> None:
    """Thresholds of these environments count from zero; each stream hears of it when it is next decided about."""
    table = job_environments.c
    connection.execute(
        update(job_environments)
        .where(table.id.in_(environment_ids))
        .values(epoch=table.epoch + 1, late_count=0, affected_count=0)
    )


def start_fresh_window(connection: Connection, job: Job, now: int) -> None:
    """Expectation begins anew for every watched stream of the job; who is affected stays so until a success."""
    in_job = select(job_environments.c.id).where(job_environments.c.job_id == job.id)
    mine = streams.c.job_environment_id.in_(in_job) & streams.c.is_watched
    if isinstance(job.schedule, Learned):
        for row in connection.execute(select(*_STREAM).where(mine).order_by(streams.c.id)).all():
            fresh = _fresh(job, _with_rhythm(connection, Stream(*row)), now)
            connection.execute(update(streams).where(streams.c.id == row.id).values(fresh))
        return
    values = _fresh(job, Stream(0, job.workspace_id, 0, 0, True, now, now), now)
    connection.execute(update(streams).where(mine).values({**values, "rhythm": None}))


def _with_rhythm(connection: Connection, stream: Stream) -> Stream:
    """Each stream has a rhythm of its own and goes on to know it; one that has none yet learns from its latest runs."""
    if stream.rhythm is not None:
        return stream
    columns = [runs.c[name] for name in Run._fields]
    reported = (runs.c.stream_id == stream.id) & ((runs.c.outcome.not_in(SILENT)) | runs.c.started_at.is_not(None))
    latest = select(*columns).where(reported).order_by(runs.c.at.desc()).limit(rhythm.STARTS)
    starts = [Run(*row).began_at for row in connection.execute(latest)]
    return stream._replace(rhythm=rhythm.written(rhythm.taught_by(starts))) if starts else stream


#: What a fresh window changes of a stream.
_WINDOW = (
    "expected_since_at",
    "anchor_at",
    "anchor_misses",
    "missed_runs",
    "missed_base",
    "silence_streak",
    "unknown_absence_id",
    "due_at",
    "deadline_at",
    "pending_at",
    "success_began_at",
    "rhythm",
    "check_at",
)


def _fresh(job: Job, stream: Stream, now: int) -> dict[str, Any]:
    fresh = watched_again(job, stream, now)._asdict()
    return {name: fresh[name] for name in _WINDOW}


def recount_job(connection: Connection, changed: Job) -> None:
    """Bring affectedness and counters in line with changed thresholds, in all environments of the job."""
    missed = streams.c.missed_runs - streams.c.missed_base
    counts = missed >= (1 if changed.threshold_mode == "any" else changed.miss_threshold)
    for one in environments_of_job(connection, changed.id):
        current = (streams.c.job_environment_id == one.id) & (streams.c.epoch == one.epoch) & streams.c.is_watched
        connection.execute(update(streams).where(current & counts).values(is_affected=True))
        late, affected = connection.execute(
            select(
                func.coalesce(func.sum(case((counts, 1), else_=0)), 0),
                func.coalesce(func.sum(case((streams.c.is_affected, 1), else_=0)), 0),
            ).where(current)
        ).one()
        values: dict[str, Any] = {"late_count": late, "affected_count": affected}
        connection.execute(update(job_environments).where(job_environments.c.id == one.id).values(values))


def retime_open_runs(connection: Connection, job: Job) -> None:
    """Runs in progress time out as the job says from now on."""
    query = (
        select(runs.c.id, runs.c.started_at, *_STREAM)
        .join(streams, streams.c.id == runs.c.stream_id)
        .where(runs.c.job_id == job.id, runs.c.outcome == Outcome.IN_PROGRESS)
        .order_by(runs.c.id)
    )
    for run_id, started_at, *stream in connection.execute(query).all():
        limit = timeout_after(job, Stream(*stream), started_at)
        due = None if limit is None else started_at + limit
        connection.execute(update(runs).where(runs.c.id == run_id).values(check_at=due))


def delete_job(connection: Connection, workspace_id: int, job_id: int) -> None:
    """The job with its streams and runs; its incidents stay, as history."""
    in_job = select(job_environments.c.id).where(job_environments.c.job_id == job_id)
    connection.execute(
        update(incidents).where(incidents.c.job_environment_id.in_(in_job)).values(job_environment_id=None)
    )
    of_job = (runs.c.workspace_id == workspace_id) & (runs.c.job_id == job_id)
    forget_runs(connection, lambda run_id: run_id.in_(select(runs.c.id).where(of_job)))
    connection.execute(delete(runs).where(of_job))
    connection.execute(delete(streams).where(streams.c.job_environment_id.in_(in_job)))
    connection.execute(delete(job_environments).where(job_environments.c.job_id == job_id))
    children = (jobs.c.workspace_id == workspace_id) & (jobs.c.parent_job_id == job_id)
    connection.execute(update(jobs).where(children).values(parent_job_id=None))
    forget_job(connection, job_id)
    connection.execute(delete(jobs).where(jobs.c.workspace_id == workspace_id, jobs.c.id == job_id))
