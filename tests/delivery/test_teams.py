import json
from typing import Any

import pytest

from tests.support.alerting import NOON, content
from tocsin.delivery.channel import Answer, BadConfigError, Delivered, Refused, Retry
from tocsin.delivery.channels.teams import Teams
from tocsin.delivery.message import compose

URL = "https://x.environment.api.powerplatform.com:443/powerautomate/triggers/manual/paths/invoke?sp=%2Ft&sig=s3cr3t%2Fsig"
CONFIG = {"webhookUrl": URL}


def _card(kind: str = "opened", *names: str, **changes: Any) -> dict[str, Any]:
    request = Teams().request(CONFIG, compose("id", content(kind, *names, **changes), NOON, NOON), NOON)
    assert request.url == URL  # byte for byte: the signature is over its query
    card: dict[str, Any] = json.loads(request.body)["attachments"][0]["content"]
    return card


def _texts(card: dict[str, Any]) -> list[str]:
    return [run["text"] for block in card["body"] for run in block["inlines"]]


def test_the_card_says_what_the_message_says() -> None:
    texts = _texts(_card("opened", "Acme"))
    assert texts[0] == "Daily Report missed a run for Acme"
    assert "Affected customers: Acme" in texts
    assert texts[-1] == f"Open · incident {content()['incident']['id']}"
    assert [action["url"] for action in _card()["actions"]] == [content()["url"], "https://wiki.example/daily"]


@pytest.mark.parametrize(("kind", "colour"), [("opened", "Attention"), ("resolved", "Good")])
def test_the_title_shows_how_things_are(kind: str, colour: str) -> None:
    assert _card(kind, "Acme")["body"][0]["inlines"][0]["color"] == colour


def test_names_are_no_markdown() -> None:
    """A text run shows what it is given; a text block would make a link of it."""
    card = _card("opened", "[free money](https://evil.example)")
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    assert "[free money](https://evil.example)" in json.dumps(card)


def test_what_is_too_long_loses_its_lines_before_its_title() -> None:
    message = compose("id", content("opened", "Acme"), NOON, NOON)._replace(lines=("ü" * 4_000,) * 60)
    body = Teams().request(CONFIG, message, NOON).body
    assert len(body) <= 18_000
    assert _texts(json.loads(body)["attachments"][0]["content"])[0] == message.title
    assert len(Teams().request(CONFIG, message._replace(lines=("ü" * 4_000,) * 600), NOON).body) <= 18_000


@pytest.mark.parametrize(
    "url",
    [
        "https://acme.webhook.office.com/webhookb2/x@y/IncomingWebhook/z/w",
        "https://ACME.Webhook.Office.Com/webhookb2/x",
        "https://webhook.office.com/webhookb2/x",
        "https://outlook.office.com/webhook/x@y/IncomingWebhook/z",
        "https://outlook.office365.com/webhook/x",
    ],
)
def test_a_retired_connector_is_refused_with_what_to_do(url: str) -> None:
    with pytest.raises(
        BadConfigError, match=r"^webhookUrl is one of an Office 365 connector.* Make a Workflow"
    ) as caught:
        Teams().validate({"webhookUrl": url}, [])
    assert url not in str(caught.value)


@pytest.mark.parametrize(
    "url", [URL, "https://prod-01.westus.logic.azure.com:443/workflows/x?sig=y", "https://my.host/x"]
)
def test_a_workflow_is_taken(url: str) -> None:
    assert Teams().validate({"webhookUrl": url}, []).config == {"webhookUrl": url}


def test_the_signature_is_no_part_of_the_mask() -> None:
    masked = Teams().mask(CONFIG)["webhookUrl"]
    assert masked.startswith("https://x.environment.api.powerplatform.com:443/…")
    assert "s3cr3t" not in masked


@pytest.mark.parametrize(
    ("status", "body", "kind", "breaks"),
    [
        (202, "", Delivered, False),
        (200, "1", Delivered, False),
        (
            200,
            "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429",
            Retry,
            False,
        ),
        (400, '{"error": {"code": "WorkflowTriggerIsNotEnabled"}}', Refused, True),
        (400, '{"error": {"code": "InvalidRequest"}}', Refused, False),
        (401, '{"error": {"code": "DirectApiAuthorizationRequired"}}', Refused, True),
        (403, "", Refused, True),
        (404, '{"error": {"code": "WorkflowNotFound"}}', Refused, True),
        (413, "", Refused, False),
        (429, "", Retry, False),
        (502, '{"error": {"code": "NoResponse"}}', Retry, False),
    ],
)
def test_an_answer_is_judged(status: int, body: str, kind: type, breaks: bool) -> None:
    verdict = Teams().judge(CONFIG, Answer(status, {}, body), NOON)
    assert isinstance(verdict, kind)
    assert getattr(verdict, "breaks_channel", False) == breaks
