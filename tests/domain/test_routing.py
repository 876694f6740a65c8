import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.model import AlertKind
from tocsin.domain.routing import CatchUp, Routes, Subject, Telling, Terms, fault_of, heard_as, next_reminder, takes

OPENED, REOPENED, RESOLVED = AlertKind.OPENED, AlertKind.REOPENED, AlertKind.RESOLVED
EXPANDED, REMINDER = AlertKind.BLAST_RADIUS_EXPANDED, AlertKind.REMINDER
ACKNOWLEDGED = AlertKind.ACKNOWLEDGED
REPORT = Subject(frozenset({"daily-report"}), None, frozenset({"billing", "nightly"}))
PAYMENTS = Subject(integration_key="payments")


@pytest.mark.parametrize(
    ("routes", "subject", "expected"),
    [
        (Routes(), REPORT, True),
        (Routes(), PAYMENTS, True),
        (Routes(jobs=("daily-report",)), REPORT, True),
        (Routes(jobs=("daily",)), REPORT, False),
        (Routes(jobs=("daily-report",)), PAYMENTS, False),
        (Routes(tags=("nightly",)), REPORT, True),
        (Routes(tags=("hourly",)), REPORT, False),
        (Routes(integrations=("payments",)), PAYMENTS, True),
        (Routes(integrations=("payments",)), REPORT, False),
        (Routes(jobs=("other",), tags=("billing",)), REPORT, True),
        (Routes(jobs=("other",), integrations=("payments",)), PAYMENTS, True),
        (Routes(tenants=("acme",), kinds=("opened",)), PAYMENTS, True),
    ],
)
def test_what_a_channel_listens_to(routes: Routes, subject: Subject, expected: bool) -> None:
    assert takes(routes, subject) is expected


ELSEWHERE = Routes(jobs=("other",))
ACME = Routes(tenants=("acme",))
#: Never told of it; told of the opening; of an opening of an earlier cycle, unanswered; of one that was resolved.
NEVER = Telling()
TOLD = Telling(was_told=True, is_in_cycle=True, was_ever_told=True)
BEFORE = Telling(was_told=True, was_ever_told=True)
ONCE = Telling(was_ever_told=True)


@pytest.mark.parametrize(
    ("routes", "kind", "told", "keeps_state", "expected"),
    [
        (Routes(), OPENED, NEVER, False, OPENED),
        (Routes(), RESOLVED, TOLD, False, RESOLVED),
        (Routes(), RESOLVED, NEVER, False, None),
        (ELSEWHERE, OPENED, NEVER, False, None),
        (ELSEWHERE, EXPANDED, TOLD, False, None),
        (ELSEWHERE, REMINDER, TOLD, False, None),
        (ELSEWHERE, RESOLVED, TOLD, False, RESOLVED),  # routes were changed meanwhile
        (Routes(kinds=("opened",)), RESOLVED, TOLD, False, None),
        (Routes(kinds=("opened",)), REMINDER, TOLD, False, REMINDER),
        (Routes(kinds=("reopened", "resolved")), OPENED, NEVER, False, None),
        (Routes(), EXPANDED, NEVER, False, OPENED),  # one that came later begins with what comes
        (Routes(kinds=("blastRadiusExpanded",)), EXPANDED, NEVER, False, EXPANDED),
        (Routes(), EXPANDED, NEVER, True, OPENED),  # a pager that came later hears the end too
        (Routes(), EXPANDED, TOLD, True, EXPANDED),
        (ACME, EXPANDED, NEVER, False, OPENED),
        (ACME, EXPANDED, TOLD, False, EXPANDED),
        (Routes(), REOPENED, NEVER, False, OPENED),  # an incident's first alert is `opened`, for each channel
        (Routes(), REOPENED, BEFORE, False, REOPENED),
        (Routes(), REOPENED, ONCE, False, REOPENED),
        (Routes(tenants=("acme",), kinds=("opened", "resolved")), EXPANDED, NEVER, False, OPENED),
        (Routes(), ACKNOWLEDGED, TOLD, False, None),
        (Routes(), ACKNOWLEDGED, TOLD, True, ACKNOWLEDGED),
        (Routes(), ACKNOWLEDGED, ONCE, True, None),
        (Routes(tenants=("acme",), kinds=("blastRadiusExpanded", "resolved")), EXPANDED, NEVER, False, OPENED),
    ],
)
def test_as_what_an_alert_is_heard(
    routes: Routes, kind: AlertKind, told: Telling, keeps_state: bool, expected: AlertKind | None
) -> None:
    assert heard_as(routes, kind, REPORT, told, keeps_state=keeps_state) == expected


@pytest.mark.parametrize(
    ("routes", "kind", "told", "expected"),
    [
        (Routes(), OPENED, NEVER, OPENED),
        (Routes(), REOPENED, NEVER, OPENED),
        (Routes(), REOPENED, BEFORE, REOPENED),
        (Routes(), OPENED, TOLD, EXPANDED),  # it was told of the opening: what is missing are those who joined
        (Routes(), EXPANDED, TOLD, EXPANDED),
        (Routes(), EXPANDED, NEVER, OPENED),
        (ACME, EXPANDED, NEVER, OPENED),
        (Routes(), REMINDER, TOLD, REMINDER),
        (Routes(), REMINDER, NEVER, OPENED),
        (Routes(kinds=("opened", "resolved")), OPENED, TOLD, None),
        (Routes(kinds=("reopened",)), REOPENED, NEVER, REOPENED),
        (Routes(kinds=("opened", "resolved")), REOPENED, NEVER, OPENED),
        (Routes(kinds=("opened", "resolved")), REOPENED, BEFORE, None),
    ],
)
def test_what_makes_up_for_a_quiet_says_what_is_missing(
    routes: Routes, kind: AlertKind, told: Telling, expected: AlertKind | None
) -> None:
    assert heard_as(routes, kind, REPORT, told, catch_up=CatchUp.QUIET) == expected


@pytest.mark.parametrize(
    ("terms", "keeps_state", "sentence"),
    [
        (Terms(), True, None),
        (Terms(Routes(kinds=("opened", "resolved")), 5, 5), True, None),
        (Terms(Routes(kinds=("blastRadiusExpanded",))), False, None),
        (Terms(Routes(kinds=("resolved",))), False, "routes.kinds must hold opened"),
        (Terms(Routes(kinds=("opened",))), True, "routes.kinds must hold resolved"),
        (Terms(Routes(kinds=("blastRadiusExpanded",)), remind_every=5), False, "remindEverySeconds needs"),
    ],
)
def test_terms_that_cannot_be_meant_are_explained(terms: Terms, keeps_state: bool, sentence: str | None) -> None:
    fault = fault_of(terms, keeps_state=keeps_state)
    assert fault is None if sentence is None else (fault or "").startswith(sentence)


@given(st.integers(0, 10**6), st.integers(1, 10**4), st.integers(0, 10**7))
def test_the_next_reminder_is_a_whole_period_away_and_ahead(due_at: int, every: int, late: int) -> None:
    now = due_at + late
    next_at = next_reminder(due_at, every, now)
    assert next_at > now
    assert next_at - every <= now
    assert (next_at - due_at) % every == 0
