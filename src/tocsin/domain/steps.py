"""Check-ins that come as steps of a run: another start is a sign of life, and the first result is final.

What is neither goes to `domain.check_in`, which reads the check-ins of a run as corrections of each other.
"""

from collections.abc import Sequence

from tocsin.domain import check_in as checking
from tocsin.domain import silence, slots
from tocsin.domain.check_in import Heard
from tocsin.domain.model import CheckIn, CheckInKind, Job, Outcome, Run, Stream
from tocsin.domain.reason import Reason

_FINISHED = frozenset({Outcome.OK, Outcome.ERROR})


def is_for_open_run(check_in: CheckIn) -> bool:
    """Whether the check-in means the newest run in progress, where it names none."""
    return check_in.run_id is None and (check_in.kind is not CheckInKind.START or check_in.is_step)


def hear(
    job: Job, stream: Stream, run: Run | None, check_in: CheckIn, new_id: int, in_progress: Sequence[Run] = ()
) -> Heard:
    """Decide one check-in, as `domain.check_in.hear` does."""
    if check_in.is_step and run is not None and check_in.kind is not CheckInKind.LOG:
        if run.outcome in _FINISHED:
            return _after_the_end(stream, check_in)
        if check_in.kind is CheckInKind.START:
            return _sign_of_life(job, stream, run, check_in)
    return checking.hear(job, stream, run, check_in, new_id, in_progress)


def _after_the_end(stream: Stream, check_in: CheckIn) -> Heard:
    """A start that was overtaken by its result tells nothing new; a second result is refused."""
    is_start = check_in.kind is CheckInKind.START
    return Heard(Reason.OUT_OF_ORDER if is_start else Reason.ALREADY_FINISHED, stream, None)


def _sign_of_life(job: Job, stream: Stream, run: Run, check_in: CheckIn) -> Heard:
    """The run goes on: its time runs anew, and if we had given it up, it is in progress again."""
    moment = max(check_in.moment, run.at)
    limit = silence.timeout_after(job, stream, moment)
    going = run._replace(
        outcome=Outcome.IN_PROGRESS, at=moment, finished_at=None, check_at=None if limit is None else moment + limit
    )
    heard = slots.heard(job, _heard_of(stream, check_in), check_in.moment)
    if run.outcome == Outcome.IN_PROGRESS:
        return Heard(Reason.PROLONGED, heard, going)
    revived = going._replace(started_at=run.began_at)
    return Heard(Reason.REVIVED, heard._replace(open_runs=stream.open_runs + 1), revived, is_late=True)


def _heard_of(stream: Stream, check_in: CheckIn) -> Stream:
    return stream._replace(last_check_in_at=max(stream.last_check_in_at or 0, check_in.received_at))
