"""Judging what was not heard: a slot whose deadline has passed, a run that has been in progress for too long."""

from collections.abc import Sequence

from tocsin.domain import absence, schedule, slot_silence, slots
from tocsin.domain.model import SECOND, Absence, Job, Outcome, Run, Stream
from tocsin.domain.reason import Reason
from tocsin.domain.schedule import Interval, Learned
from tocsin.domain.verdict import SILENT_ROWS, Verdict, is_quiet, silent_run, streak

_LEAST_TIMEOUT = 3600 * SECOND


def next_deadline(job: Job, stream: Stream) -> int | None:
    """The first deadline of the stream that is not judged yet, or None where nothing is waited for."""
    if not job.is_active or not stream.is_watched:
        return None
    every = job.schedule
    if isinstance(every, Interval):
        return stream.anchor_at + (stream.anchor_misses + 1) * (every.every + job.grace)
    return slots.next_deadline(stream)


def last_deadline(job: Job, stream: Stream, until_at: int) -> int | None:
    """The last deadline up to `until_at` that is not judged yet, or None."""
    deadline = next_deadline(job, stream)
    if deadline is None or deadline > until_at:
        return None
    window = schedule.window(job.schedule, job.grace)
    if window is None:
        return slot_silence.last_deadline(job, stream, until_at)
    return deadline + (until_at - deadline) // window * window


def next_due_at(job: Job, stream: Stream) -> int | None:
    """When the next run is expected: on `interval`, its deadline without the grace."""
    deadline = next_deadline(job, stream)
    if deadline is None or slots.has_slots(job):
        return None if deadline is None else stream.due_at
    return deadline - job.grace


