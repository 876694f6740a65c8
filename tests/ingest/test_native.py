"""The native ping: bytes to a check-in, and what is wrong with bytes that are none."""

import json
from typing import Any

import pytest

from tocsin.application.errors import Refused
from tocsin.application.record_check_ins import Receipt, Submission
from tocsin.domain.ids import to_uuid
from tocsin.domain.model import SECOND, CheckIn, CheckInKind
from tocsin.domain.reason import Reason
from tocsin.ingest.protocols import native

NOW = 1_767_614_400 * SECOND
GOOD = {"tenantId": "acme", "status": "success"}
DAY = 86_400 * SECOND


def _body(**fields: Any) -> bytes:
    return json.dumps({**GOOD, **fields}).encode()


def _check_in(body: bytes) -> CheckIn:
    ping = native.decode(body)
    return native.to_check_in(ping, 7, "daily-report", native.occurred_at(ping, NOW), NOW)


def test_a_bare_ping() -> None:
    assert _check_in(_body()) == CheckIn(7, "daily-report", "acme", "production", CheckInKind.SUCCESS, NOW)


def test_a_ping_that_tells_everything() -> None:
    metrics = {"rows": 12, "ratio": 0.5, "below": -1}
    told = {"environment": "staging", "runId": "r-1", "durationMs": 1500, "exitCode": 3, "message": "Grüß Gott \u26a0"}
    check_in = _check_in(_body(**told, status="failure", occurredAt="2026-01-05T11:59:00.25Z", metrics=metrics))
    assert check_in[3:6] == ("staging", CheckInKind.FAILURE, NOW)
    assert (check_in.run_id, check_in.occurred_at) == ("r-1", NOW - 59_750_000)
    assert (check_in.duration, check_in.exit_code, check_in.message) == (1_500_000, 3, "Grüß Gott \u26a0")
    assert json.loads(check_in.metrics or "") == metrics


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"status": "start"}, CheckInKind.START),
        ({"unknownField": {"a": [1]}}, CheckInKind.SUCCESS),
        ({"runId": None, "message": None, "metrics": None}, CheckInKind.SUCCESS),
        ({"durationMs": 0, "exitCode": 0, "message": "", "metrics": {}}, CheckInKind.SUCCESS),
        ({"exitCode": -1}, CheckInKind.SUCCESS),
        ({"exitCode": 4_294_967_295}, CheckInKind.SUCCESS),
        ({"tenantId": "x" * 200, "environment": "e" * 64, "runId": "r" * 200}, CheckInKind.SUCCESS),
    ],
)
def test_good_bodies(fields: dict[str, Any], expected: CheckInKind) -> None:
    assert _check_in(_body(**fields)).kind is expected


