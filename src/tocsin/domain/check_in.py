"""What one check-in does to its stream: pure, in the order in which things happened.

A check-in that tells of a moment before what is already known goes to `history`, which draws the stream anew.
"""

from collections.abc import Sequence
from typing import NamedTuple

from tocsin.domain import reporting, schedule, silence, slot_silence, slots
from tocsin.domain.message import joined
from tocsin.domain.model import SECOND, CheckIn, CheckInKind, Job, Outcome, Run, Stream
from tocsin.domain.reason import Reason

DUPLICATE_WITHIN = 10 * SECOND


class Heard(NamedTuple):
    """What a check-in did. `run`: the run to write, new or changed. `is_late`: it tells of the past, and the stream
    must be drawn anew with `run` in it (`domain.history`); `stream` then only knows that it was heard. `missed`: by how
    many `missedRuns` rose."""

    reason: Reason
    stream: Stream
    run: Run | None
    is_late: bool = False
    missed: int = 0


def new_stream(stream_id: int, job: Job, environment_id: int, tenant_id: int, since_at: int, epoch: int = 0) -> Stream:
    """A stream that is expected from `since_at` on."""
    stream = Stream(stream_id, job.workspace_id, environment_id, tenant_id, True, since_at, since_at, epoch=epoch)
    stream = slots.expected_anew(job, stream, since_at)
    return stream._replace(check_at=silence.next_deadline(job, stream))


def watched_again(job: Job, stream: Stream, since_at: int) -> Stream:
    """Expectation begins anew at `since_at`: a fresh window."""
    fresh = stream._replace(
        is_watched=True,
        expected_since_at=since_at,
        anchor_at=since_at,
        anchor_misses=0,
        missed_runs=0,
        missed_base=0,
        silence_streak=0,
        unknown_absence_id=None,
    )
    fresh = slots.expected_anew(job, fresh, since_at)
    return fresh._replace(check_at=silence.next_deadline(job, fresh))


