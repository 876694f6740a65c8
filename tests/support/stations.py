"""A strict receiver for each kind of channel: what leads there, what it says when all is well, what it must be sent."""

import json
import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from standardwebhooks.webhooks import Webhook as Oracle

from tests.support.receiver import LOOPBACK, Received
from tocsin.delivery.channel import Site
from tocsin.wire_time import parse_iso

#: In every config, where a secret goes.
CANARY = "C4naryC4naryC4naryC4naryC4naryC4"
SIGNING = "whsec_" + b64encode(CANARY.encode()).decode()
GENIE_KEY = "C4nary00-C4na-C4na-C4na-C4naryC4nary"


@dataclass(frozen=True)
class Station:
    """`config(url)` leads a channel to a receiver at `url`; `inspect` raises for what the provider would not take."""

    config: Callable[[str], dict[str, Any]]
    yes: tuple[int, str]
    inspect: Callable[[Received], Any]
    secrets: tuple[str, ...] = field(default=(CANARY,))


def site(url: str) -> Site:
    """Where a receiver at `url` stands in for every provider."""
    return Site(LOOPBACK, pagerduty_url=url, opsgenie_url=url)


def _json(received: Received) -> Any:
    assert received.headers["content-type"].split(";")[0] == "application/json"
    body = received.body.decode()
    assert "\\u0000" not in body
    return json.loads(body)


def _text(value: Any, most: int, least: int = 1) -> None:
    assert isinstance(value, str)
    assert least <= len(value) <= most, (len(value), most)


def _web(url: Any) -> None:
    assert urlsplit(url).scheme in {"http", "https"}
    assert urlsplit(url).hostname


# --- Slack: https://docs.slack.dev/reference/block-kit/blocks ---------------------------------------------------------


def slack(received: Received) -> Any:
    message = _json(received)
    _text(message["text"], 40_000)
    assert 1 <= len(message["blocks"]) <= 50
    for block in message["blocks"]:
        match block["type"]:
            case "header":
                assert block["text"]["type"] == "plain_text"
                _text(block["text"]["text"], 150)
            case "section":
                assert block["text"]["type"] == "mrkdwn"
                _text(block["text"]["text"], 3_000)
            case "context":
                assert 1 <= len(block["elements"]) <= 10
                for element in block["elements"]:
                    _text(element["text"], 2_000)
            case other:
                raise AssertionError(other)
    return message


# --- PagerDuty: https://developer.pagerduty.com/docs/send-alert-event -------------------------------------------------


def pagerduty(received: Received) -> Any:
    event = _json(received)
    assert received.path == "/v2/enqueue"
    assert len(received.body) <= 512_000
    assert re.fullmatch("[A-Za-z0-9]{32}", event["routing_key"])
    _text(event["dedup_key"], 255)
    if event["event_action"] in {"resolve", "acknowledge"}:
        assert set(event) == {"routing_key", "event_action", "dedup_key"}
        return event
    assert event["event_action"] == "trigger"
    payload = event["payload"]
    _text(payload["summary"], 1_024)
    _text(payload["source"], 255)
    assert payload["severity"] in {"critical", "error", "warning", "info"}
    parse_iso(payload["timestamp"])
    assert isinstance(payload["custom_details"], dict)
    for link in event["links"]:
        _web(link["href"])
        _text(link["text"], 255)
    known = {"routing_key", "event_action", "dedup_key", "payload", "client", "client_url", "links", "images"}
    assert set(event) <= known
    assert set(payload) <= {
        "summary",
        "source",
        "severity",
        "timestamp",
        "component",
        "group",
        "class",
        "custom_details",
    }
    return event


# --- OpsGenie: https://docs.opsgenie.com/docs/alert-api ---------------------------------------------------------------

_OPSGENIE = {"message": 130, "alias": 512, "description": 15_000, "entity": 512, "source": 100, "note": 25_000}


def opsgenie(received: Received) -> Any:
    body = _json(received)
    assert received.headers["authorization"] == f"GenieKey {GENIE_KEY}"
    path = urlsplit(received.path)
    for name, most in _OPSGENIE.items():
        if name in body:
            _text(body[name], most)
    if path.path == "/v2/alerts":
        assert {"message", "alias"} <= set(body) <= {*_OPSGENIE, "priority", "tags", "details"}
        assert body["priority"] in {"P1", "P2", "P3", "P4", "P5"}
        assert len(body["tags"]) <= 20
        for tag in body["tags"]:
            _text(tag, 50)
        assert all(isinstance(value, str) for value in body["details"].values())
        assert sum(len(name) + len(value) for name, value in body["details"].items()) <= 8_000
        return body
    found = re.fullmatch(r"/v2/alerts/([^/]+)/(?:close|acknowledge)", path.path)
    assert found
    assert parse_qs(path.query) == {"identifierType": ["alias"]}
    assert set(body) <= {"source", "user", "note"}
    return {**body, "alias": found[1]}


# --- Teams: https://adaptivecards.io/explorer -------------------------------------------------------------------------


def teams(received: Received) -> Any:
    message = _json(received)
    assert len(received.body) <= 18_000
    assert message["type"] == "message"
    (attachment,) = message["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert card["type"] == "AdaptiveCard"
    assert card["version"] in {"1.0", "1.1", "1.2", "1.3", "1.4"}
    assert card["body"]
    for block in card["body"]:
        assert block["type"] == "RichTextBlock"
        for run in block["inlines"]:
            assert run["type"] == "TextRun"
            assert isinstance(run["text"], str)
            assert run.get("color") in {None, "Attention", "Good", "Warning", "Default", "Accent"}
    assert len(card["actions"]) <= 6
    for action in card["actions"]:
        assert action["type"] == "Action.OpenUrl"
        _web(action["url"])
    return message


# --- webhook: https://www.standardwebhooks.com ------------------------------------------------------------------------


def webhook(received: Received) -> Any:
    assert len(received.body) < 20_000
    body = Oracle(SIGNING).verify(received.body, received.headers)
    assert set(body) == {"type", "id", "timestamp", "data"}
    return body


# --- Apprise's own JSON -----------------------------------------------------------------------------------------------


def apprise(received: Received) -> Any:
    body = _json(received)
    assert body["type"] in {"info", "success", "warning", "failure"}
    _text(body["title"], 300)
    _text(body["message"], 40_000)
    return body


_SUCCESS = '{"status": "success", "message": "Event processed", "dedup_key": "x"}'
_PROCESSED = '{"result": "Request will be processed", "took": 0.1, "requestId": "43a29c5c"}'
STATIONS = {
    "slack": Station(lambda url: {"webhookUrl": f"{url}/services/T0/B0/{CANARY}"}, (200, "ok"), slack),
    "pagerduty": Station(lambda _: {"routingKey": CANARY}, (202, _SUCCESS), pagerduty),
    "opsgenie": Station(
        lambda _: {"apiKey": GENIE_KEY, "region": "us"}, (202, _PROCESSED), opsgenie, secrets=(GENIE_KEY,)
    ),
    "teams": Station(lambda url: {"webhookUrl": f"{url}/workflows/{CANARY}?sp=%2Frun&sig={CANARY}x"}, (202, ""), teams),
    "webhook": Station(
        lambda url: {"url": f"{url}/hook/{CANARY}", "secret": SIGNING},
        (204, ""),
        webhook,
        secrets=(CANARY, SIGNING[6:]),
    ),
    "apprise": Station(lambda url: {"url": f"{url.replace('http:', 'json:')}/hook/{CANARY}"}, (200, "fine"), apprise),
}
