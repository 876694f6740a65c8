"""/patterns: switching them, thresholds, own ones, and why an event is classified as it is."""

from typing import Any

import pytest

from tests.api.conftest import Api
from tocsin.application.manage_patterns import MOST_OWN
from tocsin.store.patterns import insert_settings

OWN = {"id": "refunds", "name": "Refunds", "priority": 2, "eventTypes": ["refund_failed"], "errorCodes": ["R1"]}


def _listed(api: Api) -> dict[str, Any]:
    return {pattern["id"]: pattern for pattern in api.ok("GET", "/patterns")["items"]}


def test_the_built_in_ones_are_listed_in_order(api: Api) -> None:
    listed = api.ok("GET", "/patterns")
    assert (listed["total"], len(listed["items"])) == (12, 12)
    assert [pattern["priority"] for pattern in listed["items"]] == list(range(1, 13))
    assert listed["items"][7] == {
        "id": "connection_failure",
        "name": "Connection Failure",
        "priority": 8,
        "eventTypes": ["connection_failed", "connection_refused", "connection_reset", "host_unreachable"],
        "errorCodes": ["econnrefused", "econnreset"],
        "isBuiltIn": True,
        "isEnabled": True,
        "thresholdCount": 3,
        "thresholdWindowSeconds": 120,
        "hasOwnThreshold": False,
    }


def test_a_built_in_one_is_switched_and_given_a_threshold(api: Api) -> None:
    body = {"isEnabled": True, "thresholdCount": 20, "thresholdWindowSeconds": 300}
    changed = api.ok("PATCH", "/patterns/webhook_failure_spike", body)
    assert (changed["thresholdCount"], changed["thresholdWindowSeconds"], changed["hasOwnThreshold"]) == (20, 300, True)
    assert api.ok("PATCH", "/patterns/webhook_failure_spike", {"isEnabled": False})["thresholdCount"] == 20
    assert _listed(api)["webhook_failure_spike"]["isEnabled"] is False


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"thresholdCount": None, "thresholdWindowSeconds": None}, (10, 300)),
        ({"thresholdCount": None}, (10, 300)),
        ({"thresholdWindowSeconds": None}, (10, 300)),
        ({"thresholdCount": 1}, (None, None)),
        ({"thresholdCount": 1, "thresholdWindowSeconds": 60}, (None, None)),
        ({"thresholdCount": 1_000, "thresholdWindowSeconds": 604_800}, (1_000, 604_800)),
        ({}, (7, 70)),
    ],
)
def test_thresholds(api: Api, body: dict[str, Any], expected: tuple[int | None, int | None]) -> None:
    api.ok("PATCH", "/patterns/webhook_failure_spike", {"thresholdCount": 7, "thresholdWindowSeconds": 70})
    changed = api.ok("PATCH", "/patterns/webhook_failure_spike", body)
    assert (changed["thresholdCount"], changed["thresholdWindowSeconds"]) == expected


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"thresholdCount": 5}, "thresholdWindowSeconds is required beside thresholdCount."),
        ({"thresholdCount": 5, "thresholdWindowSeconds": None}, "thresholdWindowSeconds is required"),
        ({"thresholdWindowSeconds": 60}, "thresholdCount is required beside thresholdWindowSeconds."),
        ({"thresholdCount": 0, "thresholdWindowSeconds": 60}, "thresholdCount must be at least 1."),
        ({"thresholdCount": -5, "thresholdWindowSeconds": 60}, "thresholdCount must be at least 1."),
        ({"thresholdCount": 1_001, "thresholdWindowSeconds": 60}, "thresholdCount must be at most 1000."),
        ({"thresholdCount": 2**63 - 1, "thresholdWindowSeconds": 60}, "thresholdCount must be at most 1000."),
        ({"thresholdCount": 2**64, "thresholdWindowSeconds": 60}, "64 bits"),
        ({"thresholdCount": 5.5, "thresholdWindowSeconds": 60}, "thresholdCount must be a whole number."),
        ({"thresholdCount": "5", "thresholdWindowSeconds": 60}, "thresholdCount must be a whole number."),
        ({"thresholdCount": 5, "thresholdWindowSeconds": 0}, "thresholdWindowSeconds must be at least 1."),
        ({"thresholdCount": 5, "thresholdWindowSeconds": 604_801}, "thresholdWindowSeconds must be at most 604800."),
        ({"isEnabled": None}, "isEnabled must be true or false."),
        ({"isEnabled": "no"}, "isEnabled must be true or false."),
        ({"priority": 3}, "Of a built-in pattern only isEnabled and its threshold can be changed."),
        ({"eventTypes": ["x"]}, "Of a built-in pattern only"),
    ],
)
def test_what_a_built_in_one_cannot_be(api: Api, body: dict[str, Any], says: str) -> None:
    assert says in api.refused(422, "PATCH", "/patterns/webhook_failure_spike", body)
    assert _listed(api)["webhook_failure_spike"]["thresholdCount"] == 10


