"""Runs that are older than their workspace keeps them, and needed by nothing that lives.

Kept in any case: runs in progress; what `domain.history` would need to draw a stream anew (its last success before,
what ended while that went on, all that came after it, and the results in a row that make it well); the failures of
whoever is in an incident that is not closed; and the last run at each place.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, literal, or_, select, tuple_

from tocsin.domain.model import FAILING, IncidentStatus, Outcome
from tocsin.domain.reason import Reason
from tocsin.domain.retention import Retention, boundary
from tocsin.store.among import among
from tocsin.store.details import forget_runs
from tocsin.store.engine import Store
from tocsin.store.retention import Size, Slice, is_free
from tocsin.store.schema import incident_tenants, incidents, job_environments, jobs, places, runs, streams
from tocsin.store.tallies import Progress

#: Runs looked at together, beside the writer.
_PAGE = 1_000
#: Streams of which it is remembered what they need: some 10 MB.
_MOST_REMEMBERED = 100_000
_NO_RESULT = (Outcome.IN_PROGRESS, Outcome.UNKNOWN)


class _Job(NamedTuple):
    id: int
    recovery_threshold: int
    failure_threshold: int | None
    schedule_type: str

    @property
    def row_length(self) -> int:
        """Results in a row that its thresholds look at."""
        return max(self.recovery_threshold, self.failure_threshold or 1)


class _Old(NamedTuple):
    id: int
    stream_id: int
    outcome: str
    at: int


def expired_runs(
    store: Store, workspace_id: int, kept: Retention, now: int, size: Size, counted: Progress
) -> Iterator[Slice]:
    """Each job's runs in the order of time, those of several jobs together in one slice; only `counted` ones."""
    before, failing_before = boundary(kept.run_days, now), boundary(kept.failing_days, now)
    if before is None:
        return
    before = min(before, counted.runs_until_at)
    with store.read() as connection:
        columns = (jobs.c.id, jobs.c.recovery_threshold, jobs.c.failure_threshold, jobs.c.schedule_type)
        query = select(*columns).where(jobs.c.workspace_id == workspace_id).order_by(jobs.c.id)
        known = [_Job(*row) for row in connection.execute(query)]
    gathered: list[int] = []
    for job in known:
        for found in _old_runs(store, job, before, failing_before):
            gathered += found
            while len(gathered) >= (limit := size()):
                yield Slice(runs, sorted(gathered[:limit]), Reason.RUN_EXPIRED)
                gathered = gathered[limit:]
    if gathered:
        yield Slice(runs, sorted(gathered), Reason.RUN_EXPIRED)


def remove_runs(connection: Connection, old: Slice) -> int:
    """Delete a slice with what is kept beside its runs."""
    is_over = is_free(connection, old, runs.c.outcome != Outcome.IN_PROGRESS)
    gone = connection.execute(delete(runs).where(is_over).returning(runs.c.id)).scalars().all()
    forget_runs(connection, lambda run_id: among(connection, run_id, gone))
    return len(gone)


def _old_runs(store: Store, job: _Job, before: int, failing_before: int | None) -> Iterator[list[int]]:
    after: tuple[int, int] = (-1, -1)
    needed = _Needed(job, before)
    while True:
        with store.read() as connection:
            rows = _candidates(connection, job, before, failing_before, after)
            victims = _needless(connection, job, needed, rows) if rows else []
        if victims:
            yield victims
        if len(rows) < _PAGE:
            return
        after = (rows[-1].at, rows[-1].id)


def _candidates(
    connection: Connection, job: _Job, before: int, failing_before: int | None, after: tuple[int, int]
) -> list[_Old]:
    is_failing = runs.c.outcome.in_(FAILING)
    is_due = ~is_failing if failing_before is None else or_(~is_failing, runs.c.at < failing_before)
    query = (
        select(runs.c.id, runs.c.stream_id, runs.c.outcome, runs.c.at)
        .where(runs.c.job_id == job.id, runs.c.at < before, runs.c.at >= after[0])
        .where(
            tuple_(runs.c.at, runs.c.id) > tuple_(*map(literal, after)), runs.c.outcome != Outcome.IN_PROGRESS, is_due
        )
        .order_by(runs.c.at, runs.c.id)
        .limit(_PAGE)
    )
    return [_Old(*row) for row in connection.execute(query).all()]


