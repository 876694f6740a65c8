"""Record a batch of events: resolve the tenant, classify, open or update the incident.

As for check-ins: load everything a batch concerns, decide one by one in memory, write each table once, all in the one
transaction of who calls.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from tocsin.application import tenants_on_sight
from tocsin.application.errors import Refused, not_found, unprocessable
from tocsin.application.event_book import EventBook, Happening, Met
from tocsin.application.newest_tenants import NewestTenants
from tocsin.application.settling import write_book
from tocsin.application.submitting import DEAD_KEY, Held, OnceKey, Replayed, forget, remember, replay
from tocsin.domain.event import Event, StoredEvent
from tocsin.domain.ids import IdMaker
from tocsin.domain.model import Absence
from tocsin.domain.pattern import Classification, Rulebook
from tocsin.domain.reason import Reason
from tocsin.store import hot_events, incidents, integrations, patterns
from tocsin.store.engine import Connection
from tocsin.store.hot_events import KnownTenant, TenantKey


class EventReceipt(NamedTuple):
    """What became of an event. `affected`: externalIds of the incident's newest tenants, the newest last."""

    reason: Reason
    event_id: int
    incident_id: int | None = None
    incident_status: str | None = None
    pattern_id: str | None = None
    confidence: str | None = None
    affected: tuple[str, ...] = ()
    tenant_count: int = 0

    @property
    def is_new_incident(self) -> bool:
        return self.reason is Reason.EVENT_OPENED


class Recorded(NamedTuple):
    """A report that is recorded: one receipt for each of its events, in order."""

    receipts: tuple[EventReceipt, ...]


EventOutcome = Recorded | Refused | Held | Replayed


class EventSubmission(NamedTuple):
    """Events sent in one request, and who sent them: recorded all, or none. `is_batch`: there may be several."""

    events: tuple[Event, ...]
    key_id: int | None = None
    idempotency: OnceKey | None = None
    is_batch: bool = False

    @property
    def received_at(self) -> int:
        return self.events[0].received_at

    @property
    def workspace_id(self) -> int:
        return self.events[0].workspace_id

    @property
    def weight(self) -> int:
        """How many rows' work it is, as batches and queues are counted."""
        return len(self.events)

    @property
    def about(self) -> str:
        """What it is about, for a log line."""
        return self.events[0].integration_key

    def received(self, moment: int) -> "EventSubmission":
        """The same, received at `moment`."""
        return self._replace(events=tuple([event._replace(received_at=moment) for event in self.events]))


#: Words the answer that an `Idempotency-Key` is to repeat.
Answer = Callable[[EventSubmission, Recorded | Refused], str]
_Tenants = dict[TenantKey, KnownTenant]


def record_events(
    connection: Connection,
    ids: IdMaker,
    batch: Sequence[EventSubmission],
    live_keys: set[int],
    now: int,
    absences: Sequence[Absence] = (),
    horizon: int | None = None,
    answer: Answer | None = None,
    newest: NewestTenants | None = None,
) -> list[EventOutcome]:
    """Record `batch`, in the order of receipt, and say what became of each report.

    `live_keys`: ids of the senders' keys that hold at this moment. `horizon`: no deadline after it may be judged (None:
    this node alone commits). `newest`: what earlier batches left of the tenants that answers name.
    """
    outcomes: dict[int, EventOutcome] = {}
    claimed = []
    for i, report in enumerate(batch):
        earlier = None
        if report.key_id is not None and report.key_id not in live_keys:
            outcomes[i] = DEAD_KEY
        elif report.idempotency is not None:
            earlier = replay(connection, report.workspace_id, report.idempotency, now)
            claimed += [i] if earlier is None else []
        if earlier is not None:
            outcomes[i] = earlier
    fresh = {i: report for i, report in enumerate(batch) if i not in outcomes}
    if fresh:
        outcomes |= _Batch(connection, ids, now, newest or NewestTenants()).record(fresh, absences, horizon)
    if answer is not None:
        for i in claimed:
            _remember_answer(connection, batch[i], outcomes[i], answer)
    return [outcomes[i] for i in range(len(batch))]


