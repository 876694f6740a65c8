"""The life of an incident: Open, Recovering, Closed, reopened. Every function gives the incident as it is afterwards,
with the transitions and alerts that follow. The same for jobs and integrations; what differs is who calls."""

from collections.abc import Sequence
from typing import NamedTuple

from tocsin.domain.absence import due_at
from tocsin.domain.model import SECOND, Absence, Alert, AlertKind, Incident, IncidentStatus, Transition, Windows
from tocsin.domain.reason import Reason

EXPANSION_PAUSE = 30 * SECOND
EXPANSION_PATIENCE = 3600 * SECOND


class Change(NamedTuple):
    """An incident after a decision, and what the decision causes."""

    incident: Incident
    transitions: tuple[Transition, ...] = ()
    alerts: tuple[Alert, ...] = ()

    def then(self, other: "Change") -> "Change":
        return Change(other.incident, self.transitions + other.transitions, self.alerts + other.alerts)


def in_words(duration: int) -> str:
    """A window as timelines print it: `45 s`, `5 min`, `2 h`."""
    seconds = duration // SECOND
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def open_new(incident: Incident, moment: int, reason: Reason, sentence: str, *, silently: bool = False) -> Change:
    """A new incident opens, with `incident.cycle_tenants` tenants in it. `silently`: nobody is told of it yet."""
    opened = incident._replace(status=IncidentStatus.OPEN, opened_at=moment, cycle=1)
    transition = Transition(incident.id, None, IncidentStatus.OPEN, reason, sentence, moment)
    return Change(opened, (transition,)) if silently else _tell(opened, moment).then_first(transition)


def reopen(incident: Incident, moment: int, reason: Reason, tenants: int, *, silently: bool = False) -> Change:
    """A new cycle begins with `tenants` affected: from Recovering, or from Closed within the cooldown."""
    words = "New event within cooldown" if incident.status == IncidentStatus.CLOSED else "New event during recovery"
    transition = Transition(incident.id, incident.status, IncidentStatus.OPEN, reason, words, moment)
    opened = incident._replace(
        status=IncidentStatus.OPEN,
        reopened_at=moment,
        recovering_at=None,
        closed_at=None,
        reopen_count=incident.reopen_count + 1,
        cycle=incident.cycle + 1,
        cycle_tenants=tenants,
        calm_since_at=None,
        alerted_tenants=0,
        expansions=0,
    )
    return Change(opened, (transition,)) if silently else _tell(opened, moment).then_first(transition)


def tell(incident: Incident, moment: int) -> Change:
    """The present cycle, which began silently, is told of after all."""
    return Change(*_tell(incident, moment))


def is_told(incident: Incident) -> bool:
    """Whether people were told of the present cycle."""
    return incident.alerted_tenants > 0


def hear(incident: Incident, last_event_at: int, windows: Windows, absences: Sequence[Absence]) -> Incident:
    """An open incident of an integration takes in one more event, and the recovery clock starts anew."""
    heard = incident._replace(calm_since_at=last_event_at, event_count=incident.event_count + 1)
    return _timed(heard, windows, absences)


def note(incident: Incident, *, is_new_in_cycle: bool, is_new: bool) -> Incident:
    """A recovering incident takes in an event too old to be news: it is counted, and moves no clock."""
    return incident._replace(
        event_count=incident.event_count + 1,
        tenant_count=incident.tenant_count + is_new,
        cycle_tenants=incident.cycle_tenants + is_new_in_cycle,
    )


def can_reuse(incident: Incident, moment: int, cooldown: int, absences: Sequence[Absence]) -> bool:
    """Whether a closed incident is taken up again rather than a new one opened."""
    return incident.closed_at is not None and moment <= due_at(incident.closed_at, cooldown, absences)


def join(incident: Incident, moment: int, *, is_new_in_cycle: bool, is_new: bool, missed: int = 0) -> Change:
    """A tenant becomes affected while the incident is open. The first expansion of a cycle is told at once, a later one
    when it is due; who joins at the moment of the last alert is in it."""
    cycle_tenants = incident.cycle_tenants + is_new_in_cycle
    is_in_alert = is_told(incident) and incident.last_alert_at is not None and moment <= incident.last_alert_at
    grown = incident._replace(
        calm_since_at=None,
        cycle_tenants=cycle_tenants,
        tenant_count=incident.tenant_count + is_new,
        missed_runs=incident.missed_runs + missed,
        event_count=incident.event_count + missed,
        alerted_tenants=cycle_tenants if is_in_alert else incident.alerted_tenants,
    )
    due = expansion_due(grown)
    if due is not None and (grown.expansions == 0 or due <= moment):
        return _announce(grown, AlertKind.BLAST_RADIUS_EXPANDED, moment)
    return Change(grown if grown.check_at == due else grown._replace(check_at=due))


def add_missed(incident: Incident, missed: int) -> Incident:
    """Tenants who are in it miss again."""
    return incident._replace(missed_runs=incident.missed_runs + missed, event_count=incident.event_count + missed)


