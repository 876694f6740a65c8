"""The working set of one transaction: what was loaded, what was decided, and what is to be written.

Streams are decided first, one by one, in memory. What that means for incidents is settled after: each turn for better
or worse of a stream is played, in order, against its job environment, which is locked only if there is such a turn.
"""

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter

from tocsin.application.incident_book import IncidentBook, Turn
from tocsin.domain import threshold
from tocsin.domain.ids import IdMaker
from tocsin.domain.model import Absence, Job, JobEnvironment, Outcome, Run, Stream
from tocsin.domain.tally import SETTLED_AFTER, Fold, Stale
from tocsin.store.hot import Changes

_workspace_of, _workspace_of_run = attrgetter("job.workspace_id"), attrgetter("workspace_id")


class Ledger:
    """Collects decisions about streams; `settle` plays their turns in the incident book."""

    def __init__(self, ids: IdMaker, now: int, absences: Sequence[Absence] = (), horizon: int | None = None) -> None:
        """`horizon`: no deadline after it may be judged (None: this node alone commits check-ins)."""
        self.changes = Changes()
        self.absences = absences
        self.horizon = horizon
        self.turns: list[Turn] = []
        self.book = IncidentBook(ids, now, absences)
        self.folds: list[Fold] = []
        self.stale: list[Stale] = []
        self._ids = ids
        self._now = now
        self._loaded: dict[int, Stream] = {}

    def new_id(self) -> int:
        return self._ids.new(self._now)

    # --- streams --------------------------------------------------------------------------------------------------

    def keep(
        self, job: Job, before: Stream, after: Stream, moment: int, *, missed: int = 0, may_open: bool = True
    ) -> Stream:
        """Take over a decided stream, assessed: it is written, and if it turned, incidents hear of it."""
        after = threshold.assess(job, before, after)
        self._write_stream(before, after)
        watched = after.is_watched - before.is_watched
        if watched:
            self.book.count(after.job_environment_id, watched, 0, 0)
        if missed or before.is_affected or after.is_affected or threshold.counts_for_impact(job, before):
            self.turns.append(Turn(job, before, after, moment, missed, may_open))
        return after

    def as_of(self, stream: Stream, environment: JobEnvironment) -> Stream:
        """A stream just loaded, as its environment's epoch has it; that it was otherwise is to be written with it."""
        self._loaded.setdefault(stream.id, stream)
        return threshold.current(stream, environment)

    def rearm(self, before: Stream, after: Stream) -> None:
        """Take over a stream of which nothing but its `check_at` changed."""
        if after.check_at != before.check_at:
            self._write_stream(before, after)

    def fold(self, run_id: int, times: int) -> None:
        """Add misses to the silent row that counts all that follow."""
        changes = self.changes
        if run_id in changes.new_runs:
            run = changes.new_runs[run_id]
            changes.new_runs[run_id] = run._replace(missed_count=run.missed_count + times)
        else:
            changes.folds[run_id] = changes.folds.get(run_id, 0) + times

    def flush(self, write: Callable[[Changes], None]) -> None:
        """Write what is decided so far, because the database is about to be asked about it."""
        self.note_late_runs()
        write(self.changes)
        self._loaded.update(self.changes.streams())
        self.changes = Changes()

    # --- for the tallier (`application.tally`) --------------------------------------------------------------------

    def note_late_runs(self) -> None:
        """Of the runs to be written, those that the tallier may have passed already."""
        settled = self._now - SETTLED_AFTER
        for runs in (self.changes.new_runs, self.changes.changed_runs):
            self.stale += [_stale(r) for r in runs.values() if r.at < settled and r.outcome != Outcome.IN_PROGRESS]

    def note_past(self, runs: Iterable[Run]) -> None:
        """These are changed or removed, and may be in a tally as they were."""
        self.stale += [_stale(run) for run in runs if run.outcome != Outcome.IN_PROGRESS]

    # --- streams again --------------------------------------------------------------------------------------------

    def add_stream(self, stream: Stream) -> None:
        self.changes.new_streams[stream.id] = stream
        self.book.count(stream.job_environment_id, 1, 0, 0)

    def watch(self, before: Stream, after: Stream) -> None:
        """The stream is watched again. Whatever it was before, nothing has happened that would make it affected."""
        self._write_stream(before, after)
        self.book.count(after.job_environment_id, 1, 0, 0)

    def leave(self, job: Job, stream: Stream) -> None:
        """The stream is watched no more; what was counted for it is counted no more."""
        after = stream._replace(is_watched=False, is_affected=False, check_at=None)
        self._write_stream(stream, after)
        self.book.count(
            stream.job_environment_id, -1, -threshold.counts_for_impact(job, stream), -int(stream.is_affected)
        )

    def _write_stream(self, before: Stream, after: Stream) -> None:
        self.changes.put(self._loaded.setdefault(after.id, before), after)

    def turned(self) -> frozenset[int]:
        """The workspaces in which more happened than that somebody was heard."""
        return frozenset(map(_workspace_of_run, self.changes.new_runs.values())).union(map(_workspace_of, self.turns))

    def environments_to_lock(self) -> dict[int, int]:
        """Those with turns, each with the moment of its last."""
        last: dict[int, int] = {}
        for turn in self.turns:
            key = turn.after.job_environment_id
            last[key] = max(last.get(key, turn.moment), turn.moment)
        return last

    def settle(self) -> None:
        """Play every turn against its environment, in the order in which they happened: of two check-ins, the later may
        have found a deadline that had passed before the earlier came."""
        for turn in sorted(self.turns, key=attrgetter("moment")):
            self.book.play(turn)


def _stale(run: Run) -> Stale:
    return Stale(run.workspace_id, run.job_id, run.stream_id, run.at)
