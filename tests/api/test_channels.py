from typing import Any

import pytest

from tests.api.conftest import Api
from tocsin.store.schema import channels

SLACK = {"config": {"webhookUrl": "https://hooks.slack.com/services/T000/B000/sEcReTsEcReT"}, "isEnabled": True}


def test_a_channel_is_set_shown_masked_and_removed(api: Api) -> None:
    made = api.ok("PUT", "/workspaces/me/channels/slack", SLACK)
    assert (made["provider"], made["name"], made["isEnabled"]) == ("slack", "default", True)
    assert "sEcReTsE" not in str(made)
    assert api.ok("GET", "/workspaces/me")["channels"] == [made]
    switched_off = api.ok("PUT", "/workspaces/me/channels/slack", {**SLACK, "isEnabled": False})
    assert switched_off == {**made, "isEnabled": False}
    api.ok("PUT", "/workspaces/me/channels/slack/ops", SLACK)
    assert [c["name"] for c in api.ok("GET", "/workspaces/me")["channels"]] == ["default", "ops"]
    api.ok("DELETE", "/workspaces/me/channels/slack")
    api.ok("DELETE", "/workspaces/me/channels/slack/ops")
    assert api.refused(404, "DELETE", "/workspaces/me/channels/slack") == "Channel not found."


def test_a_webhook_secret_made_for_the_user_is_shown_once_and_kept(api: Api) -> None:
    body = {"config": {"url": "https://receiver.test/hook"}}
    secret = api.ok("PUT", "/workspaces/me/channels/webhook", body)["config"]["secret"]
    assert secret.startswith("whsec_")
    again = api.ok("PUT", "/workspaces/me/channels/webhook", body)
    assert again["config"]["secret"] != secret
    api.ok("POST", "/workspaces/me/channels/webhook/test")
    assert api.tests_sent == [("webhook", {"url": "https://receiver.test/hook", "secret": secret})]


def test_a_config_is_sealed_in_the_database(api: Api) -> None:
    api.ok("PUT", "/workspaces/me/channels/slack", SLACK)
    with api.services.store.read() as connection:
        stored = connection.execute(channels.select()).mappings().one()
    assert b"sEcReT" not in stored["config"]


@pytest.mark.parametrize(
    ("provider", "body", "message"),
    [
        ("carrier-pigeon", SLACK, "provider must be one of"),
        ("slack", {}, "config is required."),
        ("slack", {"config": []}, "config must be an object."),
        ("slack", {"config": {}}, "config.webhookUrl is required"),
        ("slack", {"config": {"webhookUrl": 7}}, "config.webhookUrl"),
        ("slack", {"config": {"webhookUrl": "http://127.0.0.1/x"}}, "config.webhookUrl"),
        ("webhook", {"config": {"url": "https://receiver.test", "secret": "short"}}, "config.secret must be"),
        ("slack", {**SLACK, "isEnabled": "no"}, "isEnabled must be true or false."),
    ],
)
def test_a_wrong_config_is_explained(api: Api, provider: str, body: dict[str, Any], message: str) -> None:
    assert message in api.refused(422, "PUT", f"/workspaces/me/channels/{provider}", body)
    assert api.ok("GET", "/workspaces/me")["channels"] == []


def test_a_test_alert_tells_what_the_receiver_said(api: Api) -> None:
    assert api.refused(404, "POST", "/workspaces/me/channels/slack/test") == "Channel not found."
    api.ok("PUT", "/workspaces/me/channels/slack", SLACK)
    api.ok("PUT", "/workspaces/me/channels/slack/ops", SLACK)
    expected = {
        "delivered": True,
        "reason": "delivered",
        "mayRetry": False,
        "statusCode": 200,
        "detail": "HTTP 200: ok",
    }
    assert api.ok("POST", "/workspaces/me/channels/slack/test") == expected
    once = {"Idempotency-Key": "try"}
    for _ in range(2):
        assert api.ok("POST", "/workspaces/me/channels/slack/ops/test", headers=once) == expected
    assert len(api.tests_sent) == 2


def test_channels_are_each_workspaces_own(api: Api, stranger: Api) -> None:
    api.ok("PUT", "/workspaces/me/channels/slack", SLACK)
    assert stranger.ok("GET", "/workspaces/me")["channels"] == []
    stranger.refused(404, "DELETE", "/workspaces/me/channels/slack")
    stranger.refused(404, "POST", "/workspaces/me/channels/slack/test")


TERMS = {
    "routes": {
        "jobs": ["daily-report"],
        "integrations": ["payments"],
        "tags": ["billing"],
        "tenants": ["acme"],
        "kinds": ["opened", "resolved"],
    },
    "delaySeconds": 600,
    "remindEverySeconds": 3600,
}


def test_routes_delay_and_reminders_are_kept_and_shown(api: Api) -> None:
    plain = api.ok("PUT", "/workspaces/me/channels/slack", SLACK)
    assert (plain["routes"], plain["delaySeconds"], plain["remindEverySeconds"]) == ({}, 0, None)
    chosen = api.ok("PUT", "/workspaces/me/channels/slack", {**SLACK, **TERMS})
    assert {name: chosen[name] for name in TERMS} == TERMS
    assert api.ok("GET", "/workspaces/me")["channels"] == [chosen]
    # A PUT is the whole channel.
    assert api.ok("PUT", "/workspaces/me/channels/slack", SLACK) == plain


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"routes": []}, "routes must be an object."),
        ({"routes": {"jobs": "daily-report"}}, "routes.jobs must be a list."),
        ({"routes": {"jobs": [7]}}, "routes.jobs[0] must be a string."),
        ({"routes": {"tenants": [""]}}, "routes.tenants[0]"),
        ({"routes": {"tenants": ["a\u0007"]}}, "routes.tenants[0]"),
        ({"routes": {"kinds": ["closed"]}}, "routes.kinds[0]"),
        ({"routes": {"kinds": ["resolved"]}}, "routes.kinds must hold opened"),
        ({"routes": {"tags": ["x"] * 501}}, "routes.tags"),
        ({"delaySeconds": -1}, "delaySeconds"),
        ({"delaySeconds": 10**9}, "delaySeconds"),
        ({"delaySeconds": 1.5}, "delaySeconds"),
        ({"remindEverySeconds": 0}, "remindEverySeconds"),
        ({"remindEverySeconds": 10**12}, "remindEverySeconds"),
    ],
)
def test_terms_that_make_no_sense_are_explained(api: Api, terms: dict[str, Any], message: str) -> None:
    assert message in api.refused(422, "PUT", "/workspaces/me/channels/slack", {**SLACK, **terms})
    assert api.ok("GET", "/workspaces/me")["channels"] == []