def slot_at(job: Job, anchor_at: int, moment: int) -> int | None:
    """On `interval`, the expected time of the slot that `moment` lies in, deadlines being counted from `anchor_at`."""
    window = schedule.window(job.schedule, job.grace)
    if window is None:
        return None
    return anchor_at + max(-((anchor_at - moment) // window), 1) * window - job.grace


def judged_until(job: Job, stream: Stream) -> int | None:
    """The last deadline judged since the anchor, or None."""
    if slots.has_slots(job):
        return slot_silence.judged_until(job, stream)
    if stream.anchor_misses:
        window = schedule.window(job.schedule, job.grace) or 0
        return stream.anchor_at + stream.anchor_misses * window
    return stream.anchor_at + job.grace if stream.unknown_absence_id is not None else None


def timeout_after(job: Job, stream: Stream, began_at: int) -> int | None:
    """How long a run that began at `began_at` may be in progress; None: for ever."""
    if job.max_runtime is not None:
        return job.max_runtime
    window = slots.window_at(job, stream, began_at)
    return None if window is None else max(_LEAST_TIMEOUT, 2 * window)


def timeout_at(job: Job, stream: Stream, run: Run) -> int | None:
    """When a run in progress times out; None: never."""
    if job.max_runtime is None and isinstance(job.schedule, Learned):
        return run.check_at  # by the rhythm as it was when the run began
    if run.started_at is None:
        return None
    heard_at = max(run.started_at, run.at)  # later than its start where it gave signs of life since
    limit = timeout_after(job, stream, heard_at)
    return None if limit is None else heard_at + limit


def judge(
    job: Job,
    stream: Stream,
    absences: Sequence[Absence],
    until_at: int,
    run_id: int,
    in_progress: Sequence[Run] = (),
) -> Verdict:
    """Judge the next deadline if it is at or before `until_at`; `run_id` is for the row, should one be needed.
    `in_progress`: the stream's runs in progress, where its schedule has slots; `interval` does not look at them.

    A stream in long silence is judged in one step up to `until_at`, or to the end of an absence of ours: its silent
    runs are folded and change nothing else.
    """
    deadline = next_deadline(job, stream)
    if deadline is None or deadline > until_at:
        return Verdict(Reason.NOT_DUE, stream._replace(check_at=deadline))
    if slots.has_slots(job):
        return slot_silence.judge(job, stream, absences, until_at, run_id, in_progress)
    margin = schedule.early_margin(job.schedule, job.grace)
    span_from = deadline - job.grace - margin
    forgiver = absence.forgiving(absences, span_from, deadline, stream.unknown_absence_id)
    if forgiver is not None:
        times = _unknown_together(job, stream, absences, deadline, until_at, forgiver)
        return _unknown(job, stream, deadline, forgiver, times, run_id)
    return _missed(job, stream, deadline, _missed_together(job, stream, absences, deadline, until_at), run_id)


def _missed(job: Job, stream: Stream, deadline: int, times: int, run_id: int) -> Verdict:
    is_reported = _began_in_slot(job, stream, deadline)
    rows = 0 if is_reported else streak(stream, Outcome.MISSED) + times
    folds = rows > SILENT_ROWS
    moved = stream._replace(
        anchor_misses=stream.anchor_misses + times,
        missed_runs=stream.missed_runs + times,
        consecutive_failures=stream.consecutive_failures + (0 if is_reported else times),
        successes_in_row=0,
        silence_streak=rows,
        silence_run_id=stream.silence_run_id if folds or is_reported else run_id,
        unknown_absence_id=None,
        check_at=deadline + times * (schedule.window(job.schedule, job.grace) or 0),
    )
    if is_reported:
        return Verdict(Reason.MISSED_AFTER_REPORT, moved, missed=times)
    if folds:
        return Verdict(Reason.MISSED, moved, folded=times, missed=times)
    return Verdict(
        Reason.MISSED, moved, silent_run(job, stream, Outcome.MISSED, deadline - job.grace, deadline, run_id), missed=1
    )


def _unknown(job: Job, stream: Stream, deadline: int, absence_id: int, times: int, run_id: int) -> Verdict:
    """The run is unknown because of us; the rhythm goes on as if it had come at its expected time."""
    is_reported = _began_in_slot(job, stream, deadline)
    rows = 0 if is_reported else streak(stream, Outcome.UNKNOWN) + times
    folds = rows > SILENT_ROWS
    distance = _every(job)
    moved = stream._replace(
        anchor_at=deadline - job.grace + (times - 1) * distance,
        anchor_misses=0,
        silence_streak=rows,
        silence_run_id=stream.silence_run_id if folds or is_reported else run_id,
        unknown_absence_id=absence_id,
    )
    moved = moved._replace(check_at=next_deadline(job, moved))
    writes_row = not is_reported and not folds
    run = silent_run(job, stream, Outcome.UNKNOWN, deadline - job.grace, deadline, run_id) if writes_row else None
    return Verdict(Reason.UNKNOWN_WE_WERE_AWAY, moved, run, folded=times if folds else 0)


def _is_history(job: Job, stream: Stream, moment: int) -> bool:
    """Whether what is known already hangs on what happened at this moment. On `interval` only successes do."""
    if not slots.has_slots(job):
        return stream.last_success_at is not None and moment <= stream.last_success_at
    is_settled = moment < max(stream.last_result_at or 0, judged_until(job, stream) or 0)
    return is_settled or slot_silence.may_have_counted(job, stream, moment)


def _every(job: Job) -> int:
    return job.schedule.every if isinstance(job.schedule, Interval) else 1


def _began_in_slot(job: Job, stream: Stream, deadline: int) -> bool:
    """Whether some run began in the slot, which reaches from the deadline before to this one."""
    window = schedule.window(job.schedule, job.grace) or 0
    began, from_at = stream.last_began_at, deadline - window
    if began == from_at and not stream.anchor_misses:
        # Expectation began with this very run: it is no success of the slot before.
        return from_at == stream.expected_since_at and stream.last_success_at != from_at
    return began is not None and from_at < began <= deadline


def is_missed_row_of(job: Job, stream: Stream, began_at: int) -> bool:
    """Whether the slot in which a run began is one of the latest missed rows: the run then failed once already. (On
    `interval`; where there are slots, see `slots.is_late`.)"""
    window = schedule.window(job.schedule, job.grace)
    if window is None or not stream.silence_streak or stream.unknown_absence_id is not None:
        return False
    slot = -((stream.anchor_at - began_at) // window)
    return stream.anchor_misses - stream.silence_streak < slot <= stream.anchor_misses


def _missed_together(job: Job, stream: Stream, absences: Sequence[Absence], deadline: int, until_at: int) -> int:
    """How many deadlines from this one on may be judged as one: nothing is written for them, no threshold is near."""
    if not is_quiet(job, stream):
        return 1
    window = schedule.window(job.schedule, job.grace) or 1
    if (stream.last_began_at or 0) > deadline - window:
        return 1
    upcoming = [a.from_at for a in absences if a.until_at > deadline]
    limit = min([until_at, *upcoming])
    return max(1, (limit - deadline) // window + 1)


def _unknown_together(
    job: Job, stream: Stream, absences: Sequence[Absence], deadline: int, until_at: int, absence_id: int
) -> int:
    """How many deadlines from this one on may be judged as one: nothing is written for them, all lie in one absence.

    A job that is due every second is due some 20,000 times in six hours; thousands such would keep us busy for hours.
    """
    distance = _every(job)
    span_from = deadline - job.grace - schedule.early_margin(job.schedule, job.grace)
    away = next(a for a in absences if a.id == absence_id)
    is_within = away.from_at <= span_from and not _began_in_slot(job, stream, deadline)
    if streak(stream, Outcome.UNKNOWN) < SILENT_ROWS or not is_within or (stream.last_began_at or 0) > deadline:
        return 1
    return max(1, (min(until_at, away.until_at - 1) - deadline) // distance + 1)


def judge_run(
    job: Job,
    stream: Stream,
    run: Run,
    absences: Sequence[Absence],
    until_at: int,
    in_progress: Sequence[Run] = (),
) -> Verdict:
    """Judge a run in progress: timed out, or unknown because we were away or the job is paused, or still in time.
    `in_progress`: all of the stream's, where its schedule has slots."""
    deadline = timeout_at(job, stream, run)
    if deadline is None or deadline > until_at:
        return Verdict(Reason.NOT_DUE, stream, run._replace(check_at=deadline))
    ended = stream._replace(open_runs=max(stream.open_runs - 1, 0))
    closed = run._replace(at=deadline, check_at=None)
    if not job.is_active:
        return Verdict(Reason.UNKNOWN_PAUSED, ended, closed._replace(outcome=Outcome.UNKNOWN))
    was_away = absence.overlapping(absences, run.started_at or deadline, deadline)
    if was_away and not stream.unknown_timeout:
        forgiven = ended._replace(unknown_timeout=True)
        return Verdict(Reason.UNKNOWN_WE_WERE_AWAY, forgiven, closed._replace(outcome=Outcome.UNKNOWN))
    timed_out = closed._replace(outcome=Outcome.TIMEOUT)
    if _is_history(job, stream, deadline):
        return Verdict(Reason.TIMED_OUT, ended, timed_out, is_late=True)
    if slots.has_slots(job):
        failed = slot_silence.failed(job, ended, timed_out, slot_silence.beginnings(in_progress, run, deadline))
        missed = failed.missed_runs - stream.missed_runs
        return Verdict(Reason.TIMED_OUT, failed, timed_out, missed=missed)
    failed = ended._replace(
        consecutive_failures=stream.consecutive_failures + 1,
        successes_in_row=0,
        unknown_timeout=False,
        last_result_at=max(stream.last_result_at or deadline, deadline),
    )
    return Verdict(Reason.TIMED_OUT, failed, timed_out)
