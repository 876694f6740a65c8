"""PagerDuty and OpsGenie: what opens must close under the same name, and what their answers mean."""

import json
from typing import Any

import pytest

from tests.support.alerting import NOON, content
from tocsin.delivery.channel import Answer, BadConfigError, Delivered, OutboundRequest, Refused, Retry
from tocsin.delivery.channels.opsgenie import Opsgenie
from tocsin.delivery.channels.pagerduty import PagerDuty
from tocsin.delivery.message import Message, compose
from tocsin.domain.model import SECOND

ROUTING = {"routingKey": "0123456789abcdef0123456789ABCDEF", "region": "us"}
GENIE = {"apiKey": "01234567-89ab-cdef-0123-456789abcdef", "region": "us"}
INCIDENT = content()["incident"]["id"]
OPENING = ["opened", "reopened", "blastRadiusExpanded"]


def _message(kind: str, **changes: Any) -> Message:
    if kind == "test":
        return compose("delivery-1", {"kind": "test", "at": "2026-01-05T12:00:00Z"}, NOON, NOON)
    return compose("delivery-1", content(kind, "Acme", **changes), NOON, NOON)


def _pd(kind: str, **changes: Any) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(PagerDuty().request(ROUTING, _message(kind, **changes), NOON).body)
    return event


def _og(kind: str, **changes: Any) -> tuple[OutboundRequest, dict[str, Any]]:
    request = Opsgenie().request(GENIE, _message(kind, **changes), NOON)
    return request, json.loads(request.body)


# --- PagerDuty --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", OPENING)
def test_pagerduty_is_triggered_under_the_incidents_id(kind: str) -> None:
    event = _pd(kind)
    assert (event["event_action"], event["dedup_key"], event["payload"]["severity"]) == (
        "trigger",
        INCIDENT,
        "critical",
    )
    assert event["payload"]["source"] == "Daily Report"
    assert event["payload"]["custom_details"]["affectedTenants"] == ["acme"]
    assert [link["href"] for link in event["links"]] == [content()["url"], "https://wiki.example/daily"]


def test_pagerduty_is_resolved_under_the_same_key() -> None:
    assert _pd("resolved") == {"routing_key": ROUTING["routingKey"], "event_action": "resolve", "dedup_key": INCIDENT}


def test_pagerdutys_tests_wake_nobody_and_do_not_pile_up() -> None:
    event = _pd("test")
    assert (event["dedup_key"], event["payload"]["severity"]) == ("tocsin-test", "info")


@pytest.mark.parametrize(
    ("base", "region", "url"),
    [
        ("", "us", "https://events.pagerduty.com/v2/enqueue"),
        ("", "eu", "https://events.eu.pagerduty.com/v2/enqueue"),
        ("https://pd.example/", "eu", "https://pd.example/v2/enqueue"),
        ("https://pd.example/v2/enqueue", "us", "https://pd.example/v2/enqueue"),
    ],
)
def test_the_operator_decides_where_pagerduty_is(base: str, region: str, url: str) -> None:
    assert PagerDuty(base).request({**ROUTING, "region": region}, _message("opened"), NOON).url == url


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (202, '{"status": "success"}', Delivered),
        (202, "", Delivered),
        (202, '{"status": "throttled"}', Retry),
        (200, '{"status": "success"}', Delivered),
        (200, "<html>Welcome to the hotel network</html>", Retry),
        (200, "[" * 100_000, Retry),
        (400, '{"status": "invalid event", "errors": ["summary is too long"]}', Refused),
        (500, "", Retry),
    ],
)
def test_pagerdutys_answers_are_judged(status: int, body: str, kind: type) -> None:
    verdict = PagerDuty().judge(ROUTING, Answer(status, {}, body), NOON)
    assert isinstance(verdict, kind)
    assert not getattr(verdict, "breaks_channel", False)


def test_pagerduty_is_given_time_where_it_names_none() -> None:
    verdict = PagerDuty().judge(ROUTING, Answer(429, {}, ""), NOON)
    assert isinstance(verdict, Retry)
    assert verdict.after == 30 * SECOND


