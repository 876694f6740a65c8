import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.model import AlertKind
from tocsin.domain.routing import Routes, Subject, Terms, fault_of, heard_as, next_reminder, takes

OPENED, REOPENED, RESOLVED = AlertKind.OPENED, AlertKind.REOPENED, AlertKind.RESOLVED
EXPANDED, REMINDER = AlertKind.BLAST_RADIUS_EXPANDED, AlertKind.REMINDER
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


@pytest.mark.parametrize(
    ("routes", "kind", "was_told", "keeps_state", "expected"),
    [
        (Routes(), OPENED, False, False, OPENED),
        (Routes(), RESOLVED, True, False, RESOLVED),
        (Routes(), RESOLVED, False, False, None),
        (ELSEWHERE, OPENED, False, False, None),
        (ELSEWHERE, EXPANDED, True, False, None),
        (ELSEWHERE, REMINDER, True, False, None),
        (ELSEWHERE, RESOLVED, True, False, RESOLVED),  # routes were changed meanwhile
        (Routes(kinds=("opened",)), RESOLVED, True, False, None),
        (Routes(kinds=("opened",)), REMINDER, True, False, REMINDER),
        (Routes(kinds=("reopened", "resolved")), OPENED, False, False, None),
        (Routes(), EXPANDED, False, False, EXPANDED),
        (Routes(), EXPANDED, False, True, OPENED),  # a pager that came later hears the end too
        (Routes(), EXPANDED, True, True, EXPANDED),
        (ACME, EXPANDED, False, False, OPENED),
        (ACME, EXPANDED, True, False, EXPANDED),
        (Routes(tenants=("acme",), kinds=("blastRadiusExpanded", "resolved")), EXPANDED, False, False, OPENED),
    ],
)
def test_as_what_an_alert_is_heard(
    routes: Routes, kind: AlertKind, was_told: bool, keeps_state: bool, expected: AlertKind | None
) -> None:
    assert heard_as(routes, kind, REPORT, was_told=was_told, keeps_state=keeps_state) == expected


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
