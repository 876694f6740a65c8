"""The incidents of one transaction, whatever they are about: opened, calmed, reopened, closed, each with its alerts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from tocsin.domain import incident as life
from tocsin.domain.ids import IdMaker
from tocsin.domain.incident import Change
from tocsin.domain.model import Absence, Alert, Incident, IncidentStatus, Membership, Transition, Windows
from tocsin.domain.reason import Reason
from tocsin.store.incidents import Attachment

_EVER = 1 << 62


@dataclass(slots=True)
class Case:
    """What an incident may be about, while decisions about it are made. `judged_until_at`: deadlines that would tell of
    it are judged up to then, and its time passes no further."""

    windows: Windows
    incident: Incident | None
    judged_until_at: int = field(default=_EVER, kw_only=True)


C = TypeVar("C", bound=Case)


class Lives(Generic[C]):
    """Cases by the id of what they are about, and everything that is to be written about their incidents."""

    def __init__(self, ids: IdMaker, now: int, absences: Sequence[Absence]) -> None:
        self.counters: dict[int, tuple[int, int, int]] = {}
        self.new_incidents: dict[int, Incident] = {}
        self.changed_incidents: dict[int, Incident] = {}
        self.memberships: dict[tuple[int, int], Membership] = {}
        #: Those of them who are in their incident's cycle for the first time.
        self.joined: list[Membership] = []
        self.attachments: list[Attachment] = []
        self.transitions: list[tuple[int, Transition]] = []
        self.alerts: list[tuple[int, Alert]] = []
        self._absences = absences
        self._ids = ids
        self._now = now
        self._cases: dict[int, C] = {}
        self._known: dict[tuple[int, int], Membership] = {}

    def take_up(self, cases: dict[int, C], known: Iterable[Membership]) -> None:
        """Begin with these cases; `known`: parts that tenants have in their incidents already."""
        self._cases = cases
        self._known = {(m.incident_id, m.tenant_id): m for m in known}

    def advance(self, until_at: int) -> None:
        """Let incidents do what time alone makes them do."""
        for case in self._cases.values():
            self._pass_time(case, until_at)

    def close(self, keys: Iterable[int], moment: int, reason: Reason, sentence: str) -> None:
        """End the live incidents of these cases."""
        for case in (self._cases[key] for key in keys):
            incident = self._pass_time(case, moment)
            if incident is not None and incident.status != IncidentStatus.CLOSED:
                self._apply(case, life.close(incident, moment, reason, sentence))

    def _pass_time(self, case: C, until_at: int) -> Incident | None:
        incident, until_at = case.incident, min(until_at, case.judged_until_at)
        if incident is not None and incident.check_at is not None and incident.check_at <= until_at:
            return self._apply(case, life.advance(incident, until_at, case.windows, self._absences))
        return incident

    def _apply(self, case: C, change: Change) -> Incident:
        """Remember a changed incident, its transitions and its alerts."""
        incident = change.incident
        if incident is not case.incident:
            known = self.new_incidents if incident.id in self.new_incidents else self.changed_incidents
            known[incident.id] = case.incident = incident
        if change.transitions:
            self.transitions += [(incident.workspace_id, t) for t in change.transitions]
        if change.alerts:
            self.alerts += [(incident.workspace_id, a) for a in change.alerts]
        return incident

    def _admit(self, member: Membership) -> None:
        """Write down a tenant's part in an incident."""
        key = (member.incident_id, member.tenant_id)
        known = self._known.get(key)
        if known is None or known.cycle != member.cycle:
            self.joined.append(member)
        self._known[key] = self.memberships[key] = member
