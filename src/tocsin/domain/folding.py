"""Misses of a long silence that have no row of their own: for a tally, each is told apart again.

The ninth silent row in a row counts all that follow, so that long silence writes little. What it counts fell due later
than it did: a customer who has not been served for a month has not been served on each of its days. (Runs that are
`unknown` are folded too; those that have no row are in no tally, as they say nothing.)
"""

from collections.abc import Iterable

from tocsin.domain import slots
from tocsin.domain.model import Job, Outcome, Run, Stream
from tocsin.domain.schedule import Interval
from tocsin.domain.tally import Fold

_DAY = 86_400_000_000


def folded(job: Job, stream: Stream, deadline: int, times: int) -> Fold:
    """Misses that are being added to an earlier row, the first of them at `deadline`."""
    step = _apart(job, stream, deadline)
    return Fold(stream.workspace_id, job.id, stream.tenant_id, deadline, times, step)


def redrawn(job: Job, stream: Stream, gone: Iterable[Run], drawn: Iterable[Run]) -> list[Fold]:
    """What was counted for rows that are gone is taken back; what is counted by rows drawn in their place is added."""
    signed = [(row, -1) for row in gone] + [(row, 1) for row in drawn]
    found = []
    for row, sign in signed:
        if row.missed_count > 1 and row.outcome == Outcome.MISSED:
            step = _apart(job, stream, row.at)
            times = sign * (row.missed_count - 1)
            found.append(Fold(stream.workspace_id, job.id, stream.tenant_id, row.at + step, times, step))
    return found


def _apart(job: Job, stream: Stream, moment: int) -> int:
    """How far the deadlines of misses in a row are apart."""
    every = slots.distance_at(job, stream, moment) or _DAY
    return every + job.grace if isinstance(job.schedule, Interval) else every
