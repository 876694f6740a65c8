"""Where reports go, and what the server says to them."""

import json
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, NamedTuple

from tocsin.client.report import Report

_KEY_CHARACTERS = range(0x21, 0x7F)
#: Refusals that say nothing against the report: the key may be mended, the request is in flight, the server is busy.
_PASSING = frozenset({401, 403, 408, 409, 425, 429})


class Destination(NamedTuple):
    """A server's root, and the key of a workspace there."""

    url: str
    api_key: str


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    body: bytes


class UnreachableError(Exception):
    """No answer could be had; the message says why, in words that may be shown."""


#: Posts a body to a path within so many seconds; raises `UnreachableError`.
Post = Callable[[str, bytes, Mapping[str, str], float], Answer]


class Fate(Enum):
    """What becomes of a report after an answer."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    WAITS = "waits"


class Verdict(NamedTuple):
    """The fate of a report; `sentence`: why, if it was not delivered."""

    fate: Fate
    sentence: str = ""
    status: int = 0


def destination(url: str, api_key: str) -> Destination:
    """The server at `url`, given with or without `/api/v1`; raises ValueError for what is no URL or cannot be a key."""
    url = url.strip().rstrip("/").removesuffix("/api/v1")
    if not url.startswith(("http://", "https://")):
        raise ValueError("TOCSIN_URL must begin with http:// or https://")
    api_key = api_key.strip()
    if not api_key or not all(ord(character) in _KEY_CHARACTERS for character in api_key):
        raise ValueError("the API key is empty, or holds characters that no key has")
    return Destination(url, api_key)


def send(post: Post, report: Report, seconds: float) -> Verdict:
    """Makes the request that `report` is."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": report.key}
    try:
        return judge(post(report.path, report.body.encode(), headers, seconds))
    except UnreachableError as error:
        return Verdict(Fate.WAITS, f"could not be reached: {error}")


def judge(answer: Answer) -> Verdict:
    """Only Tocsin's own word is final: a 404 may come from a proxy in front of a server that is being replaced, and a
    200 from the login page of a hotel."""
    if is_done(answer):
        return Verdict(Fate.DELIVERED, status=answer.status)
    message = refusal(answer)
    if message is None:
        return Verdict(Fate.WAITS, f"answered {answer.status}, and not as Tocsin does", answer.status)
    if 400 <= answer.status < 500 and answer.status not in _PASSING:
        return Verdict(Fate.REFUSED, message, answer.status)
    return Verdict(Fate.WAITS, f"answered {answer.status}: {message}", answer.status)


def is_done(answer: Answer) -> bool:
    """Whether Tocsin says that it was done."""
    return answer.status in (200, 201) and _envelope(answer).get("isSuccess") is True


def refusal(answer: Answer) -> str | None:
    """The sentence of a refusal in Tocsin's envelope; None where it is not one."""
    body = _envelope(answer)
    return str(body["message"]) if body.get("isSuccess") is False and "message" in body else None


def _envelope(answer: Answer) -> dict[str, Any]:
    try:
        body = json.loads(answer.body)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