def _needless(connection: Connection, job: _Job, needed: "_Needed", rows: Sequence[_Old]) -> list[int]:
    since = needed.since(connection, {row.stream_id for row in rows})
    is_shown = _streams_in_incidents(connection, {row.stream_id for row in rows if row.outcome in FAILING})
    last = set(connection.execute(select(places.c.last_run_id).where(places.c.job_id == job.id)).scalars())
    return [
        row.id
        for row in rows
        if row.at < since[row.stream_id]
        and row.id not in last
        and not (row.outcome in FAILING and row.stream_id in is_shown)
    ]


class _Needed:
    """Since when the runs of a job's streams are needed, asked once of each stream: nobody can tell of a time before
    `before` any more, so that nothing of it changes while a pass goes on."""

    def __init__(self, job: _Job, before: int) -> None:
        self._job = job
        self._before = before
        self._known: dict[int, int] = {}

    def since(self, connection: Connection, stream_ids: Collection[int]) -> Mapping[int, int]:
        """Stream → the moment before which none of its runs is needed; 0 where all of them are."""
        if len(self._known) > _MOST_REMEMBERED:
            self._known.clear()
        if unknown := set(stream_ids) - self._known.keys():
            self._known |= dict.fromkeys(unknown, 0)
            self._known |= _needed_since(connection, self._job, self._before, unknown)
        return self._known


def _needed_since(connection: Connection, job: _Job, before: int, stream_ids: Collection[int]) -> dict[int, int]:
    mine = runs.c.stream_id == streams.c.id
    past = runs.c.at < before
    newest = (
        select(runs.c.id).where(mine, past, runs.c.outcome == Outcome.OK).order_by(runs.c.at.desc(), runs.c.id.desc())
    )
    results = select(runs.c.at).where(mine, past, runs.c.outcome.not_in(_NO_RESULT)).order_by(runs.c.at.desc())
    query = select(
        streams.c.id,
        newest.limit(1).correlate(streams).scalar_subquery(),
        results.offset(job.row_length - 1).limit(1).correlate(streams).scalar_subquery(),
    ).where(among(connection, streams.c.id, stream_ids))
    found = [tuple(row) for row in connection.execute(query)]
    if job.schedule_type == "none":  # nothing is expected, so nothing can be missed where rows are gone
        return {stream_id: result_at for stream_id, _, result_at in found if result_at is not None}
    began = _beginnings(connection, [success_id for _, success_id, _ in found if success_id is not None])
    return {
        stream_id: min(began[success_id], result_at)
        for stream_id, success_id, result_at in found
        if success_id in began and result_at is not None
    }


def _beginnings(connection: Connection, run_ids: Collection[int]) -> dict[int, int]:
    columns = (runs.c.id, runs.c.at, runs.c.started_at, runs.c.duration)
    query = select(*columns).where(among(connection, runs.c.id, run_ids))
    began: dict[int, int] = {}
    for run_id, at, started_at, duration in connection.execute(query):
        began[run_id] = min(started_at, at) if started_at is not None else at - (duration or 0)
    return began


def _streams_in_incidents(connection: Connection, stream_ids: Collection[int]) -> set[int]:
    """Those whose tenants are in an incident that is not closed."""
    if not stream_ids:
        return set()
    query: Any = (
        select(streams.c.id)
        .join(job_environments, job_environments.c.id == streams.c.job_environment_id)
        .join(incidents, incidents.c.job_environment_id == job_environments.c.id)
        .join(
            incident_tenants,
            (incident_tenants.c.incident_id == incidents.c.id) & (incident_tenants.c.tenant_id == streams.c.tenant_id),
        )
        .where(among(connection, streams.c.id, stream_ids), incidents.c.status != IncidentStatus.CLOSED)
    )
    return set(connection.execute(query).scalars())
