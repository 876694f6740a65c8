"""Begin and stop to watch: jobs made, changed and deleted, tenants that come and go, streams forgotten."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tocsin.application.judged import take_up
from tocsin.application.ledger import Ledger
from tocsin.application.settling import write_book
from tocsin.domain import check_in
from tocsin.domain.ids import IdMaker, is_external_id
from tocsin.domain.model import DEFAULT_ENVIRONMENT, DEFAULT_TENANT, Job, JobEnvironment, Stream
from tocsin.domain.reason import Reason
from tocsin.store import incidents, nodes, tenants
from tocsin.store import watching as rows
from tocsin.store.engine import Connection
from tocsin.store.engines import hot_for

Row = Mapping[str, Any]

_SCHEDULE = ("schedule_type", "schedule_interval", "schedule_value", "schedule_zone", "grace")
_THRESHOLDS = ("threshold_mode", "miss_threshold", "impact_threshold", "failure_threshold", "recovery_threshold")


def job_created(connection: Connection, ids: IdMaker, now: int, job_id: int) -> None:
    """Under tenantScope `all`, every active tenant is expected from now on."""
    job, scope = rows.job(connection, job_id)
    if scope == "all":
        tenant_ids = rows.expectable_tenants(connection, job.workspace_id, DEFAULT_TENANT)
        _expect(connection, ids, now, job, tenant_ids)


def job_changed(connection: Connection, ids: IdMaker, now: int, before: Row, after: Row) -> None:
    """Follow a change of the job: `before` and `after` are its rows."""
    job, scope = rows.job(connection, after["id"])
    if before["is_active"] and not after["is_active"]:
        _end(connection, ids, now, job, Reason.JOB_PAUSED, "Job paused")
    resumed = after["is_active"] and not before["is_active"]
    if job.is_active and (resumed or _differs(before, after, _SCHEDULE)):
        rows.start_fresh_window(connection, job, now)
    if resumed or _differs(before, after, _SCHEDULE + _THRESHOLDS):
        rows.recount_job(connection, job)
    if _differs(before, after, (*_SCHEDULE, "max_runtime")):
        rows.retime_open_runs(connection, job)
    if scope == "all" and before["tenant_scope"] != "all":
        job_created(connection, ids, now, job.id)
    if scope != "all" and before["tenant_scope"] == "all":
        _leave(connection, ids, now, rows.never_heard(connection, job.id), Reason.SCOPE_NARROWED, "Tenants never seen")


def job_deleted(connection: Connection, ids: IdMaker, now: int, workspace_id: int, job_id: int) -> None:
    """Its incident closes as resolved; the job goes with its streams and runs."""
    job, _ = rows.job(connection, job_id)
    _end(connection, ids, now, job, Reason.JOB_DELETED, "Job deleted")
    rows.delete_job(connection, workspace_id, job_id)


def tenant_activated(connection: Connection, ids: IdMaker, now: int, workspace_id: int, tenant_id: int) -> None:
    """A tenant is made, or comes back: what it was watched for is expected anew, and jobs for all expect it."""
    for stream in rows.streams_of_tenant(connection, workspace_id, tenant_id):
        if not stream.is_watched and stream.last_check_in_at is not None:
            _watch_again(connection, ids, now, stream)
    for job_id in rows.jobs_for_all_tenants(connection, workspace_id):
        job, _ = rows.job(connection, job_id)
        _expect(connection, ids, now, job, [tenant_id])


def tenants_made(connection: Connection, ids: IdMaker, now: int, workspace_id: int, tenant_ids: Sequence[int]) -> None:
    """Tenants nobody knew were made: jobs for all expect them."""
    for job_id in rows.jobs_for_all_tenants(connection, workspace_id):
        job, _ = rows.job(connection, job_id)
        _expect(connection, ids, now, job, tenant_ids)


def tenant_deactivated(connection: Connection, ids: IdMaker, now: int, workspace_id: int, tenant_id: int) -> None:
    """Its streams are watched no more."""
    watched = [s for s in rows.streams_of_tenant(connection, workspace_id, tenant_id) if s.is_watched]
    _leave(connection, ids, now, watched, Reason.TENANT_DEACTIVATED, "Tenant deactivated")


def stream_forgotten(connection: Connection, ids: IdMaker, now: int, workspace_id: int, stream_id: int) -> None:
    """Watch the stream no more until it is heard again."""
    stream = rows.stream(connection, workspace_id, stream_id)
    if stream is not None and stream.is_watched:
        _leave(connection, ids, now, [stream], Reason.STREAM_FORGOTTEN, "No longer watched")


def make_tenant_if_wanted(connection: Connection, ids: IdMaker, now: int, workspace_id: int, external_id: str) -> bool:
    """Make a tenant that a check-in names for the first time, if the workspace wants that and it may be called so."""
    if not is_external_id(external_id) or rows.auto_create_tenants(connection, workspace_id) != "all":
        return False
    tenant_id = ids.new(now)
    row = {"id": tenant_id, "workspace_id": workspace_id, "external_id": external_id, "created_at": now}
    if tenants.insert_tenant(connection, row):
        tenant_activated(connection, ids, now, workspace_id, tenant_id)
    return True


def _differs(before: Row, after: Row, names: Iterable[str]) -> bool:
    return any(before[name] != after[name] for name in names)


def _expect(connection: Connection, ids: IdMaker, now: int, job: Job, tenant_ids: Sequence[int]) -> None:
    """Watch these tenants in production from now on, unless they are watched already."""
    ledger = Ledger(ids, now)
    environment = next(
        (e for e in rows.environments_of_job(connection, job.id) if e.environment == DEFAULT_ENVIRONMENT), None
    )
    if environment is None:
        environment = JobEnvironment(ids.new(now), job.workspace_id, job.id, DEFAULT_ENVIRONMENT)
        ledger.changes.new_environments.append(environment)
    for stream in rows.unwatched(connection, environment.id, tenant_ids):
        _watch_again(connection, ids, now, stream)
    known = rows.tenants_with_stream(connection, environment.id)
    for tenant_id in tenant_ids:
        if tenant_id not in known:
            ledger.add_stream(check_in.new_stream(ids.new(now), job, environment.id, tenant_id, now, environment.epoch))
    hot_for(connection).write(connection, ledger.changes)
    write_book(connection, ids, now, ledger.book)


def _watch_again(connection: Connection, ids: IdMaker, now: int, stream: Stream) -> None:
    environment = rows.environment(connection, stream.job_environment_id)
    job, _ = rows.job(connection, environment.job_id)
    ledger = Ledger(ids, now)
    current = ledger.as_of(stream, environment)
    ledger.watch(current, check_in.watched_again(job, current, now))
    hot_for(connection).write(connection, ledger.changes)
    write_book(connection, ids, now, ledger.book)


def _leave(
    connection: Connection, ids: IdMaker, now: int, streams: Sequence[Stream], reason: Reason, sentence: str
) -> None:
    """Take streams out of watching and of their incidents; an incident that nobody is left in closes."""
    if not streams:
        return
    ledger = Ledger(ids, now, nodes.all_absences(connection))
    situations = incidents.lock_situations(connection, {s.job_environment_id for s in streams})
    counted: dict[int, Job] = {}
    for stream in streams:
        environment = situations[stream.job_environment_id].environment
        job = counted.setdefault(environment.id, rows.job(connection, environment.job_id)[0])
        ledger.leave(job, ledger.as_of(stream, environment))
    hot = hot_for(connection)
    take_up(connection, hot, ledger, situations, dict.fromkeys(situations, now))
    ledger.book.close(ledger.book.deserted(), now, reason, sentence)
    hot.write(connection, ledger.changes)
    write_book(connection, ids, now, ledger.book)


def _end(connection: Connection, ids: IdMaker, now: int, job: Job, reason: Reason, sentence: str) -> None:
    """Take every stream of the job out of its incidents at once."""
    environment_ids = [e.id for e in rows.environments_of_job(connection, job.id)]
    close_incidents(connection, ids, now, environment_ids, reason, sentence)


def close_incidents(
    connection: Connection, ids: IdMaker, now: int, environment_ids: Sequence[int], reason: Reason, sentence: str
) -> None:
    """Close the live incidents of these environments; thresholds then count from zero."""
    ledger = Ledger(ids, now, nodes.all_absences(connection))
    situations = incidents.lock_situations(connection, environment_ids)
    take_up(connection, hot_for(connection), ledger, situations, dict.fromkeys(situations, now))
    ledger.book.close(situations, now, reason, sentence)
    write_book(connection, ids, now, ledger.book)
    rows.begin_from_zero(connection, environment_ids)
