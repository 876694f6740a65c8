"""Counts what has ended: runs by job, tenant and day, failures by hour, events by pattern. See decision 17.

The recorder and the tick count nothing. The tallier follows them at a distance, reads each run once, after it has
ended, and adds it up. Whoever changes a run that ended longer ago says so (`domain.tally.Notes`), and the days
concerned are counted anew. So a tally is what a count of the rows gives, and stays when the rows are pruned.
"""

from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from tocsin.domain.days import HOUR, Days, hour_of
from tocsin.domain.retention import DAY, LEAST_RUN_DAYS
from tocsin.domain.tally import LAG, Fact, Notes, Stale, Tally
from tocsin.store import intakes, kept_tallies, tallies
from tocsin.store.engine import Connection, Store
from tocsin.store.kept_tallies import Recounted
from tocsin.store.tallies import Progress, Span

#: Runs that are counted in one transaction, roughly: the writer is held for some 30 ms then.
_MANY = 10_000
_LONGEST, _SHORTEST = 24 * HOUR, 10_000_000
_NOTES = 200
#: A day that began longer ago is not counted anew: some of its runs may have been pruned since. Check-ins tell of seven
#: days at most; only folds reach back further, and they are added.
_RECOUNTED = LEAST_RUN_DAYS * DAY
_HOURS_KEPT = 40 * 24


class _Stretch(NamedTuple):
    """What one transaction counts: runs that ended in between, events, and what notes say."""

    before: Progress
    after: Progress
    added: Tally
    replaced: Tally
    recounted: list[Recounted]
    note_ids: list[int]
    is_last: bool
    runs: int


