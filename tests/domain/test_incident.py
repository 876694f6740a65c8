"""The life of an incident, row by row of its table."""

import pytest

from tests.support.domain import an_incident
from tocsin.domain import incident as life
from tocsin.domain.incident import Change
from tocsin.domain.model import SECOND, Absence, Incident, IncidentStatus, Windows
from tocsin.domain.reason import Reason

OPEN, RECOVERING, CLOSED = IncidentStatus.OPEN, IncidentStatus.RECOVERING, IncidentStatus.CLOSED
WINDOWS = Windows()
HOUR = 3600


def _told(change: Change) -> list[tuple[str, int]]:
    return [(alert.kind.value, alert.moment_at // SECOND) for alert in change.alerts]


def _steps(change: Change) -> list[tuple[str | None, str, int, str]]:
    return [(t.from_status, t.to_status, t.occurred_at // SECOND, t.sentence) for t in change.transitions]


def _opened(at: int = 0, tenants: int = 1) -> Incident:
    new = an_incident(cycle_tenants=tenants, tenant_count=tenants)
    return life.open_new(new, at * SECOND, Reason.MISS_THRESHOLD_MET, "words").incident


def _calm(at: int) -> Incident:
    return life.calm(_opened(), at * SECOND, WINDOWS, ()).incident


def _advance(incident: Incident, until: int, *absences: Absence) -> Change:
    return life.advance(incident, until * SECOND, WINDOWS, absences)


def _closed(at: int) -> Incident:
    return life.close(_opened(), at * SECOND, Reason.STABLE, "Stable").incident


def _join(incident: Incident, at: int, *, is_new: bool = True) -> Change:
    return life.join(incident, at * SECOND, is_new_in_cycle=is_new, is_new=is_new)


def test_it_opens() -> None:
    change = life.open_new(an_incident(), 7 * SECOND, Reason.MISS_THRESHOLD_MET, "1 tenant missed daily-report")
    assert _steps(change) == [(None, OPEN, 7, "1 tenant missed daily-report")]
    assert _told(change) == [("opened", 7)]


def test_a_dead_job_never_recovers() -> None:
    assert _steps(_advance(_opened(), 10**6)) == []


def test_open_to_recovering_to_closed_at_the_moments_they_were_due() -> None:
    change = _advance(_calm(100), 10**6)
    assert _steps(change) == [
        (OPEN, RECOVERING, 400, "No events for 5 min"),
        (RECOVERING, CLOSED, 1000, "Stable for 10 min"),
    ]
    assert _told(change) == [("resolved", 1000)]
    assert change.incident.check_at is None


@pytest.mark.parametrize(("until", "status"), [(399, OPEN), (400, RECOVERING), (999, RECOVERING), (1000, CLOSED)])
def test_never_before_they_are_due(until: int, status: IncidentStatus) -> None:
    assert _advance(_calm(100), until).incident.status == status


def test_its_clocks_stand_still_while_we_are_away() -> None:
    change = _advance(_calm(100), 10**6, Absence(1, 200 * SECOND, 250 * SECOND), Absence(2, 500 * SECOND, 900 * SECOND))
    assert [(to, at) for _, to, at, _ in _steps(change)] == [(RECOVERING, 450), (CLOSED, 1450)]


def test_calm_twice_starts_the_clock_once() -> None:
    assert life.calm(_calm(100), 300 * SECOND, WINDOWS, ()).incident.calm_since_at == 100 * SECOND


def test_who_is_affected_again_stops_the_recovery_clock() -> None:
    again = _join(_calm(100), 200, is_new=False).incident
    assert again.calm_since_at is None
    assert _steps(_advance(again, 10**6)) == []


@pytest.mark.parametrize(
    ("incident", "words"),
    [(_advance(_calm(0), 400).incident, "New event during recovery"), (_closed(50), "New event within cooldown")],
)
def test_it_is_reopened(incident: Incident, words: str) -> None:
    change = life.reopen(incident, 500 * SECOND, Reason.AFFECTED_IN_RECOVERY, 2)
    assert _steps(change) == [(incident.status, OPEN, 500, words)]
    assert _told(change) == [("reopened", 500)]
    after = change.incident
    assert (after.reopen_count, after.cycle, after.cycle_tenants, after.is_chronic) == (1, 2, 2, False)
    assert (after.recovering_at, after.closed_at, after.calm_since_at) == (None, None, None)


def test_the_first_alert_is_opened_whatever_came_before() -> None:
    silent = _closed(50)._replace(was_alerted=False)
    assert _told(life.reopen(silent, SECOND, Reason.AFFECTED_IN_COOLDOWN, 1)) == [("opened", 1)]


def test_three_reopenings_make_it_chronic() -> None:
    incident = _closed(50)
    for _ in range(3):
        assert not incident.is_chronic
        incident = life.reopen(incident, 60 * SECOND, Reason.AFFECTED_IN_COOLDOWN, 1).incident
    assert incident.is_chronic


@pytest.mark.parametrize(
    ("moment", "absences", "can"),
    [
        (950, [], True),
        (951, [], False),
        (1050, [(100, 200)], True),
        (1051, [(100, 200)], False),
        (951, [(10, 40)], False),
    ],
)
def test_how_long_a_closed_one_is_taken_up_again(moment: int, absences: list[tuple[int, int]], can: bool) -> None:
    away = [Absence(i, a * SECOND, b * SECOND) for i, (a, b) in enumerate(absences)]
    assert life.can_reuse(_closed(50), moment * SECOND, 900 * SECOND, away) is can


def test_resolved_is_due_only_where_somebody_was_told() -> None:
    told = life.close(_opened(), 9 * SECOND, Reason.RESOLVED_MANUALLY, "Resolved manually")
    assert (_steps(told), _told(told)) == ([(OPEN, CLOSED, 9, "Resolved manually")], [("resolved", 9)])
    silent = life.close(_opened()._replace(is_announced=False), 9 * SECOND, Reason.STABLE, "Stable")
    assert _told(silent) == []


class TestBlastRadius:
    def test_the_first_expansion_alerts_at_once(self) -> None:
        assert _told(_join(_opened(), 1)) == [("blastRadiusExpanded", 1)]

    def test_those_of_the_same_moment_are_in_the_same_alert(self) -> None:
        opened = _join(_opened(5), 5)
        assert (_told(opened), opened.incident.alerted_tenants, opened.incident.check_at) == ([], 2, None)

    def test_a_later_one_waits_for_a_doubling_and_half_a_minute(self) -> None:
        incident = _join(_join(_opened(), 1).incident, 2).incident
        assert _told(_advance(incident, HOUR)) == []
        doubled = _join(incident, 3).incident
        assert doubled.check_at == 31 * SECOND
        assert _told(_advance(doubled, 30)) == []
        assert _told(_advance(doubled, 31)) == [("blastRadiusExpanded", 31)]

    def test_a_doubling_after_half_a_minute_is_told_at_once(self) -> None:
        incident = _join(_join(_opened(), 1).incident, 2).incident
        assert _told(_join(incident, 100)) == [("blastRadiusExpanded", 100)]

    def test_an_hour_is_patience_enough(self) -> None:
        incident = _join(_join(_opened(), 1).incident, 2).incident
        assert _told(_advance(incident, HOUR + 1)) == [("blastRadiusExpanded", HOUR + 1)]
        assert _told(_advance(incident, 2 * HOUR + 2)) == [("blastRadiusExpanded", HOUR + 1)]

    def test_a_tenant_counts_once_a_cycle(self) -> None:
        assert _told(_join(_opened(), 10, is_new=False)) == []

    def test_it_is_dropped_once_the_incident_has_left_open(self) -> None:
        incident = _join(_join(_opened(), 1).incident, 2).incident
        calm = life.calm(incident, 10 * SECOND, WINDOWS, ()).incident
        assert _told(_advance(calm, 10**6)) == [("resolved", 910)]

    def test_a_new_cycle_begins_anew(self) -> None:
        incident = _join(_join(_opened(), 1).incident, 2).incident
        again = life.reopen(incident, 5 * SECOND, Reason.AFFECTED_IN_RECOVERY, 1).incident
        assert _told(_join(again, 6)) == [("blastRadiusExpanded", 6)]


class TestOfIntegrations:
    def opened(self, *, silently: bool = False) -> Incident:
        new = an_incident(kind="integration", cycle_tenants=1)
        opened = life.open_new(new, 0, Reason.PATTERN_MATCHED, "words", silently=silently).incident
        return life.hear(opened, 0, WINDOWS, ())

    def test_no_event_for_long_enough_is_recovery(self) -> None:
        change = _advance(self.opened(), 10**6)
        assert _steps(change) == [
            (OPEN, RECOVERING, 300, "No events for 5 min"),
            (RECOVERING, CLOSED, 900, "Stable for 10 min"),
        ]
        assert [t.reason for t in change.transitions] == [Reason.NO_EVENTS, Reason.STABLE]

    def test_each_event_is_counted_and_starts_the_clock_anew(self) -> None:
        incident = life.hear(self.opened(), 100 * SECOND, WINDOWS, ())
        assert (incident.event_count, incident.check_at) == (2, 400 * SECOND)

    def test_silently_nobody_is_told_and_so_nobody_is_told_of_the_end(self) -> None:
        silent = self.opened(silently=True)
        assert (silent.is_announced, life.is_told(silent)) == (False, False)
        assert _told(_advance(silent, 10**6)) == []
        assert _told(_join(silent, 1)) == []

    def test_what_began_silently_is_told_of_when_there_is_enough(self) -> None:
        grown = _join(self.opened(silently=True), 5).incident
        told = life.tell(grown, 7 * SECOND)
        assert (_told(told), _steps(told)) == ([("opened", 7)], [])
        assert (told.incident.alerted_tenants, life.is_told(told.incident)) == (2, True)

    def test_a_silent_reopening_is_told_of_as_reopened(self) -> None:
        recovering = _advance(self.opened(), 300).incident
        silent = life.reopen(recovering, 400 * SECOND, Reason.EVENT_IN_RECOVERY, 1, silently=True)
        assert (_told(silent), life.is_told(silent.incident)) == ([], False)
        assert _told(life.tell(silent.incident, 410 * SECOND)) == [("reopened", 410)]

    def test_an_opening_that_was_told_is_answered_by_resolved_even_after_a_silent_reopening(self) -> None:
        recovering = _advance(self.opened(), 300).incident
        silent = life.reopen(recovering, 400 * SECOND, Reason.EVENT_IN_RECOVERY, 1, silently=True).incident
        quiet = life.hear(silent, 400 * SECOND, WINDOWS, ())
        assert _told(_advance(quiet, 10**6)) == [("resolved", 1300)]

    def test_an_old_event_is_counted_and_moves_no_clock(self) -> None:
        recovering = _advance(self.opened(), 300).incident
        noted = life.note(recovering, is_new_in_cycle=True, is_new=True)
        assert (noted.event_count, noted.tenant_count, noted.check_at) == (2, 2, recovering.check_at)


@pytest.mark.parametrize(
    ("seconds", "words"), [(45, "45 s"), (60, "1 min"), (90, "90 s"), (300, "5 min"), (3600, "1 h"), (5400, "90 min")]
)
def test_windows_in_words(seconds: int, words: str) -> None:
    assert life.in_words(seconds * SECOND) == words
