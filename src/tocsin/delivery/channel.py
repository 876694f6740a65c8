"""The port of a channel, and what the channels share: verdicts, one table of HTTP statuses, `Retry-After`.

A `Provider` is pure: it checks a config, turns a message into what is to go out (an HTTP request, a mail, an Apprise
notification), and judges the answer. Sending is `delivery.sender`'s, waiting `delivery.worker`'s.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

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
    """An HTTP POST."""

    url: str
    headers: dict[str, str]
    body: bytes


class Mail(NamedTuple):
    """A whole mail (RFC 5322, lines end in CRLF), and whom the server is to take it from and bring it to."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes


class Notification(NamedTuple):
    """What Apprise is to send to one of its URLs. `severity`: failure, warning, success or info."""

    url: str
    title: str
    body: str
    severity: str


#: Everything that can go out; each kind has its own way (see `delivery.sender`).
Outbound = OutboundRequest | Mail | Notification


class Answer(NamedTuple):
    """What a receiver said. `status` is its protocol's: of HTTP, or SMTP's reply code. `headers` have lower-case names;
    `body` is its first 64 KiB, as text."""

    status: int
    headers: Mapping[str, str]
    body: str


class NoAnswer(NamedTuple):
    """Something that went out, or could not, and got no answer. `reason` is its name, `detail` a sentence without URL
    or secret."""

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
    """How fast a receiver likes to hear from us: `burst`, then `per_second`; and how many are on their way at once: a
    receiver that hangs holds up so many deliveries of its own, and nobody else's."""

    per_second: float
    burst: int
    at_once: int = 8


class Site(NamedTuple):
    """What the operator of this installation decided about deliveries. `opsgenie_url` empty: by the channel's region;
    `smtp_url` empty: no mail can be sent."""

    allowed: Sequence[Network] = ()
    pagerduty_url: str = ""
    opsgenie_url: str = ""
    smtp_url: str = ""
    mail_from: str = "Tocsin <tocsin@localhost>"


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

    def request(self, config: Config, message: Message, now: int) -> Outbound:
        """What is to go out; the same over all attempts, but for what dates an attempt."""

    def judge(self, config: Config, answer: Answer, now: int) -> Verdict:
        """What the answer means for this delivery, and for the channel."""


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


def said(answer: Answer, protocol: str = "HTTP") -> str:
    """What the receiver said, on one line fit for a log: its status and the beginning of its answer."""
    text = one_line(answer.body, 200)
    return f"{protocol} {answer.status}: {text}" if text else f"{protocol} {answer.status}."


def one_line(text: str, limit: int) -> str:
    """The beginning of `text` without line breaks and control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text[: 10 * limit]).split())[:limit]


def cut(text: str, limit: int) -> str:
    """At most `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def text_field(config: Config, name: str, pattern: str, what: str) -> str:
    """The text in field `name` of a config, which matches `pattern` as a whole; raises BadConfigError."""
    value = config.get(name)
    if value is None or value == "":
        raise BadConfigError(f"{name} is required: {what}.")
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise BadConfigError(f"{name} must be {what}.")
    return value


def choice_field(config: Config, name: str, choices: Sequence[str]) -> str:
    """One of `choices`, the first where the field is left out; raises BadConfigError."""
    value = config.get(name)
    if value is not None and value not in choices:
        raise BadConfigError(f"{name} must be {' or '.join(choices)}.")
    return value or choices[0]


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


def url_secrets(url: str) -> list[str]:
    """What of a URL must not be shown: whoever knows its path and query can post to it."""
    parts = urlsplit(url)
    return [url, parts.path.strip("/"), parts.query]


def mask_key(key: str) -> str:
    """The last 4 characters of a key."""
    return f"…{key[-4:]}"


def mask_url(url: str) -> str:
    """The host and the last 4 characters: enough to tell two apart, too little to post with."""
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    host = host.partition("?")[0]
    return f"{scheme}://{host}/…{path[-4:] if len(path) > 12 else ''}"