def test_an_own_one_is_made_changed_and_deleted(api: Api) -> None:
    made = api.ok("POST", "/patterns", {**OWN, "thresholdCount": 4, "thresholdWindowSeconds": 60})
    assert made == {
        "id": "refunds",
        "name": "Refunds",
        "priority": 2,
        "eventTypes": ["refund_failed"],
        "errorCodes": ["r1"],
        "isBuiltIn": False,
        "isEnabled": True,
        "thresholdCount": 4,
        "thresholdWindowSeconds": 60,
        "hasOwnThreshold": True,
    }
    assert list(_listed(api))[:3] == ["auth_failure", "refunds", "webhook_failure_spike"]
    changed = api.ok("PATCH", "/patterns/refunds", {"priority": 0, "errorCodes": [], "thresholdCount": None})
    assert (changed["priority"], changed["errorCodes"], changed["thresholdCount"]) == (0, [], None)
    assert next(iter(_listed(api))) == "refunds"
    assert api.ok("DELETE", "/patterns/refunds") is None
    assert "refunds" not in _listed(api)
    assert api.refused(404, "DELETE", "/patterns/refunds") == "Pattern not found."


def test_its_id_comes_from_its_name_where_none_is_given(api: Api) -> None:
    assert api.ok("POST", "/patterns", {"name": " Größe: Refunds (2)! ", "eventTypes": ["x"]})["id"] == "gr_e_refunds_2"


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({}, 422, "name is required."),
        ({"name": "A"}, 422, "eventTypes or errorCodes must hold at least 1 item."),
        ({"name": "♠", "eventTypes": ["x"]}, 422, "name must hold a letter or a digit"),
        ({**OWN, "id": "Not An Id"}, 422, "id"),
        ({**OWN, "id": "auth_failure"}, 409, "id auth_failure exists already. Choose another."),
        ({**OWN, "priority": -1}, 422, "priority must be at least 0."),
        ({**OWN, "priority": 10**30}, 422, "64 bits"),
        ({**OWN, "eventTypes": "x"}, 422, "eventTypes must be a list."),
        ({**OWN, "eventTypes": [""]}, 422, "eventTypes[0] must be at least 1 character long."),
        ({**OWN, "eventTypes": ["x" * 10_240]}, 422, "eventTypes[0] must be at most 200 characters long."),
        ({**OWN, "eventTypes": [" x"]}, 422, "eventTypes[0] must hold no control characters"),
        ({**OWN, "errorCodes": [503]}, 422, "errorCodes[0] must be a string."),
        ({**OWN, "eventTypes": ["x"] * 101}, 422, "eventTypes must have at most 100 items."),
        ({**OWN, "thresholdCount": 3}, 422, "thresholdWindowSeconds is required beside thresholdCount."),
    ],
)
def test_bad_own_patterns(api: Api, body: dict[str, Any], status: int, says: str) -> None:
    assert says in api.refused(status, "POST", "/patterns", body)
    assert len(_listed(api)) == 12


def test_two_cannot_have_one_id(api: Api) -> None:
    api.ok("POST", "/patterns", OWN)
    assert api.refused(409, "POST", "/patterns", OWN) == "id refunds exists already. Choose another."


def test_an_own_one_must_match_something(api: Api) -> None:
    api.ok("POST", "/patterns", OWN)
    assert "must hold at least 1 item" in api.refused(
        422, "PATCH", "/patterns/refunds", {"eventTypes": [], "errorCodes": []}
    )
    api.ok("PATCH", "/patterns/refunds", {"eventTypes": []})
    assert "must hold at least 1 item" in api.refused(422, "PATCH", "/patterns/refunds", {"errorCodes": []})


def test_there_is_an_end_to_own_patterns(api: Api) -> None:
    made = {"workspace_id": api.workspace_id, "name": "Own", "priority": 5, "event_types": ["x"], "created_at": 0}
    with api.services.store.write() as connection:
        for n in range(MOST_OWN):
            insert_settings(connection, {**made, "pattern_id": f"own_{n}"})
    assert f"at most {MOST_OWN}" in api.refused(409, "POST", "/patterns", OWN)


def test_a_built_in_one_cannot_be_deleted(api: Api) -> None:
    assert "cannot be deleted" in api.refused(409, "DELETE", "/patterns/auth_failure")


def test_patterns_of_others_are_not_seen(api: Api, stranger: Api) -> None:
    api.ok("POST", "/patterns", OWN)
    assert "refunds" not in _listed(stranger)
    assert stranger.refused(404, "PATCH", "/patterns/refunds", {"isEnabled": False}) == "Pattern not found."
    assert stranger.refused(404, "DELETE", "/patterns/refunds") == "Pattern not found."
    stranger.ok("POST", "/patterns", OWN)
    api.ok("DELETE", "/patterns/refunds")
    assert "refunds" in _listed(stranger)


def test_an_event_is_tried(api: Api) -> None:
    api.ok("PATCH", "/patterns/server_error_spike", {"isEnabled": False})
    tried = api.ok("POST", "/patterns/test", {"eventType": "dependency_failed", "errorCode": "503"})
    assert (tried["matched"], tried["patternId"], tried["confidence"]) == (True, "service_unavailable", "High")
    assert tried["pattern"]["name"] == "Service Unavailable"
    reasons = {one["patternId"]: one["reason"] for one in tried["passedOver"]}
    assert list(reasons) == list(_listed(api))[:8]
    assert reasons["server_error_spike"] == "It is disabled."
    assert reasons["auth_failure"] == (
        'Event type "dependency_failed" is none of its types, and the error code "503" none of its codes.'
    )


def test_an_event_that_nothing_matches_is_tried(api: Api) -> None:
    tried = api.ok("POST", "/patterns/test", {"eventType": "surprise"})
    assert (tried["matched"], tried["patternId"], tried["confidence"], tried["pattern"]) == (False, None, None, None)
    assert len(tried["passedOver"]) == 12
    assert api.refused(422, "POST", "/patterns/test", {"errorCode": "401"}) == "eventType is required."
