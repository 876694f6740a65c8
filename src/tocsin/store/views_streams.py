"""Streams and runs as they are shown: read only."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, Select, and_, case, func, or_, select

from tocsin.domain.ids import from_uuid, to_uuid
from tocsin.store.paging import Page, page_of
from tocsin.store.schema import job_environments, jobs, places, run_details, run_notes, runs, streams, tenants
from tocsin.store.views_jobs import due_at, is_affected, status_of
from tocsin.wire_time import iso, iso_or_none

Object = dict[str, Any]


class StreamFilters(NamedTuple):
    """`tenant`: our UUID or the externalId; None: any."""

    tenant: str | None = None
    environment: str | None = None


class RunFilters(NamedTuple):
    """`tenant`: our UUID or the externalId; `since` and `until` in microseconds; None: any."""

    tenant: str | None = None
    environment: str | None = None
    outcome: str | None = None
    since: int | None = None
    until: int | None = None
    host: str | None = None


def list_streams(connection: Connection, job_id: int, now: int, filters: StreamFilters, page: Page) -> Object:
    """A page of the job's streams, each with its state at `now`."""
    query = (
        select(
            streams,
            jobs.c.job_key,
            jobs.c.is_active,
            job_environments.c.environment,
            tenants.c.external_id,
            tenants.c.name.label("tenant_name"),
            is_affected.label("is_down"),
            due_at.label("next_due_at"),
        )
        .select_from(_streams_of(job_id))
        .where(jobs.c.id == job_id)
        .order_by(streams.c.id)
    )
    query = _narrowed(query, filters.tenant, filters.environment)
    return page_of(connection, query, page, lambda row: _stream(row, now))


def list_watched_tenants(connection: Connection, job_id: int, now: int, page: Page) -> Object:
    """A page of the tenants watched for the job, each with the worst of its streams' states."""
    is_late = or_(streams.c.missed_runs > 0, due_at < now)
    query = (
        select(
            tenants.c.id,
            tenants.c.external_id,
            tenants.c.name,
            jobs.c.is_active,
            func.max(case((is_affected, 1), else_=0)).label("is_down"),
            func.max(case((is_late, 1), else_=0)).label("is_late"),
            func.max(streams.c.last_success_at).label("last_success_at"),
            func.max(streams.c.last_check_in_at).label("last_check_in_at"),
            func.max(streams.c.missed_runs).label("missed_runs"),
            func.max(streams.c.consecutive_failures).label("consecutive_failures"),
            func.min(due_at).label("next_due_at"),
        )
        .select_from(_streams_of(job_id))
        .where(jobs.c.id == job_id, streams.c.is_watched)
        .group_by(tenants.c.id, tenants.c.external_id, tenants.c.name, jobs.c.is_active)
        .order_by(tenants.c.id)
    )
    return page_of(connection, query, page, _watched_tenant)


def list_runs(connection: Connection, job_id: int, filters: RunFilters, page: Page) -> Object:
    """A page of the job's runs, newest first."""
    query = _runs().where(runs.c.job_id == job_id).order_by(runs.c.at.desc(), runs.c.id.desc())
    query = _narrowed(query, filters.tenant, filters.environment)
    if filters.outcome is not None:
        query = query.where(runs.c.outcome == filters.outcome)
    if filters.host is not None:
        query = query.where(places.c.host == filters.host)
    if filters.since is not None:
        query = query.where(runs.c.at >= filters.since)
    if filters.until is not None:
        query = query.where(runs.c.at <= filters.until)
    return page_of(connection, query, page, _run)


def run_object(connection: Connection, workspace_id: int, run_id: int) -> Object | None:
    """The run with its timeline."""
    query = _runs().where(runs.c.id == run_id, runs.c.workspace_id == workspace_id)
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    notes = connection.execute(select(run_notes).where(run_notes.c.run_id == run_id).order_by(run_notes.c.id))
    return {**_run(row), "timeline": _timeline(row, [(note.at, "log", note.message) for note in notes])}


def _streams_of(job_id: int) -> Any:
    environments = and_(job_environments.c.id == streams.c.job_environment_id, job_environments.c.job_id == job_id)
    return (
        streams.join(job_environments, environments)
        .join(jobs, jobs.c.id == job_environments.c.job_id)
        .join(tenants, tenants.c.id == streams.c.tenant_id)
    )


