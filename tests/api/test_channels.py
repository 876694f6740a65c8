from typing import Any

import pytest

from tests.api.conftest import Api
from tocsin.delivery.channel import Config
from tocsin.secret_box import SecretBox
from tocsin.store.schema import channels

KEY = "01234567-89ab-cdef-0123-456789abcdef"
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
        ("pagerduty", {"config": {}}, "config.routingKey is required"),
        ("pagerduty", {"config": {"routingKey": "R0UT1NG"}}, "config.routingKey must be the 32 letters and digits"),
        ("pagerduty", {"config": {"routingKey": "0" * 32, "region": "moon"}}, "config.region must be us or eu."),
        ("opsgenie", {"config": {"apiKey": "GenieKey x"}}, "config.apiKey must be the key"),
        ("opsgenie", {"config": {"apiKey": KEY, "region": 5}}, "config.region must be us or eu."),
        ("teams", {"config": {"webhookUrl": "https://a.webhook.office.com/webhookb2/x"}}, "Microsoft has retired"),
        ("teams", {"config": {"webhookUrl": "https://outlook.office.com/webhook/x"}}, "Make a Workflow"),
        ("teams", {"config": {"webhookUrl": "https://10.0.0.1/x"}}, "config.webhookUrl: The receiver's address is not"),
        ("email", {"config": {"to": "ops@example.com"}}, "config.to is required: a list"),
        ("email", {"config": {"to": ["ops@example.com\r\nBcc: x@y.z"]}}, "config.to[0] must be a plain e-mail address"),
        ("apprise", {"config": {"url": "no url"}}, "config.url must be one Apprise URL"),
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


def test_what_no_look_at_the_text_tells_is_asked_before_anything_is_written(api: Api) -> None:
    asked: list[tuple[str, Config]] = []

    def objection(provider: str, config: Config) -> str:
        asked.append((provider, config))
        return "url: Apprise cannot use this URL." if provider == "apprise" else ""

    api.services.objection = objection
    body = {"config": {"url": "nonsense://x"}}
    assert (
        api.refused(422, "PUT", "/workspaces/me/channels/apprise", body) == "config.url: Apprise cannot use this URL."
    )
    api.ok("PUT", "/workspaces/me/channels/slack", SLACK)
    assert [made["provider"] for made in api.ok("GET", "/workspaces/me")["channels"]] == ["slack"]
    assert asked == [("apprise", body["config"]), ("slack", SLACK["config"])]


@pytest.mark.parametrize(
    ("provider", "config", "shown"),
    [
        ("pagerduty", {"routingKey": "0123456789abcdef0123456789abcdef"}, {"routingKey": "…cdef", "region": "us"}),
        ("opsgenie", {"apiKey": KEY, "region": "eu"}, {"apiKey": "…cdef", "region": "eu"}),
        (
            "teams",
            {"webhookUrl": "https://x.example/workflows/0123?sig=abcd"},
            {"webhookUrl": "https://x.example/…abcd"},
        ),
        ("email", {"to": ["ops@example.com"]}, {"to": ["ops@example.com"]}),
        ("apprise", {"url": "ntfys://ntfy.sh/my-topic"}, {"url": "ntfys://…opic"}),
    ],
)
def test_every_kind_of_channel_can_be_set(api: Api, provider: str, config: Config, shown: Config) -> None:
    assert api.ok("PUT", f"/workspaces/me/channels/{provider}", {"config": config})["config"] == shown
    assert api.ok("GET", "/workspaces/me")["channels"][0]["config"] == shown
    api.ok("POST", f"/workspaces/me/channels/{provider}/test")
    assert config.items() <= api.tests_sent[0][1].items()


def test_a_node_without_the_key_says_what_its_operator_has_to_do(api: Api) -> None:
    api.ok("PUT", "/workspaces/me/channels/slack", SLACK)
    api.services.secrets = SecretBox([b"k" * 32])
    assert "current secret key file" in api.refused(503, "GET", "/workspaces/me")


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