def calm(incident: Incident, moment: int, windows: Windows, absences: Sequence[Absence]) -> Change:
    """Nobody is affected any more: the recovery clock starts."""
    if incident.status != IncidentStatus.OPEN or incident.calm_since_at is not None:
        return Change(incident)
    return Change(_timed(incident._replace(calm_since_at=moment), windows, absences))


def advance(incident: Incident, now: int, windows: Windows, absences: Sequence[Absence]) -> Change:
    """Whatever time alone has done to the incident up to `now`, each step at the moment it was due."""
    change = Change(incident)
    while True:
        step = _next_step(change.incident, now, windows, absences)
        if step is None:
            return change._replace(incident=_timed(change.incident, windows, absences))
        change = change.then(step)


def runs_out(incident: Incident, until_at: int, windows: Windows, absences: Sequence[Absence]) -> bool:
    """Whether it recovers, or closes, by then, if nothing happens."""
    due = _recovery_due(incident, windows, absences)
    return due is not None and due <= until_at


def close(incident: Incident, moment: int, reason: Reason, sentence: str) -> Change:
    """The incident ends; `resolved` is due only if somebody was told that it began."""
    transition = Transition(incident.id, incident.status, IncidentStatus.CLOSED, reason, sentence, moment)
    closed = incident._replace(
        status=IncidentStatus.CLOSED, closed_at=moment, calm_since_at=None, check_at=None, is_announced=False
    )
    told = (Alert(incident.id, AlertKind.RESOLVED, incident.cycle, moment),) if incident.is_announced else ()
    return Change(closed, (transition,), told)


def _next_step(incident: Incident, now: int, windows: Windows, absences: Sequence[Absence]) -> Change | None:
    """The first thing that falls due up to `now`, or None."""
    recovery, expansion = _recovery_due(incident, windows, absences), expansion_due(incident)
    if expansion is not None and expansion <= now and (recovery is None or expansion <= recovery):
        return _announce(incident, AlertKind.BLAST_RADIUS_EXPANDED, expansion)
    if recovery is None or recovery > now:
        return None
    if incident.status == IncidentStatus.RECOVERING:
        return close(incident, recovery, Reason.STABLE, f"Stable for {in_words(windows.close)}")
    words = f"No events for {in_words(windows.recovery)}"
    reason = Reason.NOBODY_AFFECTED if incident.kind == "job" else Reason.NO_EVENTS
    transition = Transition(incident.id, incident.status, IncidentStatus.RECOVERING, reason, words, recovery)
    return Change(incident._replace(status=IncidentStatus.RECOVERING, recovering_at=recovery), (transition,))


def _recovery_due(incident: Incident, windows: Windows, absences: Sequence[Absence]) -> int | None:
    """When an open incident recovers, or a recovering one closes."""
    if incident.status == IncidentStatus.OPEN and incident.calm_since_at is not None:
        return due_at(incident.calm_since_at, windows.recovery, absences)
    if incident.status == IncidentStatus.RECOVERING and incident.recovering_at is not None:
        return due_at(incident.recovering_at, windows.close, absences)
    return None


def expansion_due(incident: Incident) -> int | None:
    """When a withheld expansion of the blast radius is to be told; None if there is nothing to tell."""
    is_open = incident.status == IncidentStatus.OPEN and incident.is_announced and is_told(incident)
    if not is_open or incident.last_alert_at is None or incident.cycle_tenants <= incident.alerted_tenants:
        return None
    if incident.cycle_tenants >= 2 * incident.alerted_tenants:
        return incident.last_alert_at + EXPANSION_PAUSE
    return incident.last_alert_at + EXPANSION_PATIENCE


class _Announced(Change):
    """A change that has yet to be headed by the transition that caused it."""

    def then_first(self, transition: Transition) -> Change:
        return Change(self.incident, (transition, *self.transitions), self.alerts)


def _tell(incident: Incident, moment: int) -> _Announced:
    """`opened`, or `reopened` where there was an alert before: an incident's first is always `opened`."""
    return _announce(incident, AlertKind.REOPENED if incident.was_alerted else AlertKind.OPENED, moment)


def _announce(incident: Incident, kind: AlertKind, moment: int) -> _Announced:
    told = incident._replace(
        was_alerted=True,
        is_announced=True,
        alerted_tenants=incident.cycle_tenants,
        last_alert_at=moment,
        expansions=incident.expansions + (kind is AlertKind.BLAST_RADIUS_EXPANDED),
    )
    return _Announced(
        told._replace(check_at=expansion_due(told)), (), (Alert(incident.id, kind, incident.cycle, moment),)
    )


def _timed(incident: Incident, windows: Windows, absences: Sequence[Absence]) -> Incident:
    """The incident with `check_at` at the next moment at which time alone changes it."""
    due = [d for d in (_recovery_due(incident, windows, absences), expansion_due(incident)) if d is not None]
    return incident._replace(check_at=min(due) if due else None)