def _runs() -> Select[Any]:
    joined = (
        runs.join(streams, streams.c.id == runs.c.stream_id)
        .join(job_environments, job_environments.c.id == streams.c.job_environment_id)
        .join(jobs, jobs.c.id == runs.c.job_id)
        .join(tenants, tenants.c.id == streams.c.tenant_id)
        .outerjoin(run_details, run_details.c.run_id == runs.c.id)
        .outerjoin(places, places.c.id == run_details.c.place_id)
    )
    names = (jobs.c.job_key, job_environments.c.environment, tenants.c.external_id)
    where = (places.c.project, places.c.service, places.c.host, run_details.c.release)
    return select(runs, *names, *where).select_from(joined)


def _narrowed(query: Select[Any], tenant: str | None, environment: str | None) -> Select[Any]:
    if tenant is not None:
        query = query.where(or_(tenants.c.external_id == tenant, tenants.c.id == from_uuid(tenant)))
    return query if environment is None else query.where(job_environments.c.environment == environment)


def _stream(row: RowMapping, now: int) -> Object:
    is_late = row["is_watched"] and (
        row["missed_runs"] > 0 or (row["next_due_at"] is not None and row["next_due_at"] < now)
    )
    is_active = row["is_active"] and row["is_watched"]
    return {
        "id": to_uuid(row["id"]),
        "jobKey": row["job_key"],
        "tenantId": row["external_id"],
        "tenantName": row["tenant_name"] or row["external_id"],
        "environment": row["environment"],
        "status": status_of(is_active, row["is_down"], is_late, row["last_check_in_at"] is not None),
        "lastSuccessAt": iso_or_none(row["last_success_at"]),
        "lastCheckInAt": iso_or_none(row["last_check_in_at"]),
        "missedRuns": row["missed_runs"],
        "consecutiveFailures": row["consecutive_failures"],
        "nextDueAt": iso_or_none(row["next_due_at"]),
    }


def _watched_tenant(row: RowMapping) -> Object:
    was_heard = row["last_check_in_at"] is not None
    return {
        "id": to_uuid(row["id"]),
        "tenantId": row["external_id"],
        "tenantName": row["name"] or row["external_id"],
        "status": status_of(row["is_active"], bool(row["is_down"]), bool(row["is_late"]), was_heard),
        "lastSuccessAt": iso_or_none(row["last_success_at"]),
        "lastCheckInAt": iso_or_none(row["last_check_in_at"]),
        "missedRuns": row["missed_runs"],
        "consecutiveFailures": row["consecutive_failures"],
        "nextDueAt": iso_or_none(row["next_due_at"]),
    }


def _run(row: RowMapping) -> Object:
    return {
        "id": to_uuid(row["id"]),
        "runId": row["client_run_id"],
        "jobKey": row["job_key"],
        "tenantId": row["external_id"],
        "environment": row["environment"],
        "outcome": row["outcome"],
        "expectedAt": iso_or_none(row["expected_at"]),
        "startedAt": iso_or_none(row["started_at"]),
        "finishedAt": iso_or_none(row["finished_at"]),
        "durationMs": row["duration"] // 1000 if row["duration"] is not None else None,
        "exitCode": row["exit_code"],
        "message": row["message"],
        "host": row["host"] or None,
        "service": row["service"] or None,
        "project": row["project"] or None,
        "release": row["release"] or None,
        "missedCount": row["missed_count"],
    }


def _timeline(row: RowMapping, notes: list[tuple[int, str, str]]) -> list[Object]:
    """What is known of the run, oldest first. `notes`: (moment, kind, message) of what it said meanwhile."""
    verdicts = {
        "ok": "Reported success.",
        "error": "Reported failure.",
        "missed": "Nothing was heard by the deadline.",
        "timeout": "Still running at its longest allowed duration.",
        "unknown": "Tocsin was away when it should have been heard.",
    }
    entries = [
        (row["expected_at"], "expected", "The run was expected."),
        (row["started_at"], "start", "Reported its start."),
        *notes,
    ]
    if row["outcome"] in verdicts:
        entries.append((row["at"], row["outcome"], verdicts[row["outcome"]]))
    known = sorted((entry for entry in entries if entry[0] is not None), key=lambda entry: entry[0])
    return [{"at": iso(at), "kind": kind, "message": message} for at, kind, message in known]
