"""Microsoft Teams, by the webhook trigger of a Workflow: an Adaptive Card in a message.

https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook

The flow answers 202 before it posts, so what it refuses later nobody hears of: a card that is too large, above all. So
the limits are kept here. Names are set as text runs, which know no Markdown: a tenant's name cannot become a link.
"""

import json
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from tocsin.delivery.channel import (
    Accepted,
    Answer,
    BadConfigError,
    Config,
    Delivered,
    OutboundRequest,
    Pace,
    Refused,
    Retry,
    Verdict,
    classify,
    cut,
    mask_url,
    said,
    url_field,
    url_secrets,
)
from tocsin.delivery.destinations import Network
from tocsin.delivery.message import Message

#: Teams counts a card larger than its bytes, and gives up at some 28 KB of its own counting.
_BODY_LIMIT = 18_000
_TITLE_LIMIT = 300
_LINE_LIMITS = (2_000, 500, 150, 40)
_RETIRED = re.compile(r"(.+\.)?webhook\.office(365)?\.com$|outlook\.office(365)?\.com$", re.IGNORECASE)
_COLOURS = {"Open": "Attention", "Closed": "Good"}
_GONE = {401, 403, 404, 410}


class Teams:
    name = "teams"
    keeps_state = False
    is_read_by_people = True
    pace = Pace(per_second=1, burst=4)

    def validate(self, config: Config, allowed: Sequence[Network], previous: Config | None = None) -> Accepted:
        url = url_field(config, "webhookUrl", allowed)
        if _RETIRED.match(urlsplit(url).hostname or ""):
            raise BadConfigError(
                "webhookUrl is one of an Office 365 connector, which Microsoft has retired. Make a Workflow with the "
                'trigger "When a Teams webhook request is received", and set its URL.'
            )
        return Accepted({"webhookUrl": url}, {})

    def mask(self, config: Config) -> dict[str, Any]:
        return {"webhookUrl": mask_url(config["webhookUrl"])}

    def secrets(self, config: Config) -> list[str]:
        url = config["webhookUrl"]
        values = [part.partition("=")[2] for part in urlsplit(url).query.split("&")]
        return [*url_secrets(url), *(value for value in values if len(value) > 20)]

    def request(self, config: Config, message: Message, now: int) -> OutboundRequest:
        return OutboundRequest(config["webhookUrl"], {"Content-Type": "application/json"}, _body(message))

    def judge(self, config: Config, answer: Answer, now: int) -> Verdict:
        verdict = classify(answer, now)
        match verdict:
            case Delivered() if "returned HTTP error" in answer.body:  # so Teams says it in a 200
                return Retry("receiver_unavailable", said(answer), may_have_arrived=False, status=answer.status)
            case Refused() if answer.status in _GONE or '"WorkflowTrigger' in answer.body:
                detail = f"{said(answer)} The workflow is off, was removed, or its URL was made anew."
                return verdict._replace(reason="channel_gone", detail=detail, breaks_channel=True)
        return verdict


def _body(message: Message) -> bytes:
    """The whole message, with its lines cut as short as it takes."""
    for limit in _LINE_LIMITS:
        body = json.dumps(_envelope(message, limit), ensure_ascii=False, separators=(",", ":")).encode()
        if len(body) <= _BODY_LIMIT:
            return body
    short = message._replace(lines=(), runbook_url="")
    return json.dumps(_envelope(short, 0), ensure_ascii=False, separators=(",", ":")).encode()


def _envelope(message: Message, line_limit: int) -> dict[str, Any]:
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.2",
        "body": [
            _text(cut(message.title, _TITLE_LIMIT), size="Large", weight="Bolder", color=_COLOURS.get(message.state)),
            *(_text(cut(line, line_limit)) for line in message.lines),
            _text(_state(message), isSubtle=True, size="Small"),
        ],
        "actions": [{"type": "Action.OpenUrl", "title": label, "url": url} for label, url in message.links],
        "msteams": {"width": "Full"},
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _text(text: str, **style: Any) -> dict[str, Any]:
    run = {"type": "TextRun", "text": text, **{name: value for name, value in style.items() if value is not None}}
    return {"type": "RichTextBlock", "inlines": [run]}


def _state(message: Message) -> str:
    incident = (message.content.get("incident") or {}).get("id")
    return f"{message.state} · incident {incident}" if incident else message.state
