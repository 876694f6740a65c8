import json
from typing import Any

import pytest

from tests.support.alerting import NOON, content
from tocsin.delivery.channel import Answer, BadConfigError, Delivered, Refused, Retry
from tocsin.delivery.channels.slack import Slack
from tocsin.delivery.message import compose

SLACK = {"webhookUrl": "https://hooks.slack.com/services/T000/B000/abcdefgh1234"}
MATTERMOST = {"webhookUrl": "https://chat.example/hooks/abcdefgh1234"}


def _body(*names: str, **changes: Any) -> dict[str, Any]:
    message = compose("id", content("opened", *names, **changes), NOON, NOON)
    body: dict[str, Any] = json.loads(Slack().request(SLACK, message, NOON).body)
    return body


def test_it_says_the_same_in_blocks_and_in_the_fallback() -> None:
    body = _body("Acme")
    header, section, context = body["blocks"]
    assert header["text"]["text"] == "Daily Report missed a run for Acme"
    assert "Affected customers: Acme" in section["text"]["text"]
    assert f"<{content()['url']}|Open the incident>" in context["elements"][0]["text"]
    assert f"incident {content()['incident']['id']}" in context["elements"][0]["text"]
    assert header["text"]["text"] in body["text"]
    assert content()["url"] in body["text"]


def test_nobody_can_be_mentioned_by_a_name() -> None:
    text = json.dumps(_body("<!channel> & <http://x|y>")["blocks"][1])
    assert "<!channel>" not in text
    assert "&lt;!channel&gt; &amp; &lt;http://x|y&gt;" in text
    assert "<!channel>" not in _body("<!channel>")["text"]


def test_slacks_limits_are_kept_without_breaking_an_escape() -> None:
    body = _body("Acme", reason="<" * 5000, incident={**content()["incident"], "jobName": "N" * 500})
    section = body["blocks"][1]["text"]["text"]
    assert len(body["blocks"][0]["text"]["text"]) <= 150
    assert len(section) <= 3000
    assert section.removesuffix("…").replace("&lt;", "") == ""
    assert len(body["text"]) <= 4000


@pytest.mark.parametrize(
    ("config", "status", "said", "kind"),
    [
        (SLACK, 200, "ok", Delivered),
        (SLACK, 200, "<html>Welcome to the hotel network</html>", Retry),
        (MATTERMOST, 200, "ok", Delivered),
        (MATTERMOST, 200, "", Delivered),
        (MATTERMOST, 200, '{"success":true}', Delivered),
        (MATTERMOST, 200, '{"success":false}', Retry),
        (MATTERMOST, 200, '{"ok":false}', Retry),
        (MATTERMOST, 200, "[" * 100_000, Delivered),
        (SLACK, 429, "rate_limited", Retry),
        (SLACK, 500, "rollup_error", Retry),
        (SLACK, 400, "invalid_payload", Refused),
    ],
)
def test_an_answer_is_judged_by_who_gives_it(config: dict[str, str], status: int, said: str, kind: type) -> None:
    verdict = Slack().judge(config, Answer(status, {}, said), NOON)
    assert isinstance(verdict, kind)
    assert not getattr(verdict, "breaks_channel", False)


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (400, "invalid_token"),
        (403, "invalid_token"),
        (403, "action_prohibited"),
        (404, "channel_not_found"),
        (404, "no_service"),
        (404, "no_team"),
        (404, "no_active_hooks"),
        (410, "channel_is_archived"),
    ],
)
def test_slacks_own_last_words_break_the_channel(status: int, word: str) -> None:
    verdict = Slack().judge(SLACK, Answer(status, {}, word), NOON)
    assert isinstance(verdict, Refused)
    assert verdict.breaks_channel


def test_a_404_that_slack_did_not_say_breaks_nothing() -> None:
    verdict = Slack().judge(MATTERMOST, Answer(404, {}, "404 page not found"), NOON)
    assert isinstance(verdict, Refused)
    assert not verdict.breaks_channel


@pytest.mark.parametrize("config", [{}, {"webhookUrl": 5}, {"webhookUrl": "http://hooks.slack.com/x"}])
def test_a_bad_config_names_the_field(config: dict[str, Any]) -> None:
    with pytest.raises(BadConfigError, match="^webhookUrl"):
        Slack().validate(config, [])


def test_the_url_is_shown_masked() -> None:
    assert Slack().mask(SLACK) == {"webhookUrl": "https://hooks.slack.com/…1234"}
