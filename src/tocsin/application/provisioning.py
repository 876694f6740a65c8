"""Jobs that a check-in makes or changes, in the transaction that records it."""

from collections.abc import Mapping
from typing import Any

from tocsin.application import manage_jobs
from tocsin.application.errors import ErrorCode, Refused
from tocsin.application.terms import Asked, JobWish
from tocsin.domain.ids import IdMaker
from tocsin.domain.model import CheckIn, Job
from tocsin.domain.schedule import Calendar, Crontab
from tocsin.store import jobs
from tocsin.store.engine import Connection
from tocsin.store.hot import JOB_COLUMNS, HotStore, job_of


def grant(
    connection: Connection, hot: HotStore, ids: IdMaker, now: int, asked: Asked, refused: Mapping[int, Refused]
) -> None:
    """Make and change the jobs that the check-ins of the batch want, unless they are as wanted already."""
    wished = [
        (check_in, terms.wish)
        for i, (check_in, terms) in enumerate(asked)
        if terms is not None and terms.wish is not None and i not in refused
    ]
    if not wished:
        return
    found = hot.find(connection, [check_in for check_in, _ in wished])
    for check_in, wish, known in sorted(
        ((c, w, f.job) for (c, w), f in zip(wished, found, strict=True)), key=lambda one: one[0][:2]
    ):
        if known is None:
            _make(connection, ids, now, check_in, wish)
        elif _differs(known, wish.columns):
            _change(connection, ids, now, check_in, _with_zone(known, wish))


def _make(connection: Connection, ids: IdMaker, now: int, check_in: CheckIn, wish: JobWish) -> None:
    """Make the job, or bring the one in line that somebody else has just made."""
    row = {"name": check_in.job_key, **wish.defaults, **wish.columns, "job_key": check_in.job_key}
    if jobs.lock_job(connection, check_in.workspace_id, check_in.job_key) is None:
        try:
            manage_jobs.create_job(connection, ids, now, check_in.workspace_id, row)
        except Refused as refusal:
            if refusal.error_code is not ErrorCode.CONFLICT:
                raise
        else:
            return
    if wish.columns:
        _change(connection, ids, now, check_in, wish.columns)


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
