"""Counts as they are now: the tallies, and what ended since the tallier was there. Read only."""

from collections.abc import Callable, Collection, Iterable
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, func, select

from tocsin.domain import sketch
from tocsin.domain.days import Days
from tocsin.domain.sketch import Sketch
from tocsin.domain.tally import OUTCOMES, EventFact, Fact, Tally
from tocsin.store import raw, tallies
from tocsin.store.intakes import MINUTE
from tocsin.store.schema import failures, intake, job_days, tenant_days, workspaces
from tocsin.store.tallies import Progress, Span

T = TypeVar("T")
#: Later than anything.
_EVER = 1 << 62
#: A look that the tallier came across is repeated; it comes once a minute.
_LOOKS = 5

_FAILED_SQLITE = """
SELECT r.workspace_id, r.job_id, 0, r.at, r.outcome, NULL FROM jobs AS j
CROSS JOIN runs AS r ON r.job_id = j.id AND r.at >= ?2
WHERE j.workspace_id = ?1 AND r.outcome IN ('error', 'timeout', 'missed')
"""
_FAILED_POSTGRES = """
SELECT r.workspace_id, r.job_id, 0, r.at, r.outcome, NULL FROM jobs AS j
JOIN LATERAL (SELECT * FROM runs WHERE job_id = j.id AND at >= %s OFFSET 0) AS r ON true
WHERE j.workspace_id = %s AND r.outcome IN ('error', 'timeout', 'missed')
"""
_EVENTS = "SELECT workspace_id, coalesce(pattern_id, ''), occurred_at FROM events WHERE workspace_id = {} AND id > {}"


class Outcomes(NamedTuple):
    """Runs by outcome; `missed` with all those of a long silence."""

    ok: int = 0
    error: int = 0
    timeout: int = 0
    missed: int = 0
    unknown: int = 0

    @property
    def runs(self) -> int:
        return sum(self)

    @property
    def failed(self) -> int:
        return self.error + self.timeout + self.missed

    @property
    def success_rate(self) -> float | None:
        """Of those that were judged, how many went well: 0 to 1. What is `unknown` says nothing."""
        judged = self.ok + self.failed
        return None if judged == 0 else self.ok / judged


class DayOfJob(NamedTuple):
    """`durations`: of the runs that went well."""

    outcomes: Outcomes
    durations: Sketch


class Failed(NamedTuple):
    """Of a job, or of a pattern (empty: events that none matched); the other is 0 or empty."""

    job_id: int
    pattern_id: str


def calendar_of(connection: Connection, workspace_id: int) -> tuple[str, Days]:
    """The workspace's time zone, and its days."""
    zone = connection.execute(select(workspaces.c.timezone).where(workspaces.c.id == workspace_id)).scalar_one()
    return zone, Days(zone)


def total(all_outcomes: Iterable[Outcomes]) -> Outcomes:
    return Outcomes(*map(sum, zip(*all_outcomes, strict=True)))


def days_of_job(connection: Connection, workspace_id: int, job_id: int, days: range) -> dict[int, DayOfJob]:
    """By number of the day; days without any run are left out."""
    calendar = calendar_of(connection, workspace_id)[1]

    def look(progress: Progress) -> dict[int, DayOfJob]:
        tail = Tally(lambda _: calendar)
        for fact in tallies.runs_of_jobs(connection, [Span(job_id, progress.runs_until_at, _EVER)]):
            tail.add_to_job(fact)
        for fold in tallies.pending_folds(connection, workspace_id):
            tail.add_fold(fold)
        found = {day: (one.outcomes, one.durations) for (job, day), one in tail.jobs.items() if job == job_id}
        mine = (job_days.c.workspace_id == workspace_id) & (job_days.c.job_id == job_id) & _within(job_days.c.day, days)
        for row in connection.execute(select(job_days.c.day, *_columns(job_days), job_days.c.durations).where(mine)):
            counts, durations = found.get(row.day, ([0] * len(OUTCOMES), Sketch()))
            summed = [a + b for a, b in zip(counts, row[1:-1], strict=True)]
            found[row.day] = summed, Sketch(durations + sketch.read(row.durations))
        return {day: DayOfJob(_outcomes(one), some) for day, (one, some) in found.items() if day in days and any(one)}

    return _settled(connection, look)


