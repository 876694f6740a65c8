"""What a passed deadline meant, and what every kind of schedule tells of it in the same way."""

from typing import NamedTuple

from tocsin.domain.model import Job, Outcome, Run, Stream
from tocsin.domain.reason import Reason

#: So many silent rows in a row are written; the last of them counts all that follow.
SILENT_ROWS = 9


class Verdict(NamedTuple):
    """`run`: the row to write. `folded`: how many misses to add to `stream.silence_run_id`. `missed`: by how many
    `missedRuns` rose. `is_late`: a success is known from after the deadline, and the stream must be drawn anew with
    `run` in it (`domain.history`)."""

    reason: Reason
    stream: Stream
    run: Run | None = None
    folded: int = 0
    missed: int = 0
    is_late: bool = False


def streak(stream: Stream, outcome: Outcome) -> int:
    """How many silent rows of this outcome stand in a row."""
    was_unknown = stream.unknown_absence_id is not None
    return stream.silence_streak if was_unknown == (outcome is Outcome.UNKNOWN) else 0


def is_quiet(job: Job, stream: Stream) -> bool:
    """Whether a further miss writes no row and meets no threshold that was not met before."""
    if streak(stream, Outcome.MISSED) < SILENT_ROWS:
        return False
    thresholds = (SILENT_ROWS, job.miss_threshold, job.failure_threshold or 0)
    counted = min(stream.missed_runs - stream.missed_base, stream.consecutive_failures - stream.failures_base)
    return counted >= max(thresholds)


def silent_run(job: Job, stream: Stream, outcome: Outcome, expected_at: int, deadline: int, run_id: int) -> Run:
    """The row of a run that nobody reported."""
    return Run(
        id=run_id,
        workspace_id=stream.workspace_id,
        job_id=job.id,
        stream_id=stream.id,
        client_run_id=None,
        outcome=outcome,
        at=deadline,
        expected_at=expected_at,
        started_at=None,
        finished_at=None,
        received_at=deadline,
    )
