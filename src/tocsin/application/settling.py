"""What the recorder and the tick share: judging the deadlines of a stream, and writing a ledger down."""

from collections.abc import Sequence

import structlog

from tocsin.application.ledger import Ledger
from tocsin.domain import silence
from tocsin.domain.ids import IdMaker, to_uuid
from tocsin.domain.model import Job, Membership, Stream
from tocsin.domain.reason import Reason
from tocsin.domain.silence import Verdict
from tocsin.store import incidents
from tocsin.store.engine import Connection
from tocsin.store.hot import HotStore
from tocsin.store.incidents import Situation
from tocsin.wire_time import iso

log = structlog.get_logger(__name__)


def judge_passed(ledger: Ledger, job: Job, stream: Stream, until_at: int) -> Stream:
    """Judge every deadline of the stream up to `until_at`, in order."""
    while True:
        deadline = silence.next_deadline(job, stream)
        if deadline is None or deadline > until_at:
            return stream
        stream = judge_next(ledger, job, stream, until_at)[1]


def judge_next(ledger: Ledger, job: Job, stream: Stream, until_at: int) -> tuple[Verdict, Stream]:
    """Judge the next deadline, if it has come, and keep what follows."""
    deadline = silence.next_deadline(job, stream)
    verdict = silence.judge(job, stream, ledger.absences, until_at, ledger.new_id())
    if verdict.run is not None:
        ledger.changes.new_runs[verdict.run.id] = verdict.run
    elif verdict.folded and verdict.stream.silence_run_id is not None:
        ledger.fold(verdict.stream.silence_run_id, verdict.folded)
    if verdict.reason is Reason.NOT_DUE:
        ledger.rearm(stream, verdict.stream)
        return verdict, verdict.stream
    return verdict, ledger.keep(job, stream, verdict.stream, deadline or 0, missed=verdict.missed)


def commit_ledger(connection: Connection, hot: HotStore, ids: IdMaker, now: int, ledger: Ledger) -> None:
    """Settle the ledger's turns against the incidents, and write everything, each table once."""
    locked = ledger.environments_to_lock()
    if locked:
        new = {e.id for e in ledger.changes.new_environments}
        if new & locked:
            ledger.flush(lambda changes: hot.write(connection, changes))
        situations = incidents.lock_situations(connection, locked)
        ledger.settle(situations, _known_members(connection, ledger, situations))
    hot.write(connection, ledger.changes)
    write_incidents(connection, ids, now, ledger)


def _known_members(connection: Connection, ledger: Ledger, situations: dict[int, Situation]) -> Sequence[Membership]:
    incident_ids = [s.incident.id for s in situations.values() if s.incident is not None]
    tenant_ids = {turn.after.tenant_id for turn in ledger.turns if turn.after.is_affected}
    return incidents.memberships(connection, incident_ids, tenant_ids) if incident_ids and tenant_ids else ()


def write_incidents(connection: Connection, ids: IdMaker, now: int, ledger: Ledger) -> None:
    """Write what the ledger decided about incidents; streams must have been written before."""
    incidents.add_to_counters(connection, ledger.counters)
    incidents.write_incidents(connection, list(ledger.new_incidents.values()), list(ledger.changed_incidents.values()))
    for attachment in ledger.attachments:
        incidents.attach(connection, attachment)
    incidents.write_memberships(connection, ledger.changed_memberships.values())
    if ledger.attachments:
        incidents.recount(connection, {a.incident_id for a in ledger.attachments})
    for workspace_id, change in ledger.transitions:
        log.info(
            "incident_changed",
            workspace=to_uuid(workspace_id),
            incident=to_uuid(change.incident_id),
            status=change.to_status,
            reason=change.reason,
            occurred_at=iso(change.occurred_at),
        )
    incidents.write_transitions(connection, ids, now, ledger.transitions)
    incidents.write_alerts(connection, ids, now, ledger.alerts)
