"""Let time pass: judge what is due, in the order in which it fell due, and word what people are to be told.

Every step is a transaction of its own over a slice of what is due, so that check-ins never wait long behind it.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

from tocsin.application import announce, holding
from tocsin.application.claim import Claim
from tocsin.application.event_book import EventBook
from tocsin.application.judged import take_up
from tocsin.application.ledger import Ledger
from tocsin.application.lives import Lives
from tocsin.application.pace import Pace
from tocsin.application.settling import commit_ledger, judge_next, judge_run, write_book
from tocsin.application.watchers import NOBODY, Watchers
from tocsin.clock import stopwatch
from tocsin.domain import silence
from tocsin.domain.ids import IdMaker
from tocsin.domain.model import SECOND, Run, Stream
from tocsin.domain.routing import Habits
from tocsin.domain.slots import has_slots
from tocsin.store import incidents, integrations, nodes
from tocsin.store.due import first_to_judge, next_moment
from tocsin.store.engine import Connection, Transact
from tocsin.store.hot import Due, HotStore

#: Absences this old touch no clock any more: the longest interval is 366 days.
_ABSENCES_KEPT = 400 * 86_400 * 1_000_000


class Step(NamedTuple):
    """What one transaction did. `is_full`: there may be more of the same kind due."""

    judged: int
    is_full: bool
    #: The workspaces in which something turned.
    turned: frozenset[int] = frozenset()


class Span(NamedTuple):
    """What is judged together: all that is due up to `end_at`, of what is due up to `until_at`."""

    end_at: int
    until_at: int

    def limit(self, due: Due) -> int:
        """Up to when its deadlines may be judged. Who was heard since, and is due later, waits for that second; long
        silence is judged in one step."""
        deadline = silence.next_deadline(due.job, due.stream)
        return self.until_at if deadline is not None and deadline <= self.end_at else self.end_at


class Tick:
    """Everything that time alone brings about, up to a moment that is the caller's argument."""

    def __init__(
        self,
        lanes: Sequence[Transact],
        hot: HotStore,
        ids: IdMaker,
        pace: Pace,
        public_url: str,
        habits: Habits = Habits(),  # noqa: B008 -- a tuple
        watchers: Watchers = NOBODY,
        is_awaited: Callable[[Connection], bool] = lambda _: True,
    ) -> None:
        """`lanes`: who opens transactions; with several, streams are judged by as many threads at once. `is_awaited`:
        whether somebody waits for a transaction to end."""
        self._transact = lanes[0]
        self._lanes = lanes
        self._hot = hot
        self._ids = ids
        self._pace = pace
        self._public_url = public_url
        self._habits = habits
        self._watchers = watchers
        self._is_awaited = is_awaited

    def advance(self, until_at: int, now: int, is_stopping: Callable[[], bool] = lambda: False) -> int:
        """Judge all that is due up to `until_at`; how many rows that were.

        `until_at` is the horizon: no check-in received before it is still on its way to the disk. `is_stopping` is
        asked between slices: what is left then is judged by whoever comes next.
        """
        with self._transact() as connection:
            moment = next_moment(connection)
        if moment is None or moment > until_at:
            return 0
        judged = 0
        while not is_stopping() and (rows := self._judge_a_second(until_at, now, is_stopping)):
            judged += rows
        if not is_stopping():
            self._end_quiets(until_at, now)
            self._word(until_at, now)
            self._remind(until_at, now)
        return judged

    def _judge_a_second(self, until_at: int, now: int, is_stopping: Callable[[], bool]) -> int:
        """Judge what fell due in the earliest second; how many rows that were.

        However late we are, streams, runs and incidents go together, second by second: an incident that recovers before
        a run times out is not the same as one that recovers after it.
        """
        with self._transact() as connection:
            first = first_to_judge(connection)
        end_at = min(min(first) + SECOND, until_at)
        judged = self._judge_streams(Span(end_at, until_at), now, is_stopping) if first.streams <= end_at else 0
        for due_at, step in (
            (first.runs, self._judge_runs),
            (first.incidents, self._advance_incidents),
            (first.incidents, self._advance_integrations),
        ):
            is_full = due_at <= end_at
            while is_full and not is_stopping():
                done = self._paced(self._transact, partial(step, until_at=end_at, now=now))
                judged, is_full = judged + done.judged, done.is_full
        return judged

    def _judge_streams(self, span: Span, now: int, is_stopping: Callable[[], bool]) -> int:
        """Judge what is due within the span, or the earliest of it where that is very much."""
        with self._transact() as connection:
            claim = Claim(self._hot, connection, span.end_at, self._pace.size, len(self._lanes))
        if not claim.earliest:
            return 0

        def work_off(lane: int) -> int:
            judged = 0
            while not is_stopping() and (ids := claim.next_slice(self._pace.size, lane)):
                judged += self._judge_slice(self._lanes[lane], ids, span, now)
            return judged

        judged = self._judge_slice(self._transact, claim.earliest, span, now)
        if len(self._lanes) == 1:
            return judged + work_off(0)
        with ThreadPoolExecutor(len(self._lanes) - 1, "ticker-beside") as pool:
            beside = [pool.submit(work_off, lane) for lane in range(1, len(self._lanes))]
            return judged + work_off(0) + sum(lane.result() for lane in beside)

    def _judge_slice(self, transact: Transact, stream_ids: Sequence[int], span: Span, now: int) -> int:
        def judge(connection: Connection) -> Step:
            due = self._hot.due_streams(connection, stream_ids, span.end_at)
            ledger = self._ledger(connection, span.until_at, now)
            in_progress = self._in_progress(connection, due, 1)
            for row in due:
                stream = ledger.as_of(row.stream, row.environment)
                judge_next(ledger, row.job, stream, span.limit(row), in_progress.get(stream.id, ()))
            commit_ledger(connection, self._hot, self._ids, now, ledger)
            return Step(len(due), is_full=False, turned=ledger.turned())

        return self._paced(transact, judge).judged

    def _paced(self, transact: Transact, work: Callable[[Connection], Step]) -> Step:
        """Do it in a transaction, and learn from how long that took."""
        with transact() as connection:
            held = stopwatch()
            done = work(connection)
            is_awaited = self._is_awaited(connection)
        self._pace.took(done.judged, held(), is_awaited=is_awaited)
        if done.turned:
            self._watchers.turned(done.turned)
        return done

    def _judge_runs(self, connection: Connection, until_at: int, now: int) -> Step:
        due = self._hot.due_runs(connection, until_at, self._pace.size)
        if not due:
            return Step(0, is_full=False)
        ledger = self._ledger(connection, until_at, now)
        streams: dict[int, Stream] = {}
        in_progress = self._in_progress(connection, due, 2)
        for row in due:
            stream = streams.get(row.stream.id) or ledger.as_of(row.stream, row.environment)
            run = row.run
            if run is not None:
                going = in_progress.get(stream.id, ())
                stream, changed = judge_run(connection, self._hot, ledger, row.job, stream, run, until_at, going)
                ledger.changes.changed_runs.update({one.id: one for one in changed})
            streams[stream.id] = stream
        commit_ledger(connection, self._hot, self._ids, now, ledger)
        return Step(len(due), len(due) == self._pace.size, ledger.turned())

    def _in_progress(self, connection: Connection, due: Sequence[Due], least: int) -> dict[int, list[Run]]:
        """The runs in progress of the streams with slots that have at least so many: they decide what a slot means."""
        wanted = [row.stream.id for row in due if row.stream.open_runs >= least and has_slots(row.job)]
        found: dict[int, list[Run]] = {}
        for run in self._hot.open_runs(connection, wanted) if wanted else ():
            found.setdefault(run.stream_id, []).append(run)
        return found

    def _advance_incidents(self, connection: Connection, until_at: int, now: int) -> Step:
        due = incidents.due_environments(connection, until_at, self._pace.size)
        if not due:
            return Step(0, is_full=False)
        ledger = self._ledger(connection, until_at, now)
        situations = incidents.lock_situations(connection, due)
        take_up(connection, self._hot, ledger, situations, dict.fromkeys(situations, until_at))
        ledger.book.advance(until_at)
        write_book(connection, self._ids, now, ledger.book)
        advanced = len(ledger.book.changed_incidents)
        return Step(advanced, advanced > 0 and len(due) == self._pace.size, _moved(ledger.book))

    def _advance_integrations(self, connection: Connection, until_at: int, now: int) -> Step:
        due = integrations.due_subjects(connection, until_at, self._pace.size)
        if not due:
            return Step(0, is_full=False)
        book = EventBook(self._ids, now, nodes.all_absences(connection, until_at - _ABSENCES_KEPT))
        book.open(integrations.lock_situations(connection, due))
        book.advance(until_at)
        write_book(connection, self._ids, now, book)
        return Step(len(due), len(due) == self._pace.size, _moved(book))

    def _end_quiets(self, until_at: int, now: int) -> None:
        """Windows come again, and what was held while it was quiet is told."""
        is_full = True
        while is_full:
            with self._transact() as connection:
                is_full = holding.end_quiets(connection, self._ids, now, until_at)

    def _word(self, until_at: int, now: int) -> None:
        """All deadlines up to `until_at` are judged: the alerts of those moments can be worded."""
        worded = announce.BATCH
        while worded == announce.BATCH:
            with self._transact() as connection:
                worded = announce.word_alerts(connection, self._ids, now, until_at, self._public_url, self._habits)

    def _remind(self, until_at: int, now: int) -> None:
        """Tell again of what is still open."""
        reminded = announce.BATCH
        while reminded == announce.BATCH:
            with self._transact() as connection:
                reminded = announce.send_reminders(connection, self._ids, now, until_at, self._public_url, self._habits)

    def _ledger(self, connection: Connection, until_at: int, now: int) -> Ledger:
        return Ledger(self._ids, now, nodes.all_absences(connection, until_at - _ABSENCES_KEPT))


def _moved(book: Lives[Any]) -> frozenset[int]:
    """The workspaces whose incidents changed."""
    return frozenset(workspace_id for workspace_id, _ in book.transitions)
