"""What the recorder and the tick share: judging the deadlines of a stream, and writing a ledger down."""

from collections.abc import Sequence
from typing import Any

import structlog

from tocsin.application.joining import tell_their_channels
from tocsin.application.judged import take_up
from tocsin.application.ledger import Ledger
from tocsin.application.lives import Lives
from tocsin.domain import folding, history, silence, slots
from tocsin.domain.ids import IdMaker, to_uuid
from tocsin.domain.model import IncidentStatus, Job, Membership, Run, Stream
from tocsin.domain.reason import Reason
from tocsin.domain.verdict import Verdict
from tocsin.store import commit_counts, holds, incidents, raw, tallies
from tocsin.store.engine import Connection
from tocsin.store.hot import HotStore
from tocsin.store.incidents import Situation
from tocsin.wire_time import iso

log = structlog.get_logger(__name__)


def judge_passed(ledger: Ledger, job: Job, stream: Stream, until_at: int, in_progress: Sequence[Run]) -> Stream:
    """Judge every deadline of the stream up to `until_at`, in order. `in_progress`: its runs in progress."""
    while True:
        deadline = silence.next_deadline(job, stream)
        if deadline is None or deadline > until_at:
            return stream
        stream = judge_next(ledger, job, stream, until_at, in_progress)[1]


def judge_next(
    ledger: Ledger, job: Job, stream: Stream, until_at: int, in_progress: Sequence[Run] = ()
) -> tuple[Verdict, Stream]:
    """Judge the next deadline, if it has come, and keep what follows."""
    deadline = silence.next_deadline(job, stream)
    verdict = silence.judge(job, stream, ledger.absences, until_at, ledger.new_id(), in_progress)
    if verdict.run is not None:
        ledger.changes.new_runs[verdict.run.id] = verdict.run
    elif verdict.folded and verdict.stream.silence_run_id is not None:
        ledger.fold(verdict.stream.silence_run_id, verdict.folded)
        if verdict.reason is Reason.MISSED:
            ledger.folds.append(folding.folded(job, stream, deadline or 0, verdict.folded))
    if verdict.reason is Reason.NOT_DUE:
        ledger.rearm(stream, verdict.stream)
        return verdict, verdict.stream
    return verdict, ledger.keep(job, stream, verdict.stream, deadline or 0, missed=verdict.missed)


def judge_run(
    connection: Connection,
    hot: HotStore,
    ledger: Ledger,
    job: Job,
    stream: Stream,
    run: Run,
    until_at: int,
    in_progress: Sequence[Run] = (),
) -> tuple[Stream, list[Run]]:
    """Judge a run in progress: its stream afterwards, and the runs that changed, itself last. `in_progress`: all of the
    stream's, where its schedule has slots."""
    verdict = silence.judge_run(job, stream, run, ledger.absences, until_at, in_progress)
    judged = verdict.run or run
    if verdict.reason is Reason.NOT_DUE:
        return stream, [] if judged == run else [judged]
    after, changed, is_news = verdict.stream, [judged], True
    if verdict.is_late:
        after, changed = draw_anew(connection, hot, ledger, job, after, judged, run, until_at)
        is_news = judged.at >= (after.last_result_at or 0)
    return ledger.keep(job, stream, after, judged.at, missed=verdict.missed, may_open=is_news), changed


def draw_anew(
    connection: Connection,
    hot: HotStore,
    ledger: Ledger,
    job: Job,
    stream: Stream,
    run: Run,
    known: Run | None,
    until_at: int,
) -> tuple[Stream, list[Run]]:
    """The stream drawn anew with `run` in it (`known`: as it was), and the reported runs that changed, itself last."""
    ledger.flush(lambda changes: hot.write(connection, changes))
    told = [one for one in (run, known) if one is not None]
    since = max(min(min(one.at, one.began_at) for one in told), min(until_at - history.REACH, run.at))
    until = max(history.tells_until(job, stream, one) for one in told)
    stretch = hot.stretch(connection, stream.id, since, until, job.recovery_threshold)
    in_progress: list[Run] = []
    if slots.has_slots(job) and stream.open_runs:
        in_progress = hot.open_runs(connection, [stream.id])
    drawn = history.redraw(job, stream, stretch, run, ledger.absences, until_at, ledger.new_id, in_progress)
    ledger.changes.new_runs.update({row.id: row for row in drawn.written})
    ledger.changes.removed_runs += drawn.removed
    gone = [row for row in stretch.runs if row.id in drawn.removed]
    ledger.note_past([*gone, *filter(None, [known])])
    ledger.folds += folding.redrawn(job, stream, gone, drawn.written)
    others = [other for other in drawn.moved if other.id != run.id]
    return drawn.stream, [*others, next((moved for moved in drawn.moved if moved.id == run.id), run)]


def commit_ledger(connection: Connection, hot: HotStore, ids: IdMaker, now: int, ledger: Ledger) -> None:
    """Settle the ledger's turns against the incidents, and write everything, each table once."""
    locked = ledger.environments_to_lock()
    if locked:
        if any(e.id in locked for e in ledger.changes.new_environments):
            ledger.flush(lambda changes: hot.write(connection, changes))
        situations = incidents.lock_situations(connection, locked)
        take_up(connection, hot, ledger, situations, locked, _known_members(connection, ledger, situations))
        ledger.settle()
    ledger.note_late_runs()
    hot.write(connection, ledger.changes)
    if ledger.folds or ledger.stale:
        tallies.leave_notes(connection, ids, now, ledger.folds, ledger.stale)
    write_book(connection, ids, now, ledger.book)


def _known_members(connection: Connection, ledger: Ledger, situations: dict[int, Situation]) -> Sequence[Membership]:
    """The parts that those who turned already have in the incidents of their environments."""
    live = {key: situation.incident.id for key, situation in situations.items() if situation.incident is not None}
    affected = [turn.after for turn in ledger.turns if turn.after.is_affected] if live else []
    pairs = {(live[s.job_environment_id], s.tenant_id) for s in affected if s.job_environment_id in live}
    return incidents.memberships(connection, sorted(pairs))


def write_book(connection: Connection, ids: IdMaker, now: int, book: Lives[Any]) -> None:
    """Write what was decided about incidents; streams must have been written before."""
    with raw.together(connection):
        incidents.add_to_counters(connection, book.counters)
        incidents.write_incidents(connection, book.new_incidents.values(), book.changed_incidents.values())
        incidents.attach(connection, book.attachments)
        incidents.write_memberships(connection, book.memberships.values())
        incidents.recount(connection, {a.incident_id for a in book.attachments})
        incidents.write_transitions(connection, ids, now, book.transitions)
        incidents.write_alerts(connection, ids, now, book.alerts)
    if book.transitions or book.memberships:
        closed = {t.incident_id for _, t in book.transitions if t.from_status == IncidentStatus.OPEN}
        if holds.stir(connection, now, closed, {incident_id for incident_id, _ in book.memberships}):
            tell_their_channels(connection, ids, now, book)
    commit_counts.count(connection, [(change.to_status, change.reason) for _, change in book.transitions])
    for workspace_id, change in book.transitions:
        log.info(
            "incident_changed",
            workspace=to_uuid(workspace_id),
            incident=to_uuid(change.incident_id),
            status=change.to_status,
            reason=change.reason,
            occurred_at=iso(change.occurred_at),
        )