class Tallier:
    """Brings the tallies up to what has happened. Any number of nodes may try: one of them is let."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._span = HOUR

    def advance(self, horizon: int, is_stopping: Callable[[], bool] = lambda: False) -> int:
        """Count all that is settled at `horizon`, up to which every check-in is committed; how many runs that were."""
        until_at, counted, is_last = horizon - LAG, 0, False
        while not is_last and not is_stopping():
            with self._store.read() as connection:
                stretch = self._next(connection, until_at)
            if stretch is None or not self._keep(stretch, horizon):
                break
            self._learn(stretch.runs)
            counted, is_last = counted + stretch.runs, stretch.is_last
        return counted

    def _next(self, connection: Connection, until_at: int) -> _Stretch | None:
        before = tallies.progress(connection)
        if until_at < before.runs_until_at:
            return None
        days_of = _calendar(connection)
        # Notes first: what is changed while we count has its note read next time, and is counted anew then.
        note_ids, notes = tallies.notes(connection, _NOTES)
        until_at, wanted = min(until_at, before.runs_until_at + self._span), until_at
        facts = tallies.runs_between(connection, before.runs_until_at, until_at)
        events, last_id = tallies.events_after(connection, before.events_until_id, wanted, _MANY)
        added, recount = Tally(days_of), _Recount(days_of, until_at)
        recount.count(connection, _stale(notes, days_of, until_at))
        recount.add_others(added, facts)
        added.add_events(events)
        for fold in (fold for one in notes for fold in one.folds):
            added.add_fold(fold)
        is_last = until_at == wanted and len(note_ids) < _NOTES and len(events) < _MANY
        after = Progress(until_at, last_id)
        return _Stretch(before, after, added, recount.tally, recount.jobs, note_ids, is_last, len(facts))

    def _keep(self, stretch: _Stretch, now: int) -> bool:
        """Whether nobody else had counted it meanwhile."""
        with self._store.write() as connection:
            if not tallies.advance(connection, stretch.before, stretch.after):
                return False
            kept_tallies.replace(connection, stretch.replaced, stretch.recounted)
            kept_tallies.add(connection, stretch.added)
            tallies.forget_notes(connection, stretch.note_ids)
            if stretch.before.runs_until_at // HOUR != stretch.after.runs_until_at // HOUR:
                kept_tallies.forget_hours(connection, hour_of(now) - _HOURS_KEPT)
                intakes.fold_minutes(connection, now, _calendar(connection))
        return True

    def _learn(self, runs: int) -> None:
        """Take on more time at once while there is little in it."""
        if runs > _MANY:
            self._span = max(self._span // 2, _SHORTEST)
        elif runs < _MANY // 4:
            self._span = min(self._span * 2, _LONGEST)


def _calendar(connection: Connection) -> Callable[[int], Days]:
    """The days of each workspace, as its zone has them now."""
    zones = tallies.zones(connection)
    known: dict[int, Days] = {}

    def days_of(workspace_id: int) -> Days:
        if workspace_id not in known:
            known[workspace_id] = Days(zones.get(workspace_id, "UTC"))
        return known[workspace_id]

    return days_of


def _stale(notes: Iterable[Notes], days_of: Callable[[int], Days], until_at: int) -> set[Stale]:
    """What is to be counted anew, of what is counted already."""

    def began_at(one: Stale) -> int:
        days = days_of(one.workspace_id)
        return days.start(days.of(one.at))

    stale = {one for some in notes for one in some.stale if one.at < until_at}
    return {one for one in stale if began_at(one) >= until_at - _RECOUNTED}


class _Recount:
    """Days of jobs and tenants that are counted anew, each up to the end of what is counted."""

    def __init__(self, days_of: Callable[[int], Days], until_at: int) -> None:
        self.tally = Tally(days_of)
        self.jobs: list[Recounted] = []
        self._hours: set[tuple[int, int]] = set()
        self._days_of = days_of
        self._until_at = until_at

    def count(self, connection: Connection, stale: Collection[Stale]) -> None:
        if stale:
            self._count_jobs(connection, {(one.workspace_id, one.job_id, self._day(one)) for one in stale})
            owners = tallies.tenants_of_streams(connection, {one.stream_id for one in stale})
            known = [one for one in stale if one.stream_id in owners]
            self._count_tenants(
                connection, {(one.workspace_id, owners[one.stream_id], self._day(one)) for one in known}
            )

    def add_others(self, added: Tally, facts: Iterable[Fact]) -> None:
        """Add what is not in what was counted anew just now."""
        for fact in facts:
            if added.job_key(fact) not in self.tally.jobs:
                added.add_to_job(fact)
            if (fact.job_id, hour_of(fact.at)) not in self._hours:
                added.add_to_hour(fact)
            if added.tenant_key(fact) not in self.tally.tenants:
                added.add_to_tenant(fact)

    def _count_jobs(self, connection: Connection, days: Iterable[tuple[int, int, int]]) -> None:
        """With every hour that lies in the day, if only in part."""
        for workspace_id, job_id, day in sorted(days):
            start, end = self._bounds(workspace_id, day)
            one = Recounted(workspace_id, job_id, day, start // HOUR, -(-end // HOUR))
            self.jobs.append(one)
            self.tally.job(workspace_id, job_id, day)
            self._hours |= {(job_id, hour) for hour in range(one.first_hour, one.end_hour)}
        spans = {
            Span(one.job_id, hour * HOUR, min((hour + 1) * HOUR, self._until_at))
            for one in self.jobs
            for hour in range(one.first_hour, one.end_hour)
        }
        for fact in tallies.runs_of_jobs(connection, spans):
            self.tally.add_to_hour(fact)
            if self.tally.job_key(fact) in self.tally.jobs:
                self.tally.add_to_job(fact)

    def _count_tenants(self, connection: Connection, days: Iterable[tuple[int, int, int]]) -> None:
        spans = []
        for workspace_id, tenant_id, day in days:
            start, end = self._bounds(workspace_id, day)
            self.tally.tenant(workspace_id, tenant_id, day)
            spans.append(Span(tenant_id, start, min(end, self._until_at)))
        for fact in tallies.runs_of_tenants(connection, spans):
            self.tally.add_to_tenant(fact)

    def _day(self, one: Stale) -> int:
        return self._days_of(one.workspace_id).of(one.at)

    def _bounds(self, workspace_id: int, day: int) -> tuple[int, int]:
        days = self._days_of(workspace_id)
        return days.start(day), days.start(day + 1)
