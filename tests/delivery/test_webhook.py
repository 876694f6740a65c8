import json
from base64 import b64encode
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook as Oracle
from standardwebhooks.webhooks import WebhookVerificationError

from tests.support.alerting import NOON, content
from tocsin.clock import SystemClock
from tocsin.delivery.channel import Answer, BadConfigError, OutboundRequest, Refused
from tocsin.delivery.channels.webhook import Webhook
from tocsin.delivery.message import compose
from tocsin.wire_time import parse_iso

URL = "https://receiver.example/hooks/tocsin-alerts"
CONFIG = {"url": URL, "secret": "whsec_" + b64encode(b"k" * 32).decode()}


def _request(kind: str, *names: str, now: int = NOON, **changes: Any) -> OutboundRequest:
    message = compose("delivery-1", content(kind, *names, **changes), NOON, now)
    return Webhook().request(CONFIG, message, now)


def _body(request: OutboundRequest) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(request.body)
    return body


def test_the_standards_own_library_accepts_the_signature() -> None:
    request = _request("opened", "Acme", now=SystemClock().now())
    assert Oracle(CONFIG["secret"]).verify(request.body, request.headers) == _body(request)
    with pytest.raises(WebhookVerificationError):
        Oracle(CONFIG["secret"]).verify(request.body + b" ", request.headers)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("opened", "incident.opened"),
        ("reopened", "incident.reopened"),
        ("resolved", "incident.resolved"),
        ("blastRadiusExpanded", "incident.blast_radius_expanded"),
    ],
)
def test_the_body_is_the_contracts(kind: str, name: str) -> None:
    body = _body(_request(kind, "Acme"))
    assert (body["type"], body["id"], body["timestamp"]) == (name, "delivery-1", "2026-01-05T12:00:00Z")
    assert parse_iso(body["timestamp"]) == NOON
    data = body["data"]
    assert data["incident"]["jobKey"] == data["job"]["jobKey"] == "daily-report"
    assert (data["missedRuns"], data["tenantCount"], data["url"]) == (1, 1, content()["url"])
    assert [tenant["externalId"] for tenant in data["affectedTenants"]] == ["acme"]
    assert data["incident"]["affectedTenants"] == data["affectedTenants"]


def test_a_later_attempt_has_the_same_id_and_body() -> None:
    first, second = _request("opened", "Acme"), _request("opened", "Acme", now=NOON + 3_600_000_000)
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


def test_at_most_50_tenants_and_20_kb() -> None:
    many = _request("opened", *[f"T{n}" for n in range(100)], tenantCount=1234)
    shown = _body(many)["data"]["affectedTenants"]
    assert 30 <= len(shown) <= 50
    assert shown[0]["externalId"] == "t0"
    assert _body(many)["data"]["tenantCount"] == 1234
    assert len(many.body) < 20_000
    assert len(_request("opened", *[f"{n}" + "ü" * 250 for n in range(100)]).body) < 20_000


def test_a_test_has_no_incident() -> None:
    message = compose("delivery-1", {"kind": "test", "at": "2026-01-05T12:00:00Z"}, NOON, NOON)
    body = _body(Webhook().request(CONFIG, message, NOON))
    assert body["type"] == "test"
    assert body["data"]["incident"] is None


def test_a_secret_is_made_and_shown_once() -> None:
    made = Webhook().validate({"url": URL}, [])
    assert made.shown_once == {"secret": made.config["secret"]}
    assert made.config["secret"].startswith("whsec_")
    Oracle(made.config["secret"])
    assert Webhook().validate({"url": URL}, []).config["secret"] != made.config["secret"]


def test_a_secret_is_kept_where_none_is_given_and_taken_where_one_is() -> None:
    kept = Webhook().validate({"url": URL}, [], previous=CONFIG)
    assert kept == ({"url": URL, "secret": CONFIG["secret"]}, {})
    own = "whsec_" + b64encode(b"o" * 24).decode()
    assert Webhook().validate({"url": URL, "secret": own}, [], previous=CONFIG) == ({"url": URL, "secret": own}, {})


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "x",
        5,
        "whsec_",
        "whsec_%%%",
        "whsec_" + "é",
        "whsec_" + b64encode(b"k" * 23).decode(),
        "whsec_" + b64encode(b"k" * 65).decode(),
    ],
)
def test_a_bad_secret_is_refused_without_being_repeated(secret: Any) -> None:
    with pytest.raises(BadConfigError, match="^secret must be whsec_ followed by 24 to 64 bytes"):
        Webhook().validate({"url": URL, "secret": secret}, [])


def test_url_and_secret_are_shown_masked() -> None:
    assert Webhook().mask(CONFIG) == {"url": "https://receiver.example/…erts", "secret": "whsec_…a2s="}


def test_410_disables_the_channel() -> None:
    verdict = Webhook().judge(CONFIG, Answer(410, {}, ""), NOON)
    assert isinstance(verdict, Refused)
    assert verdict.breaks_channel
    assert verdict.disables_channel