@pytest.mark.parametrize(
    ("occurred", "moment"),
    [
        ("2025-12-29T12:00:00Z", NOW - 7 * DAY),
        ("2026-01-05T12:05:00Z", NOW + 300 * SECOND),
        ("2026-01-05T13:00:00+01:00", NOW),
        ("2026-01-05T06:30:00.000001-05:30", NOW + 1),
    ],
)
def test_moments(occurred: str, moment: int) -> None:
    assert _check_in(_body(occurredAt=occurred)).occurred_at == moment


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        (b"", 422, "A JSON body is required."),
        (b"not json", 400, "not valid JSON"),
        (b'{"tenantId": "a", "status": "success"', 400, "not valid JSON"),
        (b"\xff\xfe", 400, "not UTF-8"),
        (b'{"tenantId": "a\x00", "status": "success"}', 400, "NUL"),
        (b'{"tenantId": "a\\u0000", "status": "success"}', 422, "NUL"),
        (b'{"tenantId": "\\ud800", "status": "success"}', 422, "surrogate"),
        (b"[]", 422, "must be an object"),
        (b"null", 422, "must be an object"),
        (b'"text"', 422, "must be an object"),
        (b"{}", 422, "tenantId is required."),
        (b"[" * 100 + b"]" * 100, 422, "deep"),
        (_body(tenantId=""), 422, "tenantId must be at least 1 character long."),
        (_body(tenantId=7), 422, "tenantId must be a string."),
        (_body(tenantId=None), 422, "tenantId must be a string."),
        (_body(tenantId="x" * 201), 422, "tenantId must be at most 200 characters long."),
        (_body(status="ok"), 422, "status must be 'success', 'failure' or 'start'."),
        (_body(status=None), 422, "status must be"),
        (_body(environment=""), 422, "environment"),
        (_body(environment="e" * 65), 422, "environment"),
        (_body(runId=5), 422, "runId must be a string."),
        (_body(durationMs=-1), 422, "durationMs must be at least 0."),
        (_body(durationMs="5"), 422, "durationMs must be a whole number."),
        (_body(durationMs=1.5), 422, "durationMs must be a whole number."),
        (_body(durationMs=True), 422, "durationMs must be a whole number."),
        (_body(durationMs=1 << 62), 422, "durationMs must be at most"),
        (_body(exitCode=1 << 40), 422, "exitCode must be at most"),
        (_body(message=["a"]), 422, "message must be a string."),
        (_body(metrics={"a": "b"}), 422, "metrics.a must be a number."),
        (_body(metrics={"a": {"b": 1}}), 422, "metrics.a must be a number."),
        (_body(metrics=[1]), 422, "metrics must be an object."),
        (_body(metrics={"n" * 101: 1}), 422, "metrics must have names"),
        (b'{"tenantId": "a", "status": "success", "metrics": {"a": 1e999}}', 422, "64 bits"),
        (b'{"tenantId": "a", "status": "success", "metrics": {"a": NaN}}', 400, "JSON"),
        (_body(occurredAt="yesterday"), 422, "occurredAt"),
        (_body(occurredAt="2026-01-05T12:00:00"), 422, "occurredAt"),
        (_body(occurredAt=1_767_614_400), 422, "occurredAt must be a string."),
        (_body(occurredAt="2025-12-29T11:59:59Z"), 422, "occurredAt must be at most 7 days back and 5 minutes ahead."),
        (_body(occurredAt="2026-01-05T12:05:00.000001Z"), 422, "at most 7 days back and 5 minutes ahead."),
        (_body(occurredAt="9999-12-31T23:59:59Z"), 422, "occurredAt"),
    ],
)
def test_bad_bodies(body: bytes, status: int, sentence: str) -> None:
    with pytest.raises(Refused) as refused:
        _check_in(body)
    assert refused.value.status == status, refused.value.message
    assert sentence in refused.value.message
    assert "pydantic" not in refused.value.message.lower()


def test_of_a_long_message_the_end_is_kept() -> None:
    message = _check_in(_body(message="é" * 20_000 + "the end")).message
    assert message is not None
    assert message.endswith("the end")
    assert 10_235 <= len(message.encode()) <= 10_240


def test_a_receipt_names_all_there_is_to_know() -> None:
    submission = Submission(_check_in(_body(status="failure", runId="r")))
    receipt = Receipt(Reason.RUN_RECORDED, 5, "r", 2, NOW + 60 * SECOND)
    assert json.loads(native.encode(submission, receipt)) == {
        "isSuccess": True,
        "errorCode": 0,
        "message": "Recorded.",
        "data": {
            "pingId": to_uuid(5),
            "jobKey": "daily-report",
            "tenantId": "acme",
            "status": "failure",
            "receivedAt": "2026-01-05T12:00:00Z",
            "deduplicated": False,
            "missedRuns": 2,
            "runId": "r",
            "nextDueAt": "2026-01-05T12:01:00Z",
        },
    }
    repeated = json.loads(native.encode(submission, receipt._replace(reason=Reason.DUPLICATE, next_due_at=None)))
    assert (repeated["data"]["deduplicated"], repeated["data"]["nextDueAt"]) == (True, None)
