"""The run that a check-in makes, or that its result changes: pure."""

from tocsin.domain import silence, slots
from tocsin.domain.ids import to_uuid
from tocsin.domain.message import joined
from tocsin.domain.model import CheckIn, Job, Outcome, Run, Stream


def lasted(run: Run) -> int | None:
    """The time from the run's start to its result, where both are known."""
    return None if run.started_at is None or run.finished_at is None else max(run.finished_at - run.started_at, 0)


def supersedes(run: Run, outcome: Outcome, moment: int) -> bool:
    """Of several results for one run the latest stands; of equal ones, the failure."""
    return moment > run.at or (moment == run.at and outcome is Outcome.ERROR and run.outcome == Outcome.OK)


def opened(job: Job, stream: Stream, check_in: CheckIn, run_id: int, outcome: Outcome) -> Run:
    """A run in progress always has a name for its result to give: ours, where its start gave none."""
    moment = check_in.moment
    has_slots = slots.has_slots(job)
    expected_at = slots.slot_at(job, stream, moment) if has_slots else silence.next_due_at(job, stream)
    return Run(
        run_id,
        job.workspace_id,
        job.id,
        stream.id,
        check_in.run_id or (to_uuid(run_id) if outcome is Outcome.IN_PROGRESS else None),
        outcome,
        moment,
        expected_at,
        None,
        None,
        check_in.received_at,
        check_in.duration,
        check_in.exit_code,
        check_in.message,
        check_in.metrics,
    )


def finished(run: Run, check_in: CheckIn, outcome: Outcome) -> Run:
    """The run with this result; what the result does not tell stays as the start told it."""
    moment = check_in.moment
    duration = check_in.duration
    was_open = run.outcome == Outcome.IN_PROGRESS
    if duration is None and run.started_at is not None:
        duration = max(moment - run.started_at, 0)
    return run._replace(
        outcome=outcome,
        at=moment,
        finished_at=moment,
        duration=duration,
        exit_code=run.exit_code if check_in.exit_code is None else check_in.exit_code,
        message=joined(run.message if was_open or check_in.message is None else None, check_in.message),
        metrics=run.metrics if check_in.metrics is None else check_in.metrics,
        check_at=None,
    )
