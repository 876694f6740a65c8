"""Judging slots: on `crontab`, `calendar` and `learned`.

At its deadline a slot is settled (a run of it, or a later one, succeeded: it is not asked for any more), still running,
unknown because of us, failed (runs began, none succeeded, none goes on), or missed. What fails later counts then.
"""

from collections.abc import Iterable, Sequence

from tocsin.domain import absence, slots
from tocsin.domain.model import Absence, Job, Outcome, Run, Stream
from tocsin.domain.reason import Reason
from tocsin.domain.slots import Slot
from tocsin.domain.verdict import SILENT_ROWS, Verdict, is_quiet, silent_run, streak


def judge(
    job: Job, stream: Stream, absences: Sequence[Absence], until_at: int, run_id: int, in_progress: Sequence[Run]
) -> Verdict:
    """Judge the next deadline, which has come."""
    if stream.pending_at is not None and (stream.deadline_at is None or stream.pending_at <= stream.deadline_at):
        return _judge_pending(job, stream, stream.pending_at, absences)
    slot = slots.next_slot(job, stream)
    if slot is None or slot.deadline_at > until_at:
        return Verdict(Reason.NOT_DUE, _waiting_for(job, stream))
    span_from = slot.expected_at - slots.early_margin(job, stream, slot.expected_at)
    is_reported = stream.last_began_at is not None and span_from <= stream.last_began_at
    if is_reported and _goes_on(in_progress, span_from, slot.deadline_at):
        return Verdict(Reason.STILL_RUNNING, _reported(job, stream, slot))
    forgiver = absence.forgiving(absences, span_from, slot.deadline_at, stream.unknown_absence_id)
    if forgiver is not None:
        return _unknown(job, stream, slot, absences, until_at, run_id, forgiver, span_from, is_reported)
    if is_reported:
        return _failed_before(job, stream, slot)
    return _missed(job, stream, slot, absences, until_at, run_id)


def _failed_before(job: Job, stream: Stream, slot: Slot) -> Verdict:
    """Runs of the slot ended before its deadline, and none succeeded."""
    after = _reported(job, stream, slot)
    if stream.unknown_timeout:
        return Verdict(Reason.UNKNOWN_WE_WERE_AWAY, after)
    return Verdict(Reason.MISSED_AFTER_REPORT, _counted(after, 1), missed=1)


def _waiting_for(job: Job, stream: Stream) -> Stream:
    """The stream with its true deadline: the database of time zones may have changed since it was worked out."""
    armed = slots.rearmed(job, stream)
    return armed._replace(check_at=slots.next_deadline(armed))


def _judge_pending(job: Job, stream: Stream, deadline: int, absences: Sequence[Absence]) -> Verdict:
    """The deadline of a slot whose run has failed before it."""
    expected_at = deadline - slots.grace_of(job, stream)
    span_from = expected_at - slots.early_margin(job, stream, expected_at)
    forgiver = absence.forgiving(absences, span_from, deadline, stream.unknown_absence_id)
    settled = stream._replace(pending_at=None, silence_streak=0, unknown_absence_id=forgiver)
    settled = settled._replace(check_at=slots.next_deadline(settled))
    if forgiver is not None:
        return Verdict(Reason.UNKNOWN_WE_WERE_AWAY, settled)
    return Verdict(Reason.MISSED_AFTER_REPORT, _counted(settled, 1), missed=1)


def _goes_on(in_progress: Iterable[Run], span_from: int, deadline: int) -> bool:
    """Whether a run that began within the span is in progress at the deadline."""
    return any(
        run.started_at is not None
        and span_from <= run.began_at <= deadline
        and (run.check_at is None or run.check_at > deadline)
        for run in in_progress
    )


def _counted(stream: Stream, times: int) -> Stream:
    return stream._replace(missed_runs=stream.missed_runs + times, successes_in_row=0)


def _reported(job: Job, stream: Stream, slot: Slot) -> Stream:
    """Past a slot in which something was heard."""
    heard = stream._replace(silence_streak=0, unknown_absence_id=None)
    return slots.passed_over(job, heard, slot.expected_at, slot.number)


def _missed(job: Job, stream: Stream, slot: Slot, absences: Sequence[Absence], until_at: int, run_id: int) -> Verdict:
    times, last_at = 1, slot.expected_at
    if is_quiet(job, stream):
        upcoming = [a.from_at for a in absences if a.until_at > slot.deadline_at]
        times, last_at = slots.judged_together(job, stream, slot, min([until_at, *upcoming]))
    rows = streak(stream, Outcome.MISSED) + times
    folds = rows > SILENT_ROWS
    moved = _counted(stream, times)._replace(
        consecutive_failures=stream.consecutive_failures + times,
        silence_streak=rows,
        silence_run_id=stream.silence_run_id if folds else run_id,
        unknown_absence_id=None,
    )
    moved = slots.passed_over(job, moved, last_at, slot.number + times - 1)
    if folds:
        return Verdict(Reason.MISSED, moved, folded=times, missed=times)
    row = silent_run(job, stream, Outcome.MISSED, slot.expected_at, slot.deadline_at, run_id)
    return Verdict(Reason.MISSED, moved, row, missed=1)


