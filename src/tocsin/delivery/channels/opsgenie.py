"""OpsGenie, by its Alert API: https://docs.opsgenie.com/docs/alert-api

One alert of OpsGenie's an incident: created, acknowledged and closed under the incident's id as its alias. Jira Service
Management speaks the same, so the operator may point TOCSIN_OPSGENIE_URL at it.
"""

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

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
from tocsin.domain.model import AlertKind

_BASES = {"us": "https://api.opsgenie.com", "eu": "https://api.eu.opsgenie.com"}
_KEY = "[A-Za-z0-9]{8}-([A-Za-z0-9]{4}-){3}[A-Za-z0-9]{12}"
_WHAT_KEY = "the key of an OpsGenie API integration (8-4-4-4-12 letters and digits)"
_MESSAGE_LIMIT, _DESCRIPTION_LIMIT, _NOTE_LIMIT = 130, 15_000, 25_000
_ENTITY_LIMIT, _DETAIL_LIMIT = 512, 500
_TAG_LIMIT, _MOST_TAGS = 50, 20
_ACTIONS = {AlertKind.RESOLVED.value: "close", AlertKind.ACKNOWLEDGED.value: "acknowledge"}
#: The key is unknown, the account unpaid, or the integration may not do this: no other alert will fare better.
_KEY_REFUSED = {401, 402, 403}


class Opsgenie:
    name = "opsgenie"
    keeps_state = True
    is_read_by_people = False
    pace = Pace(per_second=2, burst=20)

    def __init__(self, base_url: str = "") -> None:
        self._base_url = base_url.rstrip("/")

    def validate(self, config: Config, allowed: Sequence[Network], previous: Config | None = None) -> Accepted:
        key = text_field(config, "apiKey", _KEY, _WHAT_KEY)
        return Accepted({"apiKey": key, "region": choice_field(config, "region", tuple(_BASES))}, {})

    def mask(self, config: Config) -> dict[str, Any]:
        return {**config, "apiKey": mask_key(config["apiKey"])}

    def secrets(self, config: Config) -> list[str]:
        return [config["apiKey"]]

    def request(self, config: Config, message: Message, now: int) -> OutboundRequest:
        headers = {"Authorization": f"GenieKey {config['apiKey']}", "Content-Type": "application/json"}
        action = _ACTIONS.get(message.kind)
        path, body = _action(message, action) if action else ("", _alert(message))
        base = self._base_url or _BASES[config.get("region", "us")]
        return OutboundRequest(f"{base}/v2/alerts{path}", headers, json.dumps(body).encode())

    def judge(self, config: Config, answer: Answer, now: int) -> Verdict:
        verdict = classify(answer, now)
        match verdict:
            case Delivered() if not _is_taken(answer):
                detail = f"{said(answer)} (expected: 202)"
                return Retry("unexpected_answer", detail, may_have_arrived=True, status=answer.status)
            case Refused() if answer.status in _KEY_REFUSED:
                detail = f"{said(answer)} Set the channel anew with a key that may create and close alerts."
                return verdict._replace(reason="key_refused", detail=detail, breaks_channel=True)
        return verdict


def _is_taken(answer: Answer) -> bool:
    """202 is OpsGenie's yes; another success counts where it has the form of OpsGenie's answers."""
    if answer.status == 202:
        return True
    try:
        words = json.loads(answer.body)
    except (ValueError, RecursionError):
        return False
    return isinstance(words, dict) and "requestId" in words


def _action(message: Message, action: str) -> tuple[str, dict[str, Any]]:
    """What is done with the alert that is there."""
    note = cut("\n".join([message.title, *message.lines]), _NOTE_LIMIT)
    return f"/{quote(message.thread, safe='')}/{action}?identifierType=alias", {"source": "Tocsin", "note": note}


def _alert(message: Message) -> dict[str, Any]:
    job = message.content.get("job") or {}
    tags = [cut(tag, _TAG_LIMIT) for tag in job.get("tags", []) if isinstance(tag, str) and tag][:_MOST_TAGS]
    return {
        "message": cut(message.title, _MESSAGE_LIMIT),
        "alias": message.thread,
        "description": cut(message.text, _DESCRIPTION_LIMIT),
        "source": "Tocsin",
        "priority": "P5" if message.kind == AlertKind.TEST else "P1",
        "entity": cut(message.subject or "Tocsin", _ENTITY_LIMIT),
        "tags": tags,
        "details": {name: cut(value, _DETAIL_LIMIT) for name, value in _details(message).items() if value},
    }


def _details(message: Message) -> dict[str, str]:
    content = message.content
    return {
        "incident": message.url,
        "runbook": message.runbook_url,
        "missedRuns": str(content.get("missedRuns") or ""),
        "tenantCount": str(content.get("tenantCount") or ""),
    }
