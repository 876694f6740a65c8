"""Native events: bytes to events, and what is wrong with bytes that are none."""

import json
from typing import Any

import pytest

from tocsin.application.errors import Refused
from tocsin.application.record_events import EventReceipt, EventSubmission, Recorded
from tocsin.domain.event import Event
from tocsin.domain.ids import to_uuid
from tocsin.domain.model import SECOND
from tocsin.domain.reason import Reason
from tocsin.ingest.protocols import native_events as native

NOW = 1_767_614_400 * SECOND
GOOD = {"integrationKey": "payments", "eventType": "auth_failed", "tenantId": "acme"}
LIMIT = 64 * 1024


def _body(**fields: Any) -> bytes:
    return json.dumps({**GOOD, **fields}).encode()


def _event(body: bytes) -> Event:
    return native.to_event(native.decode(body), 7, NOW)


def _batch(body: bytes) -> list[Event]:
    return [native.to_event(one, 7, NOW, f"events[{i}].") for i, one in enumerate(native.decode_batch(body))]


def test_a_bare_event() -> None:
    assert _event(_body()) == Event(7, "payments", "auth_failed", "acme", 0)


def test_an_event_that_tells_everything() -> None:
    payload = {"endpoint": "/v2", "größe": [1, 2.5, None, True], "n": 2**63 - 1}
    event = _event(_body(errorCode="503", rawPayload=payload, occurredAt="2026-01-05T11:59:00Z"))
    assert event[:5] == (7, "payments", "auth_failed", "acme", 0)
    assert (event.error_code, event.occurred_at) == ("503", NOW - 60 * SECOND)
    assert json.loads(event.payload or "") == payload


@pytest.mark.parametrize(
    "fields",
    [
        {"unknown": {"a": [1]}},
        {"errorCode": None, "rawPayload": None, "occurredAt": None},
        {"errorCode": ""},
        {"rawPayload": {}},
        {"integrationKey": "i" * 200, "eventType": "e" * 200, "tenantId": "t" * 200, "errorCode": "c" * 200},
        {"rawPayload": {"x": "y" * (LIMIT - 8)}},
        {"eventType": "'; DROP TABLE events; --"},
    ],
    ids=lambda fields: str(fields)[:40],
)
def test_good_bodies(fields: dict[str, Any]) -> None:
    assert _event(_body(**fields)).tenant


def _nested(depth: int) -> Any:
    return {} if depth == 1 else {"a": _nested(depth - 1)}


