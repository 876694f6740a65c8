"""Webhooks, signed as Standard Webhooks 1.0 says: https://www.standardwebhooks.com

The body and the `webhook-id` stay the same over all attempts; `webhook-timestamp`, and with it the signature, are of
the attempt, as receivers refuse old ones.
"""

import hashlib
import hmac
import json
import secrets
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from typing import Any

from tocsin.delivery.channel import (
    Accepted,
    Answer,
    BadConfigError,
    Config,
    OutboundRequest,
    Pace,
    Refused,
    Verdict,
    classify,
    mask_url,
    said,
    url_field,
    url_secrets,
)
from tocsin.delivery.destinations import Network
from tocsin.delivery.message import Message
from tocsin.domain.model import SECOND, AlertKind

_PREFIX = "whsec_"
_MADE_BYTES = 32
_SECRET_BYTES = range(24, 65)
_TENANTS = 50
#: What the standard recommends a body to stay under.
_BODY_LIMIT = 20_000


class Webhook:
    name = "webhook"
    keeps_state = False
    is_read_by_people = False
    pace = Pace(per_second=50, burst=100)

    def validate(self, config: Config, allowed: Sequence[Network], previous: Config | None = None) -> Accepted:
        url = url_field(config, "url", allowed)
        secret = config.get("secret")
        if secret is not None:
            _key(secret)
            return Accepted({"url": url, "secret": secret}, {})
        if previous is not None:
            return Accepted({"url": url, "secret": previous["secret"]}, {})
        made = _PREFIX + b64encode(secrets.token_bytes(_MADE_BYTES)).decode()
        return Accepted({"url": url, "secret": made}, {"secret": made})

    def mask(self, config: Config) -> dict[str, Any]:
        return {"url": mask_url(config["url"]), "secret": f"{_PREFIX}…{config['secret'][-4:]}"}

    def secrets(self, config: Config) -> list[str]:
        secret = config["secret"]
        return [*url_secrets(config["url"]), secret, secret.removeprefix(_PREFIX)]

    def request(self, config: Config, message: Message, now: int) -> OutboundRequest:
        body = _body(message)
        timestamp = str(now // SECOND)
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message.id,
            "webhook-timestamp": timestamp,
            "webhook-signature": f"v1,{_sign(config['secret'], message.id, timestamp, body)}",
        }
        return OutboundRequest(config["url"], headers, body)

    def judge(self, config: Config, answer: Answer, now: int) -> Verdict:
        if answer.status == 410:
            detail = f"{said(answer)} The receiver wants no more webhooks; the channel was disabled."
            return Refused("channel_gone", detail, 410, breaks_channel=True, disables_channel=True)
        return classify(answer, now)


def _key(secret: object) -> bytes:
    if isinstance(secret, str) and secret.startswith(_PREFIX):
        try:
            key = b64decode(secret.removeprefix(_PREFIX), validate=True)
        except (Base64Error, ValueError):
            key = b""
        if len(key) in _SECRET_BYTES:
            return key
    raise BadConfigError("secret must be whsec_ followed by 24 to 64 bytes in base64; leave it out to have one made.")


def _sign(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode() + body
    return b64encode(hmac.digest(_key(secret), signed, hashlib.sha256)).decode()


def _body(message: Message) -> bytes:
    """The newest 50 tenants, or fewer where the body would outgrow its limit; then the job loses its longest texts."""
    for shown in range(_TENANTS, -1, -5):
        body = _json(_envelope(message, shown))
        if len(body) < _BODY_LIMIT:
            return body
    bare = _envelope(message, 0)
    job = bare["data"]["job"] or {}
    bare["data"]["job"] = {name: value for name, value in job.items() if name not in {"description", "tags"}} or None
    return _json(bare)


def _json(envelope: Mapping[str, Any]) -> bytes:
    return json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode()


def _snake_case(kind: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in kind)


def _envelope(message: Message, shown: int) -> dict[str, Any]:
    content = message.content
    tenants = content.get("affectedTenants", [])[:shown]
    incident: Mapping[str, Any] | None = content.get("incident")
    return {
        "type": "test" if message.kind == AlertKind.TEST else f"incident.{_snake_case(message.kind)}",
        "id": message.id,
        "timestamp": content["at"],
        "data": {
            "incident": incident and {**incident, "affectedTenants": tenants},
            "job": content.get("job"),
            "missedRuns": content.get("missedRuns", 0),
            "tenantCount": content.get("tenantCount", 0),
            "affectedTenants": tenants,
            "url": content.get("url"),
        },
    }
