"""Jobs that a check-in makes or changes, in the transaction that records it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tocsin.application import manage_jobs
from tocsin.application.errors import ErrorCode, Refused
from tocsin.application.terms import Asked, JobWish
from tocsin.domain.ids import IdMaker
from tocsin.domain.model import CheckIn, Job
from tocsin.domain.schedule import Calendar, Crontab
from tocsin.store import jobs
from tocsin.store.engine import Connection
from tocsin.store.hot import JOB_COLUMNS, Found, job_of


class Granted(NamedTuple):
    """Whether there was anything to do, and which check-ins of the batch made their job."""

    has_changed: bool
    made: frozenset[int]


def grant(
    connection: Connection,
    ids: IdMaker,
    now: int,
    asked: Asked,
    refused: Mapping[int, Refused],
    found: Sequence[Found],
) -> Granted:
    """Make and change the jobs that the check-ins of the batch want, unless they are as wanted already. `found`: what
    each concerns."""
    wanted = [
        (check_in, terms.wish, known.job, i)
        for i, ((check_in, terms), known) in enumerate(zip(asked, found, strict=True))
        if terms is not None and terms.wish is not None and i not in refused
    ]
    wanted = [one for one in wanted if one[2] is None or _differs(one[2], one[1].columns)]
    made: set[int] = set()
    # In one order on every node, or two of them could wait for each other.
    for check_in, wish, job, i in sorted(wanted, key=lambda one: one[0][:2]):
        if job is not None:
            _change(connection, ids, now, check_in, _with_zone(job, wish))
        elif _make(connection, ids, now, check_in, wish):
            made.add(i)
    return Granted(bool(wanted), frozenset(made))


def _make(connection: Connection, ids: IdMaker, now: int, check_in: CheckIn, wish: JobWish) -> bool:
    """Make the job, or bring the one in line that somebody else has just made; whether it was us."""
    row = {"name": check_in.job_key, **wish.defaults, **wish.columns, "job_key": check_in.job_key}
    if jobs.lock_job(connection, check_in.workspace_id, check_in.job_key) is None:
        try:
            manage_jobs.create_job(connection, ids, now, check_in.workspace_id, row)
        except Refused as refusal:
            if refusal.error_code is not ErrorCode.CONFLICT:
                raise
        else:
            return True
    if wish.columns:
        _change(connection, ids, now, check_in, wish.columns)
    return False


def _change(connection: Connection, ids: IdMaker, now: int, check_in: CheckIn, columns: Mapping[str, Any]) -> None:
    manage_jobs.change_job(connection, ids, now, check_in.workspace_id, check_in.job_key, dict(columns))


def _with_zone(job: Job, wish: JobWish) -> Mapping[str, Any]:
    """The columns to set; a schedule that takes the place of one without a zone brings the zone of a new job."""
    if "schedule_type" not in wish.columns or isinstance(job.schedule, Crontab | Calendar):
        return wish.columns
    return {"schedule_zone": wish.defaults.get("schedule_zone"), **wish.columns}


def _differs(job: Job, columns: Mapping[str, Any]) -> bool:
    """Whether the job is not as these columns say. Of those that the domain does not know nothing is asked."""
    if not columns:
        return False
    row = {**jobs.columns_of(job), **columns}
    after = job_of([row[name] for name in JOB_COLUMNS])
    # One schedule of five microseconds equals another, as tuples do.
    return after != job or type(after.schedule) is not type(job.schedule)
