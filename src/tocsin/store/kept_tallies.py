"""How counts are kept. One tallier at a time writes them: `store.tallies.advance` sees to that."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, update

from tocsin.domain import sketch
from tocsin.domain.sketch import Sketch
from tocsin.domain.tally import OUTCOMES, FailureKey, JobDay, Tally
from tocsin.store import raw
from tocsin.store.schema import failures, job_days

_JobDays = dict[tuple[int, int], JobDay]

_COUNTED = OUTCOMES[:-1]
_JOB_DAY = ("job_id", "day", "workspace_id", *OUTCOMES, "durations")
_TENANT_DAY = ("tenant_id", "day", "workspace_id", *OUTCOMES)
_FAILURE = (*FailureKey._fields, "times", "folded")


def _on_conflict(key: Iterable[str], setting: Iterable[str], adding_to: str = "") -> str:
    added = f"{adding_to}.{{0}} + excluded.{{0}}" if adding_to else "excluded.{0}"
    return f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET " + ", ".join(f"{n} = {added.format(n)}" for n in setting)


_WRITE_JOBS = _on_conflict(("job_id", "day"), (*OUTCOMES, "durations"))
_ADD_TENANTS = _on_conflict(("tenant_id", "day"), OUTCOMES, "tenant_days")
_REPLACE_TENANTS = _on_conflict(("tenant_id", "day"), _COUNTED)
_ADD_FAILURES = _on_conflict(FailureKey._fields, ("times", "folded"), "failures")
_REPLACE_FAILURES = _on_conflict(FailureKey._fields, ("times",))

_KEPT = """
SELECT d.job_id, d.day, d.workspace_id, d.durations, d.ok, d.error, d.timeout, d.missed, d.unknown, d.folded
FROM v JOIN job_days AS d ON d.job_id = v.c0 AND d.day = v.c1
"""


class Recounted(NamedTuple):
    """A day of a job that was counted anew, and with it every hour from `first_hour` until before `end_hour`."""

    workspace_id: int
    job_id: int
    day: int
    first_hour: int
    end_hour: int


def add(connection: Connection, tally: Tally) -> None:
    """Add a tally to what is there."""
    kept = _kept(connection, tally.jobs)
    _write_jobs(connection, {key: _sum(one, kept.get(key)) for key, one in tally.jobs.items()})
    _write_others(connection, tally, _ADD_TENANTS, _ADD_FAILURES)


def replace(connection: Connection, tally: Tally, recounted: Collection[Recounted]) -> None:
    """Put a tally in the place of what is there. Folded misses, which it does not know, stay as they are."""
    kept = _kept(connection, tally.jobs)
    _write_jobs(connection, {key: _with_folded(one, kept.get(key)) for key, one in tally.jobs.items()})
    _clear_failures(connection, recounted)
    _write_others(connection, tally, _REPLACE_TENANTS, _REPLACE_FAILURES)


def forget_job(connection: Connection, job_id: int) -> None:
    connection.execute(delete(job_days).where(job_days.c.job_id == job_id))


def forget_hours(connection: Connection, before: int) -> None:
    """Failures by the hour are kept for as long as they can be asked for."""
    connection.execute(delete(failures).where(failures.c.bucket == "hour", failures.c.start < before))


def _kept(connection: Connection, keys: Iterable[tuple[int, int]]) -> _JobDays:
    rows = raw.for_each(connection, _KEPT, 2, list(keys))
    return {(job, day): JobDay(owner, list(counts), sketch.read(text)) for job, day, owner, text, *counts in rows}


def _sum(one: JobDay, other: JobDay | None) -> JobDay:
    if other is None:
        return one
    outcomes = [a + b for a, b in zip(one.outcomes, other.outcomes, strict=True)]
    return JobDay(one.workspace_id, outcomes, Sketch(one.durations + other.durations))


def _with_folded(one: JobDay, other: JobDay | None) -> JobDay:
    return one if other is None else one._replace(outcomes=[*one.outcomes[:-1], other.outcomes[-1]])


def _write_jobs(connection: Connection, days: _JobDays) -> None:
    rows = [(*key, one.workspace_id, *one.outcomes, sketch.written(one.durations)) for key, one in days.items()]
    raw.insert(connection, "job_days", _JOB_DAY, rows, _WRITE_JOBS)


def _write_others(connection: Connection, tally: Tally, on_tenants: str, on_failures: str) -> None:
    tenants = [(*key, one.workspace_id, *one.outcomes) for key, one in tally.tenants.items()]
    raw.insert(connection, "tenant_days", _TENANT_DAY, tenants, on_tenants)
    failed = [(*key, *counts) for key, counts in tally.failures.items()]
    raw.insert(connection, "failures", _FAILURE, failed, on_failures)


def _clear_failures(connection: Connection, recounted: Collection[Recounted]) -> None:
    if not recounted:
        return
    table = failures.c
    mine = (table.workspace_id == bindparam("workspace")) & (table.job_id == bindparam("job"))
    of_day = (table.bucket == "day") & (table.start == bindparam("day"))
    of_hours = (table.bucket == "hour") & (table.start >= bindparam("first")) & (table.start < bindparam("end"))
    asked = [
        {"workspace": one.workspace_id, "job": one.job_id, "first": one.first_hour, "end": one.end_hour, "day": one.day}
        for one in recounted
    ]
    connection.execute(update(failures).where(mine, of_day).values(times=0), asked)
    connection.execute(update(failures).where(mine, of_hours).values(times=0), asked)
