"""Slack incoming webhooks, and what speaks the same: Mattermost, Rocket.Chat.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
"""

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from tocsin.delivery.channel import (
    Accepted,
    Answer,
    Config,
    Delivered,
    OutboundRequest,
    Pace,
    Refused,
    Retry,
    Verdict,
    classify,
    mask_url,
    said,
    url_field,
    url_secrets,
)
from tocsin.delivery.destinations import Network
from tocsin.delivery.message import Message

_HEADER_LIMIT = 150
_SECTION_LIMIT = 3_000
_CONTEXT_LIMIT = 2_000
_TEXT_LIMIT = 4_000
_SLACK_HOSTS = (".slack.com", ".slack-gov.com")
#: Slack's words for "nothing will ever be posted here again". Any host may answer a plain 404 while it is deployed
#: anew, so the status alone condemns no channel.
_GONE = {
    "invalid_token": "The webhook was revoked.",
    "action_prohibited": "An administrator of the Slack workspace forbids it.",
    "channel_not_found": "The Slack channel does not exist any more.",
    "channel_is_archived": "The Slack channel is archived.",
    "no_service": "The webhook was removed or disabled.",
    "no_active_hooks": "The webhook was removed or disabled.",
    "no_team": "The Slack workspace does not exist any more.",
}


class Slack:
    name = "slack"
    keeps_state = False
    is_read_by_people = True
    pace = Pace(per_second=1, burst=5)

    def validate(self, config: Config, allowed: Sequence[Network], previous: Config | None = None) -> Accepted:
        return Accepted({"webhookUrl": url_field(config, "webhookUrl", allowed)}, {})

    def mask(self, config: Config) -> dict[str, Any]:
        return {"webhookUrl": mask_url(config["webhookUrl"])}

    def secrets(self, config: Config) -> list[str]:
        return url_secrets(config["webhookUrl"])

    def request(self, config: Config, message: Message, now: int) -> OutboundRequest:
        body = {
            # Slack shows the blocks and takes `text` for the notification; the others know `text` only.
            "text": _cut(escape(message.text), _TEXT_LIMIT),
            "blocks": _blocks(message),
        }
        return OutboundRequest(
            config["webhookUrl"], {"Content-Type": "application/json; charset=utf-8"}, json.dumps(body).encode()
        )

    def judge(self, config: Config, answer: Answer, now: int) -> Verdict:
        word = answer.body.strip()
        if why := _GONE.get(word) if 400 <= answer.status < 500 else None:
            return Refused("channel_gone", f"{said(answer)}. {why}", answer.status, breaks_channel=True)
        verdict = classify(answer, now)
        if isinstance(verdict, Delivered) and not _is_yes(config["webhookUrl"], answer):
            # Something between us and Slack answered in its stead.
            detail = f"{said(answer)} (expected: ok)"
            return Retry("unexpected_answer", detail, may_have_arrived=True, status=answer.status)
        return verdict


def escape(text: str) -> str:
    """Slack's own escaping: without it a tenant's name could mention everybody or hide a link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _is_yes(url: str, answer: Answer) -> bool:
    """Slack says `ok` and nothing else; of the others any success will do, unless it says it is none."""
    if (urlsplit(url).hostname or "").endswith(_SLACK_HOSTS):
        return answer.body.strip() == "ok"
    try:
        words = json.loads(answer.body)
    except (ValueError, RecursionError):
        return True
    return not isinstance(words, dict) or False not in (words.get("success"), words.get("ok"))


def _blocks(message: Message) -> list[dict[str, Any]]:
    return [
        {"type": "header", "text": {"type": "plain_text", "text": _cut(message.title, _HEADER_LIMIT), "emoji": False}},
        *([_mrkdwn("section", "\n".join(message.lines))] if message.lines else []),  # Slack takes no empty one
        {"type": "context", "elements": [{"type": "mrkdwn", "text": _context(message)}]},
    ]


def _context(message: Message) -> str:
    """State, incident, links; a link that does not fit is left out whole, as half of one leads nowhere."""
    incident = (message.content.get("incident") or {}).get("id", "")
    parts = [message.state, f"incident {incident}" if incident else ""]
    for label, url in ((message.link_label, message.url), ("Runbook", message.runbook_url)):
        link = f"<{_link(url)}|{label}>" if url else ""
        if sum(map(len, parts)) + len(link) < _CONTEXT_LIMIT - 20:
            parts.append(link)
    return " · ".join(part for part in parts if part)


def _mrkdwn(kind: str, text: str) -> dict[str, Any]:
    # `verbatim`: names that look like links or channels stay what they are.
    return {"type": kind, "text": {"type": "mrkdwn", "text": _cut(escape(text), _SECTION_LIMIT), "verbatim": True}}


def _link(url: str) -> str:
    return escape(url).replace("|", "%7C")


def _cut(text: str, limit: int) -> str:
    """At most `limit` characters, never ending inside an escape."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    start = head.rfind("&")
    if start > len(head) - 5 and start >= 0 and ";" not in head[start:]:
        head = head[:start]
    return head + "…"