def test_a_key_pagerduty_does_not_know_breaks_the_channel() -> None:
    body = '{"status": "invalid event", "message": "Event object is invalid", "errors": ["Invalid routing key"]}'
    verdict = PagerDuty().judge(ROUTING, Answer(400, {}, body), NOON)
    assert isinstance(verdict, Refused)
    assert (verdict.reason, verdict.breaks_channel, verdict.disables_channel) == ("key_refused", True, False)


@pytest.mark.parametrize("key", [None, "", 5, "short", "0123456789abcdef0123456789abcde-", "0" * 33, "0" * 32 + "\n"])
def test_a_routing_key_that_is_none_is_refused_without_being_repeated(key: Any) -> None:
    with pytest.raises(BadConfigError, match="^routingKey (is required|must be)") as caught:
        PagerDuty().validate({"routingKey": key}, [])
    assert not key or str(key) not in str(caught.value)


@pytest.mark.parametrize("provider", [PagerDuty(), Opsgenie()])
def test_a_region_is_us_or_eu(provider: Any) -> None:
    with pytest.raises(BadConfigError, match=r"^region must be us or eu\.$"):
        provider.validate({**ROUTING, **GENIE, "region": "mars"}, [])
    assert provider.validate({**ROUTING, **GENIE, "region": None}, []).config["region"] == "us"


# --- OpsGenie ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", OPENING)
def test_opsgenie_gets_an_alert_under_the_incidents_id(kind: str) -> None:
    job = {**content()["job"], "tags": ["billing", "x" * 99]}
    request, alert = _og(kind, job=job)
    assert request.url == "https://api.opsgenie.com/v2/alerts"
    assert request.headers["Authorization"] == f"GenieKey {GENIE['apiKey']}"
    assert (alert["alias"], alert["priority"], alert["entity"]) == (INCIDENT, "P1", "Daily Report")
    assert alert["tags"] == ["billing", "x" * 49 + "…"]
    assert alert["details"]["runbook"] == "https://wiki.example/daily"


def test_opsgenie_closes_by_the_same_alias() -> None:
    request, body = _og("resolved")
    assert request.url == f"https://api.opsgenie.com/v2/alerts/{INCIDENT}/close?identifierType=alias"
    assert set(body) == {"source", "note"}


def test_opsgenies_tests_wake_nobody_and_do_not_pile_up() -> None:
    _, alert = _og("test")
    assert (alert["alias"], alert["priority"]) == ("tocsin-test", "P5")


@pytest.mark.parametrize(
    ("base", "region", "url"),
    [
        ("", "eu", "https://api.eu.opsgenie.com/v2/alerts"),
        ("https://jsm.example/jsm/ops/", "eu", "https://jsm.example/jsm/ops/v2/alerts"),
    ],
)
def test_the_operator_decides_where_opsgenie_is(base: str, region: str, url: str) -> None:
    assert Opsgenie(base).request({**GENIE, "region": region}, _message("opened"), NOON).url == url


@pytest.mark.parametrize(
    ("status", "body", "kind", "breaks"),
    [
        (202, "", Delivered, False),
        (200, '{"requestId": "x"}', Delivered, False),
        (200, "<html></html>", Retry, False),
        (200, "[]", Retry, False),
        (401, '{"message": "Key format is not valid!"}', Refused, True),
        (402, "", Refused, True),
        (403, "", Refused, True),
        (422, '{"message": "Request body is not processable"}', Refused, False),
        (429, "", Retry, False),
        (503, "", Retry, False),
    ],
)
def test_opsgenies_answers_are_judged(status: int, body: str, kind: type, breaks: bool) -> None:
    verdict = Opsgenie().judge(GENIE, Answer(status, {}, body), NOON)
    assert isinstance(verdict, kind)
    assert getattr(verdict, "breaks_channel", False) == breaks


@pytest.mark.parametrize("key", [None, "", [], "GenieKey 01234567-89ab-cdef-0123-456789abcdef", "01234567", "é" * 36])
def test_an_api_key_that_is_none_is_refused(key: Any) -> None:
    with pytest.raises(BadConfigError, match="^apiKey (is required|must be)"):
        Opsgenie().validate({"apiKey": key}, [])