def days_of_tenants(
    connection: Connection, workspace_id: int, tenant_ids: Collection[int], days: range
) -> dict[int, dict[int, Outcomes]]:
    """By tenant and number of the day; days without any run are left out."""
    calendar = calendar_of(connection, workspace_id)[1]

    def look(progress: Progress) -> dict[int, dict[int, Outcomes]]:
        told: dict[int, dict[int, Outcomes]] = {tenant_id: {} for tenant_id in tenant_ids}
        tail = Tally(lambda _: calendar)
        for fact in tallies.runs_of_tenants(connection, [Span(t, progress.runs_until_at, _EVER) for t in tenant_ids]):
            tail.add_to_tenant(fact)
        for fold in tallies.pending_folds(connection, workspace_id):
            tail.add_fold(fold)
        found = {key: one.outcomes for key, one in tail.tenants.items() if key[0] in told}
        table = tenant_days.c
        mine = (table.workspace_id == workspace_id) & table.tenant_id.in_(tenant_ids) & _within(table.day, days)
        kept_days = select(table.tenant_id, table.day, *_columns(tenant_days)).where(mine)
        for tenant_id, day, *kept in connection.execute(kept_days).all():
            counts = found.get((tenant_id, day), [0] * len(OUTCOMES))
            found[tenant_id, day] = [a + b for a, b in zip(counts, kept, strict=True)]
        for (tenant_id, day), counts in found.items():
            if day in days and any(counts):
                told[tenant_id][day] = _outcomes(counts)
        return told

    return _settled(connection, look)


def failures_of(connection: Connection, workspace_id: int, bucket: str, starts: range) -> dict[Failed, dict[int, int]]:
    """What failed in each hour or day (`bucket`), by number; those in which nothing did are left out."""
    calendar = calendar_of(connection, workspace_id)[1]

    def look(progress: Progress) -> dict[Failed, dict[int, int]]:
        tail = Tally(lambda _: calendar)
        for fact in _failed_since(connection, workspace_id, progress.runs_until_at):
            tail.add_to_job(fact)
            tail.add_to_hour(fact)
        for fold in tallies.pending_folds(connection, workspace_id):
            tail.add_fold(fold)
        tail.add_events(_events_after(connection, workspace_id, progress.events_until_id))
        rows = [
            (key.job_id, key.pattern_id, key.start, sum(counts))
            for key, counts in tail.failures.items()
            if key.bucket == bucket and key.start in starts
        ]
        table = failures.c
        mine = (table.workspace_id == workspace_id) & (table.bucket == bucket) & _within(table.start, starts)
        kept = select(table.job_id, table.pattern_id, table.start, table.times + table.folded).where(mine)
        return _gathered([*rows, *map(tuple, connection.execute(kept))])

    return _settled(connection, look)


def check_ins_of_days(connection: Connection, workspace_id: int, days: range) -> int:
    """Check-ins that were committed on these days."""
    calendar, table = calendar_of(connection, workspace_id)[1], intake.c
    past = (table.bucket == "day") & _within(table.start, days)
    of_late = (table.bucket == "minute") & (table.start >= calendar.start(days.start) // MINUTE)
    query = select(func.coalesce(func.sum(table.check_ins), 0)).where(table.workspace_id == workspace_id)
    return int(connection.execute(query.where(past | of_late)).scalar_one())


def _settled(connection: Connection, look: Callable[[Progress], T]) -> T:
    """What `look` gives while the tallier stands still: between two statements of one look it may have moved on."""
    for _ in range(_LOOKS):
        progress = tallies.progress(connection)
        found = look(progress)
        if tallies.progress(connection) == progress:
            break
    return found


def _within(column: Any, numbers: range) -> Any:
    return column.between(numbers.start, numbers.stop - 1)


def _columns(table: Any) -> list[Any]:
    return [table.c[name] for name in OUTCOMES]


def _outcomes(counts: Collection[int]) -> Outcomes:
    ok, error, timeout, missed, unknown, folded = counts
    return Outcomes(ok, error, timeout, missed + folded, unknown)


def _gathered(rows: Iterable[tuple[Any, ...]]) -> dict[Failed, dict[int, int]]:
    found: dict[tuple[int, str], dict[int, int]] = {}
    for job_id, pattern_id, start, times in rows:
        if times:
            of_one = found.setdefault((job_id, pattern_id), {})
            of_one[start] = of_one.get(start, 0) + times
    return {Failed(*key): counts for key, counts in found.items()}


def _failed_since(connection: Connection, workspace_id: int, since_at: int) -> list[Fact]:
    if raw.is_sqlite(connection):
        rows = raw.select(connection, _FAILED_SQLITE, "", workspace_id, since_at)
    else:
        rows = raw.select(connection, "", _FAILED_POSTGRES, since_at, workspace_id)
    return list(map(Fact._make, rows))


def _events_after(connection: Connection, workspace_id: int, after_id: int) -> list[EventFact]:
    sqlite, postgres = (_EVENTS.format(mark, mark) for mark in ("?", "%s"))
    return list(map(EventFact._make, raw.select(connection, sqlite, postgres, workspace_id, after_id)))
