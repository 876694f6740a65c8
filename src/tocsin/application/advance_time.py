"""Let time pass: judge what is due, in the order in which it fell due, and word what people are to be told.

Every step is a transaction of its own over a slice of what is due, so that check-ins never wait long behind it.
"""

from collections.abc import Callable
from typing import NamedTuple

from tocsin.application import announce
from tocsin.application.event_book import EventBook
from tocsin.application.ledger import Ledger
from tocsin.application.settling import commit_ledger, judge_next, judge_run, write_book
from tocsin.domain import silence
from tocsin.domain.ids import IdMaker
from tocsin.domain.model import Stream
from tocsin.store import incidents, integrations, nodes
from tocsin.store.engine import Connection, Transact
from tocsin.store.hot import HotStore

#: Rows judged in one transaction, which is what a check-in may have to wait for. SQLite: 200 take some 30 ms among
#: 1,000,000 streams strewn over their tables (bench.profile_tick); a ping's p99 is then 134 ms.
SLICE_SQLITE = 200
SLICE_POSTGRES = 1_000
#: Absences this old touch no clock any more: the longest interval is 366 days.
_ABSENCES_KEPT = 400 * 86_400 * 1_000_000


class Step(NamedTuple):
    """What one transaction did. `is_full`: there may be more of the same kind due."""

    judged: int
    is_full: bool


class Tick:
    """Everything that time alone brings about, up to a moment that is the caller's argument."""

    def __init__(self, transact: Transact, hot: HotStore, ids: IdMaker, slice_size: int, public_url: str) -> None:
        self._transact = transact
        self._hot = hot
        self._ids = ids
        self._slice = slice_size
        self._public_url = public_url

    def advance(self, until_at: int, now: int, is_stopping: Callable[[], bool] = lambda: False) -> int:
        """Judge all that is due up to `until_at`; how many rows that were.

        `until_at` is the horizon: no check-in received before it is still on its way to the disk. `is_stopping` is
        asked between slices: what is left then is judged by whoever comes next.
        """
        judged = 0
        for step in (self._judge_streams, self._judge_runs, self._advance_incidents, self._advance_integrations):
            while True:
                if is_stopping():
                    return judged
                done = step(until_at, now)
                judged += done.judged
                if not done.is_full:
                    break
        self._word(until_at, now)
        return judged

    def _judge_streams(self, until_at: int, now: int) -> Step:
        with self._transact() as connection:
            due = self._hot.due_streams(connection, until_at, self._slice)
            if not due:
                return Step(0, is_full=False)
            ledger = self._ledger(connection, until_at, now)
            due.sort(key=lambda d: silence.next_deadline(d.job, d.stream) or 0)
            for row in due:
                judge_next(ledger, row.job, ledger.as_of(row.stream, row.environment), until_at)
            commit_ledger(connection, self._hot, self._ids, now, ledger)
            # What was judged may be due again at once: a stream that is caught up with after we were late.
            return Step(len(due), is_full=True)

    def _judge_runs(self, until_at: int, now: int) -> Step:
        with self._transact() as connection:
            due = self._hot.due_runs(connection, until_at, self._slice)
            if not due:
                return Step(0, is_full=False)
            ledger = self._ledger(connection, until_at, now)
            streams: dict[int, Stream] = {}
            for row in due:
                stream = streams.get(row.stream.id) or ledger.as_of(row.stream, row.environment)
                run = row.run
                if run is not None:
                    stream, changed = judge_run(connection, self._hot, ledger, row.job, stream, run, until_at)
                    ledger.changes.changed_runs.update({one.id: one for one in changed})
                streams[stream.id] = stream
            commit_ledger(connection, self._hot, self._ids, now, ledger)
            return Step(len(due), len(due) == self._slice)

    def _advance_incidents(self, until_at: int, now: int) -> Step:
        with self._transact() as connection:
            due = incidents.due_environments(connection, until_at, self._slice)
            if not due:
                return Step(0, is_full=False)
            ledger = self._ledger(connection, until_at, now)
            ledger.book.open(incidents.lock_situations(connection, due))
            ledger.book.advance(until_at)
            write_book(connection, self._ids, now, ledger.book)
            return Step(len(due), len(due) == self._slice)

    def _advance_integrations(self, until_at: int, now: int) -> Step:
        with self._transact() as connection:
            due = integrations.due_subjects(connection, until_at, self._slice)
            if not due:
                return Step(0, is_full=False)
            book = EventBook(self._ids, now, nodes.all_absences(connection, until_at - _ABSENCES_KEPT))
            book.open(integrations.lock_situations(connection, due))
            book.advance(until_at)
            write_book(connection, self._ids, now, book)
            return Step(len(due), len(due) == self._slice)

    def _word(self, until_at: int, now: int) -> None:
        """All deadlines up to `until_at` are judged: the alerts of those moments can be worded."""
        worded = announce.BATCH
        while worded == announce.BATCH:
            with self._transact() as connection:
                worded = announce.word_alerts(connection, self._ids, now, until_at, self._public_url)

    def _ledger(self, connection: Connection, until_at: int, now: int) -> Ledger:
        return Ledger(self._ids, now, nodes.all_absences(connection, until_at - _ABSENCES_KEPT))
