"""Record a batch of whatever was submitted, check-ins and events together: one transaction, one sync to the disk."""

from collections.abc import Callable, Sequence

from tocsin.application.errors import Refused
from tocsin.application.newest_tenants import NewestTenants
from tocsin.application.record_check_ins import Receipt, Submission
from tocsin.application.record_check_ins import record as record_check_ins
from tocsin.application.record_events import EventSubmission, Recorded, record_events
from tocsin.application.submitting import Held, Replayed
from tocsin.domain.ids import IdMaker
from tocsin.domain.model import Absence
from tocsin.store.engine import Connection
from tocsin.store.hot import HotStore

Item = Submission | EventSubmission
Outcome = Receipt | Recorded | Refused | Held | Replayed
#: Words the answers that an `Idempotency-Key` is to repeat.
AnswerCheckIn = Callable[[Submission, Receipt | Refused], str]
AnswerEvents = Callable[[EventSubmission, Recorded | Refused], str]


def record(
    connection: Connection,
    hot: HotStore,
    ids: IdMaker,
    batch: Sequence[Item],
    now: int,
    absences: Sequence[Absence],
    horizon: int | None,
    answers: tuple[AnswerCheckIn, AnswerEvents] | None,
    newest: NewestTenants,
) -> list[Outcome]:
    """What became of each item, in order. Check-ins go first: what they lock, events never wait for with locks held
    that check-ins want."""
    answer_check_in, answer_events = answers or (None, None)
    check_ins = {i: item for i, item in enumerate(batch) if isinstance(item, Submission)}
    reports = {i: item for i, item in enumerate(batch) if isinstance(item, EventSubmission)}
    outcomes: dict[int, Outcome] = {}
    if check_ins:
        told = record_check_ins(connection, hot, ids, list(check_ins.values()), now, absences, horizon, answer_check_in)
        outcomes |= dict(zip(check_ins, told, strict=True))
    if reports:
        live = hot.live_keys(connection, {r.key_id for r in reports.values() if r.key_id is not None})()
        kept = list(reports.values())
        heard = record_events(connection, ids, kept, live, now, absences, horizon, answer_events, newest)
        outcomes |= dict(zip(reports, heard, strict=True))
    return [outcomes[i] for i in range(len(batch))]
