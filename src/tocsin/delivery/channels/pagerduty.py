"""PagerDuty, by its Events API v2: https://developer.pagerduty.com/docs/events-api-v2-overview

One alert of PagerDuty's an incident: all that happens goes out under the incident's id as `dedup_key`. After a resolve
a trigger under the same key opens a new alert there, which is what a reopened incident wants.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

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
    choice_field,
    classify,
    cut,
    mask_key,
    said,
    text_field,
)
from tocsin.delivery.destinations import Network
from tocsin.delivery.message import Message
from tocsin.domain.model import SECOND, AlertKind

_PATH = "/v2/enqueue"
_BASES = {"us": "https://events.pagerduty.com", "eu": "https://events.eu.pagerduty.com"}
_KEY = "[A-Za-z0-9]{32}"
_WHAT_KEY = "the 32 letters and digits of an integration key of the Events API v2"
_SUMMARY_LIMIT = 1_024
_SOURCE_LIMIT = 255
_DETAIL_LIMIT = 10_000
#: PagerDuty counts in minutes, and promises no Retry-After.
_PATIENCE = 30 * SECOND


class PagerDuty:
    name = "pagerduty"
    keeps_state = True
    is_read_by_people = False
    pace = Pace(per_second=1.5, burst=30)  # 120 in any minute: what one integration key may send

    def __init__(self, base_url: str = "") -> None:
        self._base_url = base_url.rstrip("/").removesuffix(_PATH)

    def validate(self, config: Config, allowed: Sequence[Network], previous: Config | None = None) -> Accepted:
        key = text_field(config, "routingKey", _KEY, _WHAT_KEY)
        return Accepted({"routingKey": key, "region": choice_field(config, "region", tuple(_BASES))}, {})

    def mask(self, config: Config) -> dict[str, Any]:
        return {**config, "routingKey": mask_key(config["routingKey"])}

    def secrets(self, config: Config) -> list[str]:
        return [config["routingKey"]]

    def request(self, config: Config, message: Message, now: int) -> OutboundRequest:
        base = self._base_url or _BASES[config.get("region", "us")]
        body = json.dumps(_event(config["routingKey"], message)).encode()
        return OutboundRequest(base + _PATH, {"Content-Type": "application/json"}, body)

    def judge(self, config: Config, answer: Answer, now: int) -> Verdict:
        verdict = classify(answer, now)
        match verdict:
            case Delivered() if not _is_taken(answer):
                detail = f"{said(answer)} (expected: 202 and success)"
                return Retry("unexpected_answer", detail, may_have_arrived=True, status=answer.status)
            case Retry(status=429, after=None):
                return verdict._replace(after=_PATIENCE)
            case Refused() if answer.status == 400 and "routing" in answer.body.lower():
                detail = f"{said(answer)} Set the channel anew with a key that PagerDuty knows."
                return verdict._replace(reason="key_refused", detail=detail, breaks_channel=True)
        return verdict


def _is_taken(answer: Answer) -> bool:
    """202 is PagerDuty's yes; whatever else looks like a success has to say that it is one."""
    try:
        words = json.loads(answer.body)
    except (ValueError, RecursionError):
        return answer.status == 202
    status = words.get("status") if isinstance(words, dict) else None
    return status == "success" or (answer.status == 202 and status is None)


def _event(routing_key: str, message: Message) -> dict[str, Any]:
    head = {"routing_key": routing_key, "dedup_key": message.thread}
    if message.kind == AlertKind.RESOLVED:
        return {**head, "event_action": "resolve"}
    if message.kind == AlertKind.ACKNOWLEDGED:
        return {**head, "event_action": "acknowledge"}
    content = message.content
    return {
        **head,
        "event_action": "trigger",
        "payload": {
            "summary": cut(message.title, _SUMMARY_LIMIT),
            "source": cut(message.subject or "Tocsin", _SOURCE_LIMIT),
            "severity": "info" if message.kind == AlertKind.TEST else "critical",
            "timestamp": content["at"],
            "class": message.kind,
            "custom_details": _details(message),
        },
        "client": "Tocsin",
        **({"client_url": message.url} if message.url else {}),
        "links": [{"href": url, "text": label} for label, url in message.links],
    }


def _details(message: Message) -> Mapping[str, Any]:
    """What the page shows as a table: our sentences, and what somebody would look for."""
    names = [tenant["externalId"] for tenant in message.content.get("affectedTenants", [])[:50]]
    counts = {name: message.content[name] for name in ("missedRuns", "tenantCount") if name in message.content}
    return {
        "summary": cut("\n".join(message.lines), _DETAIL_LIMIT),
        **counts,
        **({"affectedTenants": names} if names else {}),
    }