def _unknown(
    job: Job,
    stream: Stream,
    slot: Slot,
    absences: Sequence[Absence],
    until_at: int,
    run_id: int,
    absence_id: int,
    span_from: int,
    is_reported: bool,
) -> Verdict:
    """The run is unknown because of us; the rhythm goes on as if it had come at its expected time."""
    times, last_at = 1, slot.expected_at
    away = next(a for a in absences if a.id == absence_id)
    if streak(stream, Outcome.UNKNOWN) >= SILENT_ROWS and away.from_at <= span_from and not is_reported:
        times, last_at = slots.judged_together(job, stream, slot, min(until_at, away.until_at - 1))
    rows = 0 if is_reported else streak(stream, Outcome.UNKNOWN) + times
    folds = rows > SILENT_ROWS
    moved = stream._replace(
        silence_streak=rows,
        silence_run_id=stream.silence_run_id if folds or is_reported else run_id,
        unknown_absence_id=absence_id,
    )
    moved = slots.as_if_on_time(job, moved, last_at, slot.number)
    if folds or is_reported:
        return Verdict(Reason.UNKNOWN_WE_WERE_AWAY, moved, folded=times if folds else 0)
    row = silent_run(job, stream, Outcome.UNKNOWN, slot.expected_at, slot.deadline_at, run_id)
    return Verdict(Reason.UNKNOWN_WE_WERE_AWAY, moved, row)


def beginnings(in_progress: Iterable[Run], ended: Run, moment: int) -> tuple[int, ...]:
    """When the other runs began that go on at `moment`, at which `ended` ends."""
    return tuple(
        run.began_at
        for run in in_progress
        if run.id != ended.id and run.began_at <= moment and (run.check_at is None or run.check_at > moment)
    )


def failed(job: Job, stream: Stream, run: Run, others: tuple[int, ...]) -> Stream:
    """The stream after a run failed at `run.at`. Its slot counts once: now, if its deadline has passed, else then.
    `others`: the beginnings of runs still in progress. A late run of a missed slot is one failure, not two."""
    is_late = slots.is_late(job, stream, run.expected_at, run.began_at)
    is_told_already = is_late and (slots.is_counted(job) or _is_missed(job, stream, run.expected_at or 0))
    after = stream._replace(
        consecutive_failures=stream.consecutive_failures + (0 if is_told_already else 1),
        successes_in_row=0,
        unknown_timeout=False,
        last_result_at=max(stream.last_result_at or run.at, run.at),
    )
    counts = slots.waited_for(job, stream, run.began_at, run.at, others)
    if counts:
        return _counted(after, counts)
    if not slots.is_counted(job) or is_late or run.expected_at is None or run.began_at < stream.expected_since_at:
        return after
    return _slot_failed(job, after, run, run.expected_at + slots.grace_of(job, stream))


def _slot_failed(job: Job, stream: Stream, run: Run, deadline: int) -> Stream:
    """On counted slots, each run has a slot of its own."""
    if stream.success_began_at is not None and stream.success_began_at >= run.began_at:
        return stream
    return slots.pending(stream, deadline) if run.at < deadline else _counted(stream, 1)


def may_have_counted(job: Job, stream: Stream, moment: int) -> bool:
    """On counted slots, whether a slot that failed before `moment` may have been counted after it, and before we were
    told of that moment: when it was counted is not kept."""
    if not slots.is_counted(job) or stream.pending_at is not None or moment >= (stream.last_check_in_at or 0):
        return False
    return (stream.last_result_at or 0) > (stream.last_success_at or 0)


def _is_missed(job: Job, stream: Stream, expected_at: int) -> bool:
    """On `crontab`, whether the slot is one of the latest missed rows."""
    if not stream.silence_streak or stream.unknown_absence_id is not None:
        return False
    return slots.count_between(job, expected_at, stream.anchor_at) < stream.silence_streak


def judged_until(job: Job, stream: Stream) -> int | None:
    """The last deadline judged since the anchor, or None."""
    if slots.is_counted(job):
        if stream.anchor_misses:
            slot = slots.counted(job, stream, stream.anchor_misses)
            return None if slot is None else slot.deadline_at
        return stream.anchor_at + slots.grace_of(job, stream) if stream.unknown_absence_id is not None else None
    return stream.anchor_at + job.grace if stream.anchor_misses else None


def last_deadline(job: Job, stream: Stream, until_at: int) -> int | None:
    """The last deadline up to `until_at` that is not judged yet; at least one is."""
    slot = slots.next_slot(job, stream)
    if slot is None or slot.deadline_at > until_at:
        return stream.pending_at
    last = slots.judged_together(job, stream, slot, until_at)[1] + slot.deadline_at - slot.expected_at
    return max(last, stream.pending_at or last)