class _Batch:
    """One batch on its way from reports to outcomes."""

    def __init__(self, connection: Connection, ids: IdMaker, now: int, newest: NewestTenants) -> None:
        self._connection = connection
        self._ids = ids
        self._now = now
        self._newest = newest
        self._rows: list[StoredEvent] = []

    def record(
        self, reports: dict[int, EventSubmission], absences: Sequence[Absence], horizon: int | None
    ) -> dict[int, EventOutcome]:
        tenants, refused = self._resolve_tenants(reports)
        outcomes: dict[int, EventOutcome] = dict(refused)
        rules = patterns.rulebooks(self._connection, {report.workspace_id for report in reports.values()})
        happening = {
            i: [_happening(event, tenants, rules) for event in report.events]
            for i, report in reports.items()
            if i not in refused
        }
        book = EventBook(self._ids, self._now, absences)
        self._take_up(book, [h for one in happening.values() for h in one if isinstance(h, Happening)])
        for i, several in happening.items():
            known = [h for h in several if isinstance(h, Happening)]
            if horizon is not None and not all(book.may_judge(h, horizon) for h in known):
                outcomes[i] = Held()
            else:
                outcomes[i] = Recorded(tuple([self._record_one(book, h) for h in several]))
        self._write(book)
        return outcomes

    def _resolve_tenants(self, reports: dict[int, EventSubmission]) -> tuple[_Tenants, dict[int, Refused]]:
        """The tenants of all reports, and the reports that are refused because of one; nothing is made for those."""
        keys = {(e.workspace_id, e.tenant) for report in reports.values() for e in report.events}
        known = hot_events.tenants(self._connection, keys)
        unknown = keys - known.keys()
        if not unknown and all(tenant.is_active for tenant in known.values()):
            return known, {}
        makeable = tenants_on_sight.wanted(self._connection, unknown)
        refused = {}
        for i, report in reports.items():
            refusal = _refusal(report, known, makeable)
            if refusal is not None:
                refused[i] = refusal
        kept = (e for i, report in reports.items() if i not in refused for e in report.events)
        missing = makeable & {(e.workspace_id, e.tenant) for e in kept}
        known |= tenants_on_sight.make(self._connection, self._ids, self._now, missing)
        return known, refused

    def _take_up(self, book: EventBook, happenings: Sequence[Happening]) -> None:
        """Lock what the events are about, and load the parts their tenants have in it."""
        if not happenings:
            return
        situations = integrations.lock_keys(self._connection, self._ids, self._now, {h.key for h in happenings})
        last = {s.key: s.incident for s in situations.values() if s.incident is not None}
        pairs = {(last[h.key].id, h.tenant_id) for h in happenings if h.key in last}
        book.open(situations, incidents.memberships(self._connection, sorted(pairs)))
        self._newest.load(self._connection, last.values())

    def _record_one(self, book: EventBook, one: "Happening | _Unmatched") -> EventReceipt:
        event_id = self._ids.new(self._now)
        met = book.play(one) if isinstance(one, Happening) else Met(Reason.EVENT_UNMATCHED)
        classification: Classification | None = one.classification if isinstance(one, Happening) else None
        pattern_id = None if classification is None else classification.pattern.id
        confidence = None if classification is None else classification.confidence
        incident, event = met.incident, one.event
        self._rows.append(
            StoredEvent(
                event_id,
                event.workspace_id,
                one.tenant_id,
                event.integration_key,
                event.event_type,
                event.error_code,
                pattern_id,
                confidence,
                None if incident is None else incident.id,
                event.moment,
                event.received_at,
                event.payload,
            )
        )
        if incident is None:
            return EventReceipt(met.reason, event_id, None, None, pattern_id, confidence)
        affected = self._newest.add(incident, event.tenant)
        told = incident.status, pattern_id, confidence, affected, incident.tenant_count
        return EventReceipt(met.reason, event_id, incident.id, *told)

    def _write(self, book: EventBook) -> None:
        write_book(self._connection, self._ids, self._now, book)
        integrations.write_subjects(self._connection, book.changed_subjects())
        hot_events.insert_events(self._connection, self._rows)


class _Unmatched(NamedTuple):
    """An event that no pattern knows."""

    event: Event
    tenant_id: int


def _happening(event: Event, tenants: _Tenants, rules: dict[int, Rulebook]) -> Happening | _Unmatched:
    tenant_id = tenants[event.workspace_id, event.tenant].id
    classification = rules[event.workspace_id].classify(event.event_type, event.error_code)
    return _Unmatched(event, tenant_id) if classification is None else Happening(event, tenant_id, classification)


def _refusal(report: EventSubmission, known: _Tenants, makeable: set[TenantKey]) -> Refused | None:
    """Why the report cannot be recorded: its first tenant who is not there, or deactivated."""
    for i, event in enumerate(report.events):
        key = event.workspace_id, event.tenant
        tenant = known.get(key)
        if (tenant is not None and tenant.is_active) or key in makeable:
            continue
        refusal = not_found("Tenant") if tenant is None else unprocessable("Tenant is deactivated.")
        if report.is_batch:
            return Refused(refusal.status, refusal.error_code, f"events[{i}]: {refusal.message}")
        return refusal
    return None


def _remember_answer(connection: Connection, report: EventSubmission, outcome: EventOutcome, answer: Answer) -> None:
    workspace_id, once = report.workspace_id, report.idempotency
    if once is None:
        return
    if isinstance(outcome, Recorded):
        remember(connection, workspace_id, once, 201, answer(report, outcome))
    elif isinstance(outcome, Refused):
        remember(connection, workspace_id, once, outcome.status, answer(report, outcome))
    else:
        forget(connection, workspace_id, once)
