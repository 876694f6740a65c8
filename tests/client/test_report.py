import json

import pytest

from tocsin.client.destination import Answer, Fate, destination, judge
from tocsin.client.report import Report, Result, Subject, ended, from_text, started, to_text

NOON = 1_767_614_400_000_000
SUBJECT = Subject("nightly backup", "acme", "staging", "run-1")


def _refused(status: int, message: str = "No.") -> Answer:
    return Answer(status, json.dumps({"isSuccess": False, "errorCode": 4, "message": message}).encode())


def test_a_start_says_when_and_which_run() -> None:
    report = started(SUBJECT, NOON)
    assert report.path == "/api/v1/jobs/nightly%20backup/ping"
    assert json.loads(report.body) == {
        "tenantId": "acme",
        "status": "start",
        "runId": "run-1",
        "occurredAt": "2026-01-05T12:00:00Z",
        "environment": "staging",
    }


@pytest.mark.parametrize(("code", "status"), [(0, "success"), (1, "failure"), (143, "failure")])
def test_an_end_says_how_it_ended(code: int, status: str) -> None:
    body = json.loads(ended(SUBJECT._replace(environment=""), Result(code, 1_500_999, "bye\n"), NOON).body)
    assert body == {
        "tenantId": "acme",
        "status": status,
        "runId": "run-1",
        "occurredAt": "2026-01-05T12:00:00Z",
        "exitCode": code,
        "durationMs": 1500,
        "message": "bye\n",
    }


def test_reports_of_the_same_moment_have_keys_of_their_own() -> None:
    assert started(SUBJECT, NOON).key != started(SUBJECT, NOON).key


def test_the_worst_output_fits_into_a_request() -> None:
    assert len(ended(SUBJECT, Result(1, 0, "\x01" * 10_240), NOON).body) < 100 * 1024


def test_it_is_the_same_after_having_been_a_file() -> None:
    report = started(SUBJECT, NOON)
    assert from_text(to_text(report)) == report


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"job": "a"}', to_text(Report("j", "start", 1, "k", "{"))])
def test_a_broken_file_is_no_report(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- json's own is one, too
        from_text(text)


@pytest.mark.parametrize(
    ("answer", "fate"),
    [
        (Answer(200, b'{"isSuccess": true}'), Fate.DELIVERED),
        (Answer(200, b""), Fate.WAITS),
        (Answer(200, b"<title>Log in to use the network</title>"), Fate.WAITS),
        (_refused(404, "Job not found."), Fate.REFUSED),
        (_refused(413), Fate.REFUSED),
        (_refused(422), Fate.REFUSED),
        (_refused(401), Fate.WAITS),
        (_refused(403), Fate.WAITS),
        (_refused(409), Fate.WAITS),
        (_refused(429), Fate.WAITS),
        (_refused(500), Fate.WAITS),
        (_refused(503), Fate.WAITS),
        (Answer(404, b"404 page not found"), Fate.WAITS),
        (Answer(400, b'{"message": "not ours"}'), Fate.WAITS),
        (Answer(404, b"[]"), Fate.WAITS),
        (Answer(301, b""), Fate.WAITS),
        (Answer(204, b""), Fate.WAITS),
    ],
)
def test_only_tocsins_own_refusal_of_the_report_itself_is_final(answer: Answer, fate: Fate) -> None:
    assert judge(answer).fate is fate


@pytest.mark.parametrize("url", ["https://t.example", "https://t.example/", "https://t.example/api/v1/"])
def test_the_servers_url_may_be_given_as_people_know_it(url: str) -> None:
    assert destination(url, " sg_1\n") == ("https://t.example", "sg_1")


@pytest.mark.parametrize(("url", "key"), [("t.example", "k"), ("", "k"), ("http://t", ""), ("http://t", "a\nb")])
def test_what_cannot_be_a_destination_is_said(url: str, key: str) -> None:
    with pytest.raises(ValueError, match=r"TOCSIN_URL|API key"):
        destination(url, key)
