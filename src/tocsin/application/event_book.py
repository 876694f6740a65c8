"""What events mean for incidents of integrations: opened, joined, reopened, and told of when there are enough."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tocsin.application.lives import Case, Lives
from tocsin.domain import incident as life
from tocsin.domain import pattern as patterns
from tocsin.domain.event import Event, IntegrationPattern
from tocsin.domain.ids import IdMaker
from tocsin.domain.incident import Change
from tocsin.domain.model import Absence, Incident, IncidentStatus, Membership
from tocsin.domain.pattern import Classification
from tocsin.domain.reason import Reason
from tocsin.store.integrations import Key, Situation


class Met(NamedTuple):
    """What an event came to: the incident it is in afterwards, if any."""

    reason: Reason
    incident: Incident | None = None


class Happening(NamedTuple):
    """An event of a known tenant that falls under a pattern."""

    event: Event
    tenant_id: int
    classification: Classification

    @property
    def key(self) -> Key:
        return self.event.workspace_id, self.event.integration_key, self.classification.pattern.id


@dataclass(slots=True)
class _Case(Case):
    """An integration under a pattern while its events are played. `counted`: moments that count, sorted."""

    subject: IntegrationPattern
    counted: list[int]


class EventBook(Lives[_Case]):
    """The incidents of integrations in one transaction, by the ids of their subjects."""

    def __init__(self, ids: IdMaker, now: int, absences: Sequence[Absence]) -> None:
        super().__init__(ids, now, absences)
        self._ids_by_key: dict[Key, int] = {}

    def open(self, situations: dict[int, Situation], known: Iterable[Membership] = ()) -> None:
        """Take up these subjects as they stand; `known`: parts that tenants have in their incidents already."""
        self._ids_by_key = {situation.key: subject_id for subject_id, situation in situations.items()}
        self.take_up(
            {
                subject_id: _Case(s.windows, s.incident, s.subject, json.loads(s.subject.counted or "[]"))
                for subject_id, s in situations.items()
            },
            known,
        )

    def changed_subjects(self) -> list[IntegrationPattern]:
        """Those that count otherwise than when they were taken up."""
        written = [case.subject._replace(counted=_text(case.counted)) for case in self._cases.values()]
        was = (case.subject for case in self._cases.values())
        return [now for now, before in zip(written, was, strict=True) if now.counted != before.counted]

    def may_judge(self, happening: Happening, horizon: int) -> bool:
        """Whether all that fell due before the event's receipt may be judged: no node still holds an older event."""
        incident = self._case(happening).incident
        due = None if incident is None else incident.check_at
        return due is None or not horizon < due < happening.event.received_at

    def play(self, happening: Happening) -> Met:
        case, event = self._case(happening), happening.event
        incident = self._pass_time(case, event.received_at - 1)  # an event at the very moment of a deadline is in time
        is_live = incident is not None and incident.status != IncidentStatus.CLOSED
        if event.moment < event.received_at - case.windows.recovery:
            return self._note(case, incident, happening) if is_live and incident else Met(Reason.EVENT_TOO_OLD)
        if is_live and incident is not None:
            return self._join(case, incident, happening)
        return self._begin(case, incident, happening)

    def _case(self, happening: Happening) -> _Case:
        return self._cases[self._ids_by_key[happening.key]]

    def _begin(self, case: _Case, closed: Incident | None, happening: Happening) -> Met:
        """No incident lives: the last one is taken up again, or a new one opens."""
        moment, silently = happening.event.received_at, happening.classification.pattern.threshold is not None
        case.counted = []
        if closed is not None and life.can_reuse(closed, moment, case.windows.cooldown, self._absences):
            return self._reopen(case, closed, happening, Reason.EVENT_IN_COOLDOWN)
        opening = self._new(case, happening)
        sentence = f"Pattern matched: {opening.pattern_id}"
        change = life.open_new(opening, moment, Reason.PATTERN_MATCHED, sentence, silently=silently)
        self.new_incidents[opening.id] = opening
        return self._take_in(case, change, happening, Reason.EVENT_OPENED)

    def _join(self, case: _Case, incident: Incident, happening: Happening) -> Met:
        if incident.status == IncidentStatus.RECOVERING:
            case.counted = []
            return self._reopen(case, incident, happening, Reason.EVENT_IN_RECOVERY)
        member = self._member(incident, happening)
        is_new_in_cycle = member is None or member.cycle != incident.cycle
        moment = happening.event.received_at
        change = life.join(incident, moment, is_new_in_cycle=is_new_in_cycle, is_new=member is None)
        return self._take_in(case, change, happening, Reason.EVENT_JOINED, incident.calm_since_at or 0)

    def _reopen(self, case: _Case, incident: Incident, happening: Happening, reason: Reason) -> Met:
        moment, silently = happening.event.received_at, happening.classification.pattern.threshold is not None
        is_new = self._member(incident, happening) is None
        grown = incident._replace(tenant_count=incident.tenant_count + is_new)
        change = life.reopen(grown, moment, reason, 1, silently=silently)
        return self._take_in(case, change, happening, Reason.EVENT_JOINED)

    def _take_in(
        self, case: _Case, change: Change, happening: Happening, reason: Reason, last_event_at: int = 0
    ) -> Met:
        """The incident is open: count the event, tell of it if it is due, and start the recovery clock anew."""
        moment = happening.event.received_at
        if not life.is_told(change.incident) and self._is_enough(case, happening):
            change = change.then(life.tell(change.incident, moment))
        heard = life.hear(change.incident, max(moment, last_event_at), case.windows, self._absences)
        incident = self._apply(case, change._replace(incident=heard))
        self._enter(incident, happening)
        return Met(reason, incident)

    def _is_enough(self, case: _Case, happening: Happening) -> bool:
        """Whether the cycle, not told of so far, is to be told of now."""
        threshold, event = happening.classification.pattern.threshold, happening.event
        if threshold is None:
            return True
        counted, is_enough = patterns.count(case.counted, event.moment, threshold)
        earliest = event.received_at - case.windows.recovery
        case.counted = [] if is_enough else patterns.still_counting(counted, threshold, earliest)
        return is_enough

    def _note(self, case: _Case, incident: Incident, happening: Happening) -> Met:
        """An event that is no news joins an incident that lives, and leaves its recovery clock alone."""
        member, moment = self._member(incident, happening), happening.event.received_at
        is_new, is_new_in_cycle = member is None, member is None or member.cycle != incident.cycle
        if incident.status == IncidentStatus.RECOVERING:
            change = Change(life.note(incident, is_new_in_cycle=is_new_in_cycle, is_new=is_new))
        else:
            change = life.join(incident, moment, is_new_in_cycle=is_new_in_cycle, is_new=is_new)
            last_event_at = incident.calm_since_at or moment
            heard = life.hear(change.incident, last_event_at, case.windows, self._absences)
            change = change._replace(incident=heard)
        noted = self._apply(case, change)
        self._enter(noted, happening)
        return Met(Reason.EVENT_TOO_OLD, noted)

    def _new(self, case: _Case, happening: Happening) -> Incident:
        subject, (pattern, confidence) = case.subject, happening.classification
        return Incident(
            id=self._ids.new(self._now),
            workspace_id=subject.workspace_id,
            kind="integration",
            job_environment_id=None,
            job_key=None,
            job_name=None,
            environment=None,
            integration_key=subject.integration_key,
            pattern_id=pattern.id,
            pattern_name=pattern.name,
            confidence=confidence,
            status=IncidentStatus.OPEN,
            opened_at=happening.event.received_at,
            cycle_tenants=1,
            tenant_count=1,
        )

    def _member(self, incident: Incident, happening: Happening) -> Membership | None:
        return self._known.get((incident.id, happening.tenant_id))

    def _enter(self, incident: Incident, happening: Happening) -> None:
        """Write down the tenant's part in the incident."""
        member, moment = self._member(incident, happening), happening.event.received_at
        if member is None:
            workspace_id, cycle = incident.workspace_id, incident.cycle
            entered = Membership(incident.id, happening.tenant_id, workspace_id, cycle, 1, 0, moment, moment, moment)
        else:
            entered = member._replace(
                cycle=incident.cycle,
                event_count=member.event_count + 1,
                last_seen_at=max(member.last_seen_at, moment),
                cycle_seen_at=member.cycle_seen_at if member.cycle == incident.cycle else moment,
            )
        self._admit(entered)


def _text(counted: list[int]) -> str | None:
    return json.dumps(counted, separators=(",", ":")) if counted else None
