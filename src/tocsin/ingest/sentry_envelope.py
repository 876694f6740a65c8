"""Sentry's envelope: a header line, then items, each a header line and a payload."""

from typing import Any, NamedTuple

from tocsin import strict_json
from tocsin.request_body import TooLargeError

ITEM_LIMIT = 1 << 20
ENVELOPE_LIMIT = 20 << 20
#: Nobody sends as many; each costs us some work.
MOST_ITEMS = 1_000
_SHOWN = 100


class BadEnvelopeError(ValueError):
    """The bytes are no envelope; the message is a sentence for its sender."""


class Item(NamedTuple):
    kind: str
    payload: bytes


class Envelope(NamedTuple):
    event_id: str | None
    items: list[Item]


def parse(body: bytes) -> Envelope:
    """Raises `BadEnvelopeError`, and `TooLargeError` where an item is."""
    if not body.strip():
        raise BadEnvelopeError("The body is empty; an envelope begins with a header line.")
    line, at = _line(body, 0)
    header = _object(line, "envelope header")
    event_id = header.get("event_id")
    items = []
    while at < len(body):
        line, at = _line(body, at)
        if not line.strip():
            continue
        item, at = _item(body, line, at)
        items.append(item)
        if len(items) > MOST_ITEMS:
            raise TooLargeError
    return Envelope(event_id if isinstance(event_id, str) else None, items)


def _item(body: bytes, line: bytes, at: int) -> tuple[Item, int]:
    header = _object(line, "item header")
    kind, length = header.get("type"), header.get("length")
    if not isinstance(kind, str):
        raise BadEnvelopeError("An item header has no type.")
    if length is None:
        payload, at = _line(body, at)
        if len(payload) > ITEM_LIMIT:
            raise TooLargeError
        return Item(kind, payload), at
    if isinstance(length, bool) or not isinstance(length, int) or length < 0:
        raise BadEnvelopeError("The length of an item must be a number of bytes.")
    if length > ITEM_LIMIT:
        raise TooLargeError
    end = at + length
    if end > len(body):
        raise BadEnvelopeError("An item is shorter than its header says.")
    if end < len(body) and body[end : end + 1] not in {b"\n", b"\r"}:
        raise BadEnvelopeError("An item is longer than its header says.")
    return Item(kind, body[at:end]), end + (body[end : end + 2] == b"\r\n") + 1


def _line(body: bytes, at: int) -> tuple[bytes, int]:
    """The line that begins at `at`, and where the next one does."""
    end = body.find(b"\n", at)
    end = len(body) if end < 0 else end
    return body[at:end], end + 1


def _object(line: bytes, what: str) -> dict[str, Any]:
    try:
        value = strict_json.load(line[: ITEM_LIMIT + 1])
    except (strict_json.NotJsonError, strict_json.UnacceptableJsonError):
        value = None
    if not isinstance(value, dict):
        raise BadEnvelopeError(f"The {what} is no JSON object: {line[:_SHOWN].decode(errors='replace')}")
    return value
