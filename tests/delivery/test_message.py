import pytest

from tests.support.alerting import MINUTE, NOON, content
from tocsin.delivery.message import Message, compose


def _message(kind: str, *names: str, delay: int = 0, **changes: object) -> Message:
    return compose("id", content(kind, *names, **changes), NOON, NOON + delay)


@pytest.mark.parametrize(
    ("kind", "names", "title"),
    [
        ("opened", ["Acme"], "Daily Report missed a run for Acme"),
        ("opened", ["Acme", "Globex"], "Daily Report missed 2 runs for 2 customers"),
        ("opened", ["Default"], "Daily Report missed a run"),
        ("reopened", ["Acme"], "Again: Daily Report missed a run for Acme"),
        ("blastRadiusExpanded", ["A", "B", "C"], "Spreading: Daily Report missed 3 runs for 3 customers"),
        ("resolved", ["Acme"], "Resolved: Daily Report"),
    ],
)
def test_the_title_says_what_and_for_whom(kind: str, names: list[str], title: str) -> None:
    assert _message(kind, *names).title == title


def test_a_job_that_reports_errors_is_not_called_silent() -> None:
    assert _message("opened", "Acme", missedRuns=0).title == "Daily Report is failing for Acme"


def test_everything_is_in_the_text() -> None:
    assert _message("opened", "Acme", "Globex").text.splitlines() == [
        "Daily Report missed 2 runs for 2 customers",
        "1 tenant missed daily-report.",
        "Affected customers: Acme, Globex",
        "Job: daily-report · missed runs: 2 · since 2026-01-05 12:00:00 UTC",
        "Runbook: https://wiki.example/daily",
        "Incident: " + content()["url"],
    ]


def test_many_customers_are_counted() -> None:
    text = _message("opened", *[f"T{n}" for n in range(50)], tenantCount=1234).text
    assert "T9 and 1224 more" in text
    assert "T10" not in text


@pytest.mark.parametrize(
    ("delay", "line"), [(2 * MINUTE, "Delayed by 2 min"), (125 * MINUTE, "Delayed by 2 h 5 min"), (MINUTE - 1, "")]
)
def test_what_comes_late_says_so(delay: int, line: str) -> None:
    text = _message("opened", "Acme", delay=delay).text
    assert (line in text) if line else ("Delayed" not in text)


def test_long_names_and_line_breaks_do_not_spoil_a_line() -> None:
    message = _message("opened", "A\nB" + "x" * 500)
    assert "\n" not in message.title
    assert len(message.title) < 150


def test_an_integration_is_worded_too() -> None:
    incident = {
        **content()["incident"],
        "kind": "integration",
        "integrationKey": "payments",
        "patternName": "Auth failure",
    }
    message = _message("opened", "Acme", incident=incident, job=None)
    assert message.title == "payments (Auth failure) reports failures for Acme"


def test_a_test_says_that_it_is_one() -> None:
    message = compose("id", {"kind": "test", "at": "2026-01-05T12:00:00Z"}, NOON, NOON)
    assert message.title == "Tocsin test alert"
    assert message.state == "Test"


def test_a_reminder_says_that_it_is_still_open() -> None:
    message = compose("d", content("reminder", "Acme"), NOON, NOON)
    assert message.title == "Still open: Daily Report missed a run for Acme"
    assert message.state == "Open"


@pytest.mark.parametrize(
    ("kind", "title", "state"),
    [
        ("opened", "25 more incidents opened", "Open"),
        ("resolved", "25 more incidents resolved", "Closed"),
        ("reminder", "25 more incidents still open", "Open"),
    ],
)
def test_what_several_share_lists_them(kind: str, title: str, state: str) -> None:
    parts = [content(kind, "Acme") for _ in range(24)] + [content("reopened", "Acme")]
    shared = {"kind": kind, "at": "2026-01-05T12:00:00Z", "incidents": parts[:22], "incidentCount": 25}
    message = compose("d", {**shared, "url": "https://tocsin.example/incidents"}, NOON, NOON)
    assert (message.title, message.state) == (title, state)
    assert len(message.lines) == 21
    assert message.lines[0].startswith("• Daily Report")
    assert message.lines[-1] == "… and 5 more"
    assert message.text.endswith("Incidents: https://tocsin.example/incidents")
