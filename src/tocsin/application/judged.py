"""How far job environments are judged: the clock of an incident never runs ahead of that.

A deadline may be judged late: the tick is behind, a slice of the same second is still to come, another node has it in
hand. If it is missed, a stream was affected from that moment on, and the incident did not recover after it. So whoever
lets an incident's time pass asks first what nobody has judged yet, and stops there; the tick goes on when it is judged.

Only where a clock would run out is anything asked: no batch of check-ins pays for it, and no slice of deadlines.
"""

from collections.abc import Mapping, Sequence

from tocsin.application.ledger import Ledger
from tocsin.domain import incident as life
from tocsin.domain import silence
from tocsin.domain.model import Membership
from tocsin.store.due import waiting
from tocsin.store.engine import Connection
from tocsin.store.hot import HotStore
from tocsin.store.incidents import Situation


def take_up(
    connection: Connection,
    hot: HotStore,
    ledger: Ledger,
    situations: dict[int, Situation],
    until_at: Mapping[int, int],
    known: Sequence[Membership] = (),
) -> None:
    """Open the ledger's book on these environments, whose incidents will live on up to `until_at` (by environment)."""
    running_out = {
        key: until_at[key]
        for key, (_, _, windows, incident) in situations.items()
        if incident is not None and life.runs_out(incident, until_at[key], windows, ledger.absences)
    }
    judged: dict[int, int] = {}
    if running_out:
        # What the ledger itself has judged must not be found waiting.
        ledger.flush(lambda changes: hot.write(connection, changes))
        judged = _judged_until(connection, running_out, ledger.horizon)
    ledger.book.open(situations, known, judged)


def _judged_until(connection: Connection, until_at: Mapping[int, int], horizon: int | None) -> dict[int, int]:
    """By environment: up to when all is judged, at most `until_at`; after the horizon nothing is.

    A `check_at` is a lower bound; the true deadline of a stream that was heard since lies later, and may not matter.
    """
    found = waiting(connection, until_at.keys(), max(until_at.values()))
    known_until_at = found.looked_until_at if horizon is None else min(found.looked_until_at, horizon)
    judged = {key: min(moment, known_until_at) for key, moment in until_at.items()}
    deadlines = [(stream.job_environment_id, silence.next_deadline(job, stream)) for job, stream in found.streams]
    for key, moment in [*deadlines, *found.runs]:
        if moment is not None:
            judged[key] = min(judged[key], moment)
    return judged
