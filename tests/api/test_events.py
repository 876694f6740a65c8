"""GET /events: filters, pages, cursors, and search in payloads. What reports them is tested in tests/ingest."""

import json
from typing import Any

import pytest

from tests.api.conftest import Api
from tocsin.application.record_events import EventSubmission, Recorded, record_events
from tocsin.domain.event import Event
from tocsin.domain.ids import to_uuid

SECOND = 1_000_000


def report(api: Api, event_type: str, tenant: str, integration: str = "payments", **payload: Any) -> dict[str, Any]:
    """One event, a second after the one before; its answer's data."""
    api.clock.moment += SECOND
    text = json.dumps(payload) if payload else None
    event = Event(api.workspace_id, integration, event_type, tenant, api.clock.now(), "401", None, text)
    with api.services.store.write() as connection:
        [outcome] = record_events(connection, api.services.ids, [EventSubmission((event,))], set(), api.clock.now())
    assert isinstance(outcome, Recorded)
    receipt = outcome.receipts[0]
    incident = None if receipt.incident_id is None else to_uuid(receipt.incident_id)
    return {"eventId": to_uuid(receipt.event_id), "incidentId": incident}


def listed(api: Api, **parameters: Any) -> list[str]:
    return [event["eventType"] for event in api.ok("GET", "/events", params=parameters)["items"]]


@pytest.fixture
def told(api: Api) -> dict[str, Any]:
    """Three events: the newest is `auth_failed` of Beta, and `webhook_failed` is of another pattern by its code."""
    first = report(api, "token_expired", "acme", endpoint="/v2", attempt=3, ok=True, ratio=1.5, none=None)
    report(api, "webhook_failed", "acme", "orders", endpoint="/v3", attempt="3", deep={"endpoint": "/v2"})
    report(api, "auth_failed", "beta")
    return first


def test_an_event_is_shown_whole(api: Api, told: dict[str, Any]) -> None:
    event = api.ok("GET", "/events")["items"][2]
    assert event == {
        "id": told["eventId"],
        "integrationKey": "payments",
        "eventType": "token_expired",
        "errorCode": "401",
        "tenantId": "acme",
        "tenantName": "acme",
        "patternId": "auth_failure",
        "confidence": "Medium",
        "incidentId": told["incidentId"],
        "occurredAt": "2026-01-05T12:00:01Z",
        "receivedAt": "2026-01-05T12:00:01Z",
        "rawPayload": {"endpoint": "/v2", "attempt": 3, "ok": True, "ratio": 1.5, "none": None},
    }


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, ["auth_failed", "webhook_failed", "token_expired"]),
        ({"integrationKey": "payments"}, ["auth_failed", "token_expired"]),
        ({"integrationKey": "nobody"}, []),
        ({"tenantId": "acme"}, ["webhook_failed", "token_expired"]),
        ({"tenantId": "nobody"}, []),
        ({"patternId": "auth_failure", "tenantId": "beta"}, ["auth_failed"]),
        ({"patternId": "quota_exceeded"}, []),
        ({"from": "2026-01-05T12:00:02Z"}, ["auth_failed", "webhook_failed"]),
        ({"to": "2026-01-05T12:00:02Z"}, ["token_expired"]),
        ({"incidentId": "no id at all"}, []),
        ({"incidentId": "3fa1c2d4-0000-4000-8000-000000000000"}, []),
        ({"payload.endpoint": "/v2"}, ["token_expired"]),
        ({"payload.endpoint": "/v2", "tenantId": "beta"}, []),
        ({"payload.attempt": "3"}, ["webhook_failed", "token_expired"]),
        ({"payload.ok": "true"}, ["token_expired"]),
        ({"payload.ok": "1"}, []),
        ({"payload.ratio": "1.5"}, ["token_expired"]),
        ({"payload.none": "null"}, []),
        ({"payload.none": ""}, []),
        ({"payload.deep": '{"endpoint": "/v2"}'}, []),
        ({"payload.deep.endpoint": "/v2"}, []),
        ({"payload.": "/v2"}, []),
        ({"payload.$": "/v2"}, []),
        ({'payload."': "'; DROP TABLE events; --"}, []),
        ({"unknown": "1"}, ["auth_failed", "webhook_failed", "token_expired"]),
    ],
    ids=str,
)
def test_filters(api: Api, told: dict[str, Any], parameters: dict[str, str], expected: list[str]) -> None:
    assert listed(api, **parameters) == expected
    assert api.ok("GET", "/events", params=parameters)["total"] == len(expected)


