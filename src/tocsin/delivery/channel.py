"""The port of a channel, and what the channels share: verdicts, one table of HTTP statuses, `Retry-After`.

A `Provider` is pure: it checks a config, turns a message into a request, and judges the answer. Sending is
`delivery.sender`'s, waiting `delivery.worker`'s.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, Protocol

from tocsin.delivery.destinations import BadDestinationError, Network, parse_destination
from tocsin.delivery.message import Message
from tocsin.domain.model import SECOND

Config = Mapping[str, Any]


class BadConfigError(ValueError):
    """A channel config its provider does not take; the text is a sentence that names the field."""


class Accepted(NamedTuple):
    """A checked config, as it is to be kept. `shown_once`: what was made just now and is told to nobody again."""

    config: dict[str, Any]
    shown_once: dict[str, str]


class OutboundRequest(NamedTuple):
    url: str
    headers: dict[str, str]
    body: bytes


class Answer(NamedTuple):
    """What a receiver said. `headers` have lower-case names; `body` is its first 64 KiB, as text."""

    status: int
    headers: Mapping[str, str]
    body: str


class NoAnswer(NamedTuple):
    """A request that got no answer. `reason` is its name, `detail` a sentence without URL or secret."""

    reason: str
    detail: str
    may_have_arrived: bool
    is_permanent: bool = False


class Delivered(NamedTuple):
    detail: str
    status: int | None = None


class Retry(NamedTuple):
    """Not now; `after` (microseconds) is how long the receiver asked us to wait."""

    reason: str
    detail: str
    may_have_arrived: bool
    status: int | None = None
    after: int | None = None


class Refused(NamedTuple):
    """Never this message. `breaks_channel`: nor any other; `disables_channel`: the receiver wants no more of them."""

    reason: str
    detail: str
    status: int | None = None
    breaks_channel: bool = False
    disables_channel: bool = False


Verdict = Delivered | Retry | Refused


class Pace(NamedTuple):
    """How fast a receiver likes to hear from us: `burst` at once, then `per_second`."""

    per_second: float
    burst: int


class Provider(Protocol):
    """One kind of channel. `keeps_state`: the receiver opens and closes alerts of its own (see domain.superseding).
    `is_read_by_people`: in a storm it gets many incidents in one message (see domain.sharing)."""

    name: str
    keeps_state: bool
    is_read_by_people: bool
    pace: Pace

    def validate(self, config: Config, allowed: Sequence[Network], previous: Config | None = None) -> Accepted:
        """Checks a config that comes in, raising BadConfigError; `previous` is the one it replaces."""

    def mask(self, config: Config) -> dict[str, Any]:
        """The config as it may be shown."""

    def secrets(self, config: Config) -> list[str]:
        """Strings that must not appear in anything shown or logged."""

    def request(self, config: Config, message: Message, now: int) -> OutboundRequest: ...

    def judge(self, config: Config, answer: Answer, now: int) -> Verdict: ...


def classify(answer: Answer, now: int) -> Verdict:
    """The shared table: 2xx delivered; 408, 425, 429 and 5xx try again; other 3xx and 4xx never."""
    status, detail = answer.status, said(answer)
    if 200 <= status < 300:
        return Delivered(detail, status)
    if status in {408, 425, 429} or status >= 500:
        reason = "rate_limited" if status == 429 else "receiver_unavailable"
        arrived = status >= 500  # perhaps said by a proxy in front of a receiver that did get it
        return Retry(reason, detail, arrived, status, retry_after(answer.headers.get("retry-after"), now))
    if 300 <= status < 400:
        return Refused("redirected", f"{detail} Redirects are not followed: set the address it points to.", status)
    return Refused("receiver_refused", detail, status)


def retry_after(value: str | None, now: int) -> int | None:
    """The pause a `Retry-After` header asks for, in microseconds: seconds or an HTTP date; None if it says neither."""
    if value is None:
        return None
    value = value.strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", value):
        return int(float(value) * SECOND)
    try:
        moment = parsedate_to_datetime(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(int(moment.timestamp()) * SECOND - now, 0)
    except (ValueError, OverflowError):
        return None


def said(answer: Answer) -> str:
    """What the receiver said, on one line fit for a log: its status and the beginning of its answer."""
    text = " ".join("".join(c if c.isprintable() else " " for c in answer.body[:2_000]).split())
    return f"HTTP {answer.status}: {text[:200]}" if text else f"HTTP {answer.status}."


def url_field(config: Config, name: str, allowed: Sequence[Network]) -> str:
    """The checked URL in field `name` of a config; raises BadConfigError."""
    url = config.get(name)
    if not isinstance(url, str) or not url:
        raise BadConfigError(f"{name} is required: the URL to post to.")
    try:
        parse_destination(url, allowed)
    except BadDestinationError as error:
        raise BadConfigError(f"{name}: {error}") from None
    return url


def mask_url(url: str) -> str:
    """The host and the last 4 characters: enough to tell two apart, too little to post with."""
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    host = host.partition("?")[0]
    return f"{scheme}://{host}/…{path[-4:] if len(path) > 12 else ''}"