def is_duplicate(job: Job, stream: Stream, check_in: CheckIn) -> bool:
    """Whether this success only repeats the one before: within 10 s and a tenth of the distance, in the same slot."""
    if check_in.kind is not CheckInKind.SUCCESS or stream.stored_success_at is None:
        return False
    between = slots.distance_at(job, stream, stream.stored_success_at)
    within = DUPLICATE_WITHIN if between is None else min(DUPLICATE_WITHIN, between // 10)
    if check_in.received_at - stream.stored_success_at >= within:
        return False
    if check_in.run_id is None and stream.open_runs:
        return False
    if check_in.occurred_at is None and (stream.missed_runs or stream.consecutive_failures):
        return False  # what was missed or failed after that success is over now: this is news
    if isinstance(job.schedule, schedule.Crontab) and not _is_same_slot(job, stream, check_in.moment):
        return False
    return check_in.run_id in (None, stream.stored_success_run_id) and check_in.occurred_at in (
        None,
        stream.stored_success_occurred_at,
    )


def _is_same_slot(job: Job, stream: Stream, moment: int) -> bool:
    began_at = stream.success_began_at
    return began_at is not None and slots.slot_at(job, stream, began_at) == slots.slot_at(job, stream, moment)


def hear(
    job: Job, stream: Stream, run: Run | None, check_in: CheckIn, new_id: int, in_progress: Sequence[Run] = ()
) -> Heard:
    """Decide one check-in. `run` is the one it names by its run id, else, for a result, the newest open one.
    `in_progress`: the stream's runs in progress.

    All deadlines of the stream before the receipt must have been judged. `new_id` becomes the run's, if one is made,
    and the id under which a duplicate of this check-in is answered.
    """
    if not stream.is_watched:
        stream = watched_again(job, stream, check_in.received_at)
    if is_duplicate(job, stream, check_in):
        return Heard(Reason.DUPLICATE, _heard_again(job, stream, check_in), None)
    if check_in.kind is CheckInKind.LOG:
        return _log(stream, run, check_in)
    heard = _remember(stream, check_in, new_id)
    if check_in.kind is CheckInKind.START:
        return _start(job, heard, run, check_in, new_id)
    return _result(job, heard, run, check_in, new_id, in_progress)


def _heard_again(job: Job, stream: Stream, check_in: CheckIn) -> Stream:
    """A duplicate writes no run, but the stream was heard."""
    moment = max(check_in.moment, stream.last_success_at or 0)
    heard = stream._replace(
        last_check_in_at=max(stream.last_check_in_at or 0, check_in.received_at), last_success_at=moment
    )
    if slots.has_slots(job):
        return slots.heard(job, heard, moment)
    return heard._replace(anchor_at=max(moment, stream.anchor_at))


def _remember(stream: Stream, check_in: CheckIn, new_id: int) -> Stream:
    """That it was heard, and what a duplicate would repeat: nothing, unless this is a success."""
    is_success = check_in.kind is CheckInKind.SUCCESS
    return stream._replace(
        last_check_in_at=max(stream.last_check_in_at or 0, check_in.received_at),
        stored_success_id=new_id if is_success else None,
        stored_success_at=check_in.received_at if is_success else None,
        stored_success_run_id=check_in.run_id if is_success else None,
        stored_success_occurred_at=check_in.occurred_at if is_success else None,
    )


def _log(stream: Stream, run: Run | None, check_in: CheckIn) -> Heard:
    """A message moves nothing. It is kept with the run that it names, or the one in progress, if there is any."""
    heard = stream._replace(last_check_in_at=max(stream.last_check_in_at or 0, check_in.received_at))
    if run is None or not check_in.message:
        return Heard(Reason.LOGGED, heard, None)
    return Heard(Reason.LOGGED, heard, run._replace(message=joined(run.message, check_in.message)))


def known_until(job: Job, stream: Stream) -> int | None:
    """The latest moment about which something is settled: a result, or a judged deadline."""
    moments = [m for m in (stream.last_result_at, silence.judged_until(job, stream)) if m is not None]
    return max(moments) if moments else None


def _is_late(job: Job, stream: Stream, moment: int) -> bool:
    settled = known_until(job, stream)
    is_before_anchor = slots.is_counted(job) and moment < stream.anchor_at
    return is_before_anchor or (settled is not None and moment <= settled)


def _is_out_of_turn(job: Job, stream: Stream, began_at: int) -> bool:
    """Whether counted slots are counted from something as late as this beginning already."""
    return slots.is_counted(job) and stream.last_began_at is not None and began_at <= stream.last_began_at


def _start(job: Job, stream: Stream, run: Run | None, check_in: CheckIn, new_id: int) -> Heard:
    moment = check_in.moment
    if run is not None:
        return _start_known(job, stream, run, moment)
    limit = silence.timeout_after(job, stream, moment)
    opened = reporting.opened(job, stream, check_in, new_id, Outcome.IN_PROGRESS)._replace(
        started_at=moment, check_at=None if limit is None else moment + limit
    )
    is_late = _is_late(job, stream, moment) or _is_out_of_turn(job, stream, moment)
    began = slots.began(job, stream._replace(open_runs=stream.open_runs + 1), moment, moment)
    return Heard(Reason.RUN_STARTED, began, opened, is_late)


def _start_known(job: Job, stream: Stream, run: Run, moment: int) -> Heard:
    """A start for a run already known: the earliest start is the true one."""
    if run.started_at is not None and run.started_at <= moment:
        return Heard(Reason.START_ADDED, stream, None)
    changed = run._replace(started_at=moment)
    if slots.has_slots(job):
        changed = changed._replace(expected_at=slots.slot_at(job, stream, changed.began_at))
    if run.finished_at is not None and run.duration in (None, reporting.lasted(run)):
        changed = changed._replace(duration=reporting.lasted(changed))
    limit = silence.timeout_after(job, stream, moment)
    deadline = None if limit is None else moment + limit
    if run.outcome == Outcome.IN_PROGRESS:
        changed = changed._replace(at=moment, check_at=deadline)
    elif deadline is not None and deadline < run.at and run.outcome != Outcome.UNKNOWN and job.is_active:
        changed = changed._replace(outcome=Outcome.TIMEOUT, at=deadline)
    return Heard(Reason.START_ADDED, stream, changed, is_late=True)


def _result(
    job: Job, stream: Stream, run: Run | None, check_in: CheckIn, new_id: int, in_progress: Sequence[Run]
) -> Heard:
    outcome = Outcome.OK if check_in.kind is CheckInKind.SUCCESS else Outcome.ERROR
    moment = check_in.moment
    if run is None:
        lone = reporting.opened(job, stream, check_in, new_id, outcome)
        return _lone(job, stream, lone._replace(finished_at=moment), in_progress)
    finished = reporting.finished(run, check_in, outcome)
    if run.outcome == Outcome.IN_PROGRESS:
        closing = stream._replace(open_runs=max(stream.open_runs - 1, 0))
        return _settle(job, closing, finished, Reason.RUN_CLOSED, in_progress)
    if run.outcome == Outcome.TIMEOUT and moment > run.at:
        is_latest = run.finished_at is None or moment > run.finished_at
        late = run._replace(finished_at=moment, duration=finished.duration) if is_latest else None
        return Heard(Reason.DURATION_ADDED, stream, late)
    if run.outcome in (Outcome.OK, Outcome.ERROR) and not reporting.supersedes(run, outcome, moment):
        return Heard(Reason.OLDER_RESULT, stream, None)
    return Heard(Reason.RUN_CORRECTED, stream, finished, is_late=True)


def _lone(job: Job, stream: Stream, run: Run, in_progress: Sequence[Run]) -> Heard:
    """A result without a start: only now do we hear that its run had begun."""
    if slots.has_slots(job):
        run = run._replace(expected_at=slots.slot_at(job, stream, run.began_at))
        if _is_out_of_turn(job, stream, run.began_at):
            return Heard(Reason.RUN_RECORDED, stream, run, is_late=True)
        if not _is_late(job, stream, run.at):
            stream = slots.began(job, stream, run.began_at, run.at)
    return _settle(job, stream, run, Reason.RUN_RECORDED, in_progress)


def _settle(job: Job, stream: Stream, run: Run, reason: Reason, in_progress: Sequence[Run]) -> Heard:
    """A run has its result: in order, the stream moves on; else it must be drawn anew."""
    is_before_a_start = run.outcome == Outcome.OK and run.at < (stream.last_began_at or 0)
    if is_before_a_start or _is_late(job, stream, run.at):
        return Heard(reason, stream, run, is_late=True)
    began_at = max(stream.last_began_at or run.began_at, run.began_at)
    if run.outcome == Outcome.OK:
        return Heard(reason, succeeded(job, stream, run.at, began_at, run.began_at), run)
    if slot_silence.may_have_counted(job, stream, run.at):
        return Heard(reason, stream, run, is_late=True)
    others = slot_silence.beginnings(in_progress, run, run.at)
    after = failed(job, stream, run, others)._replace(last_began_at=began_at)
    return Heard(reason, after, run, missed=after.missed_runs - stream.missed_runs)


def succeeded(job: Job, stream: Stream, moment: int, last_began_at: int | None, began_at: int) -> Stream:
    """The stream after a success at `moment` of a run that began at `began_at`: nothing is missed, nothing fails.
    On `interval` the window runs from here."""
    anchor_at, anchor_misses = max(moment, stream.expected_since_at), 0
    if slots.has_slots(job):
        stream = slots.settled(job, slots.heard(job, stream, moment), began_at)
        anchor_at, anchor_misses = stream.anchor_at, stream.anchor_misses
    return stream._replace(
        last_began_at=last_began_at,
        anchor_at=anchor_at,
        anchor_misses=anchor_misses,
        missed_runs=0,
        missed_base=0,
        consecutive_failures=0,
        failures_base=0,
        successes_in_row=stream.successes_in_row + 1,
        silence_streak=0,
        unknown_absence_id=None,
        unknown_timeout=False,
        last_success_at=moment,
        last_result_at=moment,
    )


def failed(job: Job, stream: Stream, run: Run, others: tuple[int, ...] = ()) -> Stream:
    """The stream after a failure: recorded, and resets nothing. A late run of a missed slot is one failure, not two.
    `others`: the beginnings of runs still in progress."""
    if slots.has_slots(job):
        return slot_silence.failed(job, slots.heard(job, stream, run.at), run, others)
    is_told_already = silence.is_missed_row_of(job, stream, run.began_at)
    return stream._replace(
        consecutive_failures=stream.consecutive_failures + (0 if is_told_already else 1),
        successes_in_row=0,
        unknown_timeout=False,
        last_result_at=run.at,
    )