def test_the_events_of_an_incident_are_counted_by_it(api: Api, told: dict[str, Any]) -> None:
    found = api.ok("GET", "/events", params={"incidentId": told["incidentId"]})
    assert ([event["tenantId"] for event in found["items"]], found["total"]) == (["beta", "acme"], 2)


def test_a_tenant_may_be_named_by_our_id(api: Api, told: dict[str, Any]) -> None:
    [acme] = [tenant for tenant in api.ok("GET", "/tenants")["items"] if tenant["externalId"] == "acme"]
    assert listed(api, tenantId=acme["id"]) == ["webhook_failed", "token_expired"]


def test_pages_and_cursors(api: Api) -> None:
    for n in range(7):
        report(api, f"type_{n}", "acme")
    first = api.ok("GET", "/events", params={"pageSize": 3})
    assert ([e["eventType"] for e in first["items"]], first["total"]) == (["type_6", "type_5", "type_4"], 7)
    report(api, "type_7", "acme")  # moves every page, and no cursor
    second = api.ok("GET", "/events", params={"pageSize": 3, "cursor": first["nextCursor"]})
    assert [e["eventType"] for e in second["items"]] == ["type_3", "type_2", "type_1"]
    last = api.ok("GET", "/events", params={"pageSize": 3, "cursor": second["nextCursor"]})
    assert ([e["eventType"] for e in last["items"]], last["nextCursor"], last["total"]) == (["type_0"], None, None)
    assert listed(api, pageSize=3, page=2) == ["type_4", "type_3", "type_2"]
    assert listed(api, pageSize=3, page=9) == []


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("cursor=x", "cursor must be the nextCursor of an earlier answer."),
        ("from=yesterday", "from must be a moment"),
        ("to=2026-01-05T12:00:00", "to must be a moment"),
        ("page=0", "page must be at least 1."),
        ("tenantId=a&tenantId=b", "tenantId is given more than once."),
        ("payload.a=1&payload.a=2", "The same payload key is given more than once."),
        ("&".join(f"payload.{n}=1" for n in range(6)), "At most 5 payload keys"),
        ("payload.a=%00", "NUL"),
        (f"integrationKey={'x' * 301}", "integrationKey must be at most 300 characters long."),
    ],
)
def test_bad_queries(api: Api, query: str, says: str) -> None:
    assert says in api.refused(422, "GET", f"/events?{query}")


def test_events_of_others_are_not_seen(api: Api, stranger: Api, told: dict[str, Any]) -> None:
    assert listed(stranger) == []
    assert listed(stranger, incidentId=told["incidentId"]) == []
    found = stranger.ok("GET", "/events", params={"incidentId": told["incidentId"]})
    assert found["total"] == 0


def test_incidents_of_integrations_are_listed_shown_and_resolved(api: Api, told: dict[str, Any], stranger: Api) -> None:
    listed = api.ok("GET", "/incidents", params={"integrationKey": "payments", "patternId": "auth_failure"})
    [incident] = listed["items"]
    assert (incident["id"], incident["kind"], incident["eventCount"]) == (told["incidentId"], "integration", 2)
    assert [tenant["externalId"] for tenant in incident["affectedTenants"]] == ["beta", "acme"]
    assert api.ok("GET", "/incidents", params={"tenantId": "beta"})["total"] == 1
    assert api.ok("GET", f"/incidents/{told['incidentId']}/tenants")["total"] == 2
    assert stranger.refused(404, "POST", f"/incidents/{told['incidentId']}/resolve") == "Incident not found."
    resolved = api.ok("POST", f"/incidents/{told['incidentId']}/resolve")
    assert resolved["status"] == "Closed"
    assert api.refused(409, "POST", f"/incidents/{told['incidentId']}/resolve") == "The incident is closed already."
    timeline = api.ok("GET", f"/incidents/{told['incidentId']}/timeline")
    assert [(t["toStatus"], t["reason"]) for t in timeline] == [
        ("Open", "Pattern matched: auth_failure"),
        ("Closed", "Resolved manually"),
    ]