BAD: list[tuple[bytes, int, str]] = [
    (b"", 422, "A JSON body is required."),
    (b"not json", 400, "not valid JSON"),
    (b"\xff\xfe", 400, "not UTF-8"),
    (b"[]", 422, "must be an object"),
    (b"null", 422, "must be an object"),
    (b"{}", 422, "integrationKey is required."),
    (_body(integrationKey=""), 422, "integrationKey must be at least 1 character long."),
    (_body(integrationKey=7), 422, "integrationKey must be a string."),
    (_body(eventType=None), 422, "eventType must be a string."),
    (_body(eventType="x" * 10_240), 422, "eventType must be at most 200 characters long."),
    (_body(tenantId="x" * 201), 422, "tenantId must be at most 200 characters long."),
    (_body(tenantId=["a"]), 422, "tenantId must be a string."),
    (_body(errorCode=503), 422, "errorCode must be a string."),
    (_body(errorCode="x" * 201), 422, "errorCode must be at most 200 characters long."),
    (_body(rawPayload=[1]), 422, "rawPayload must be an object."),
    (_body(rawPayload="text"), 422, "rawPayload must be an object."),
    (_body(rawPayload={"x": "y" * (LIMIT - 7)}), 422, "rawPayload must be at most 64 KB of JSON."),
    (_body(rawPayload={"x": "é" * (LIMIT // 2)}), 422, "rawPayload must be at most 64 KB of JSON."),
    (_body(rawPayload=_nested(32)), 422, "32 levels"),
    (_body(rawPayload={"a": 2**63}), 422, "64 bits"),
    (_body(rawPayload={"a": -(2**63) - 1}), 422, "64 bits"),
    (_body().replace(b'"acme"', b'"acme", "rawPayload": {"a": 1e999}'), 422, "64 bits"),
    (_body(rawPayload={"a": float("nan")}), 400, "NaN is no JSON number"),
    (_body(rawPayload={"a\0": 1}), 422, "NUL"),
    (_body(rawPayload={"a": ["\udc00"]}), 422, "surrogate"),
    (_body(eventType="a\0b"), 422, "NUL"),
    (_body().replace(b"acme", b"ac\0me"), 400, "NUL"),
    (_body(occurredAt=5), 422, "occurredAt must be a string."),
    (_body(occurredAt="2025-12-29T11:59:59Z"), 422, "occurredAt must be at most 7 days back and 5 minutes ahead."),
    (_body(occurredAt="2026-01-05T12:05:01Z"), 422, "at most 7 days back and 5 minutes ahead."),
    (_body(occurredAt="2026-02-30T00:00:00Z"), 422, "occurredAt must be a moment that exists"),
]


@pytest.mark.parametrize(("body", "status", "says"), BAD, ids=lambda value: str(value)[:50])
def test_bad_bodies(body: bytes, status: int, says: str) -> None:
    with pytest.raises(Refused) as refused:
        _event(body)
    assert (refused.value.status, says in refused.value.message) == (status, True), refused.value.message


@pytest.mark.parametrize("is_bare", [False, True])
def test_several_come_as_an_object_or_as_a_bare_list(is_bare: bool) -> None:
    several = [{**GOOD, "tenantId": f"t{n}"} for n in range(1_000)]
    events = _batch(json.dumps(several if is_bare else {"events": several}).encode())
    assert [event.tenant for event in events] == [f"t{n}" for n in range(1_000)]


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"[]", 422, "events must hold at least 1 event."),
        (b'{"events": []}', 422, "events must hold at least 1 event."),
        (b"{}", 422, "events is required."),
        (b"[", 400, "not valid JSON"),
        (b"[]]", 400, "not valid JSON"),
        (b"null", 422, "must be an object"),
        (b'[{"a": 1}]', 422, "events[0].integrationKey is required."),
        (json.dumps([GOOD, {**GOOD, "eventType": 5}]).encode(), 422, "events[1].eventType must be a string."),
        (json.dumps([GOOD, {**GOOD, "occurredAt": "x"}]).encode(), 422, "events[1].occurredAt must be a moment"),
        (json.dumps([GOOD, {**GOOD, "rawPayload": {"a": "x" * LIMIT}}]).encode(), 422, "events[1].rawPayload must be"),
        (json.dumps([GOOD] * 1_001).encode(), 422, "events must have at most 1000 items."),
        (json.dumps([{**GOOD, "tenantId": "\0"}]).encode(), 422, "NUL"),
        (json.dumps([{**GOOD, "rawPayload": _nested(32)}]).encode(), 422, "32 levels"),
        (b"[" * 50_000, 422, "32 levels"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_bad_batches(body: bytes, status: int, says: str) -> None:
    with pytest.raises(Refused) as refused:
        _batch(body)
    assert (refused.value.status, says in refused.value.message) == (status, True), refused.value.message


def test_a_receipt_names_all_there_is_to_know() -> None:
    report = EventSubmission((_event(_body()),))
    receipt = EventReceipt(Reason.EVENT_OPENED, 5, 9, "Open", "auth_failure", "High", ("acme", "beta"), 2)
    assert json.loads(native.encode(report, Recorded((receipt,)))) == {
        "isSuccess": True,
        "errorCode": 0,
        "message": "Recorded.",
        "data": {
            "eventId": to_uuid(5),
            "incidentId": to_uuid(9),
            "incidentStatus": "Open",
            "patternId": "auth_failure",
            "confidence": "High",
            "isNewIncident": True,
            "affectedTenants": ["acme", "beta"],
            "tenantCount": 2,
        },
    }
    unmatched = EventReceipt(Reason.EVENT_UNMATCHED, 6)
    told = json.loads(native.encode(report._replace(is_batch=True), Recorded((receipt, unmatched))))
    assert [one["incidentId"] for one in told["data"]["results"]] == [to_uuid(9), None]
    assert told["data"]["results"][1] == {
        "eventId": to_uuid(6),
        "incidentId": None,
        "incidentStatus": None,
        "patternId": None,
        "confidence": None,
        "isNewIncident": False,
        "affectedTenants": [],
        "tenantCount": 0,
    }
