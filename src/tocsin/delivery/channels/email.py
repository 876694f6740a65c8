"""E-mail: one mail to all recipients of the channel, threaded by incident, as plain text and as HTML.

Everything about an incident names `<incident-ID@domain>` as what it belongs to, and its `opened` mail has that name: so
mail programs show one conversation, also where the first mail was not for this channel.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.headerregistry import HeaderRegistry, MessageIDHeader
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid, parseaddr
from html import escape
from typing import Any

from tocsin.delivery.channel import (
    Accepted,
    Answer,
    BadConfigError,
    Config,
    Delivered,
    Mail,
    Pace,
    Refused,
    Retry,
    Verdict,
    cut,
    one_line,
    said,
)
from tocsin.delivery.destinations import Network
from tocsin.delivery.message import Message
from tocsin.domain.model import SECOND, AlertKind

_MOST_RECIPIENTS = 50
_SUBJECT_LIMIT = 200
_LINE_LIMIT = 5_000
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"(?=.{{3,254}}$)(?=[^@]{{1,64}}@){_ATOM}(\.{_ATOM})*@{_LABEL}(\.{_LABEL})*")
#: Left to itself the library encodes a long id as if it were prose, and no mail program finds the thread.
_HEADERS = HeaderRegistry()
for _name in ("in-reply-to", "references"):
    _HEADERS.map_to_type(_name, MessageIDHeader)  # type: ignore[arg-type]  # a mixin, as all are
_POLICY = SMTP.clone(header_factory=_HEADERS)
_STATE_COLOURS = {"Open": "#b3261e", "Closed": "#1e7a34"}


class Email:
    name = "email"
    keeps_state = False
    is_read_by_people = True
    pace = Pace(per_second=1, burst=10)

    def __init__(self, mail_from: str = "Tocsin <tocsin@localhost>") -> None:
        self._from = mail_from
        self._sender = parseaddr(mail_from)[1]
        self._domain = self._sender.rpartition("@")[2] or "localhost"

    def validate(self, config: Config, allowed: Sequence[Network], previous: Config | None = None) -> Accepted:
        to = config.get("to")
        if not isinstance(to, list) or not to:
            raise BadConfigError("to is required: a list of e-mail addresses.")
        if len(to) > _MOST_RECIPIENTS:
            raise BadConfigError(f"to must hold at most {_MOST_RECIPIENTS} addresses.")
        for number, address in enumerate(to):
            if not isinstance(address, str) or not is_address(address):
                raise BadConfigError(f"to[{number}] must be a plain e-mail address like ops@example.com.")
        return Accepted({"to": list(dict.fromkeys(to))}, {})

    def mask(self, config: Config) -> dict[str, Any]:
        return {"to": config["to"]}

    def secrets(self, config: Config) -> list[str]:
        return []

    def request(self, config: Config, message: Message, now: int) -> Mail:
        mail = EmailMessage(policy=_POLICY)
        mail["From"] = self._from
        mail["To"] = ", ".join(config["to"])
        mail["Subject"] = cut(one_line(message.title, _SUBJECT_LIMIT + 1), _SUBJECT_LIMIT)
        mail["Date"] = datetime.fromtimestamp(now // SECOND, UTC)
        self._thread(mail, message)
        mail["Auto-Submitted"] = "auto-generated"  # no vacation notes, please
        mail["X-Auto-Response-Suppress"] = "All"
        mail.set_content(_plain(message))
        mail.add_alternative(_html(message), subtype="html")
        return Mail(self._sender, tuple(config["to"]), mail.as_bytes())

    def judge(self, config: Config, answer: Answer, now: int) -> Verdict:
        detail = said(answer, "SMTP")
        if 200 <= answer.status < 300:
            return Delivered(detail, answer.status)
        if 500 <= answer.status < 600:
            return Refused("receiver_refused", detail, answer.status)
        return Retry("receiver_unavailable", detail, may_have_arrived=False, status=answer.status)

    def _thread(self, mail: EmailMessage, message: Message) -> None:
        root = f"<incident-{message.thread}@{self._domain}>"
        if message.kind == AlertKind.OPENED:
            mail["Message-ID"] = root
            return
        mail["Message-ID"] = f"<delivery-{message.id}@{self._domain}>"
        if message.content.get("incident"):
            mail["In-Reply-To"] = root
            mail["References"] = root


def is_address(text: str) -> bool:
    """Whether it is one plain address (`ops@example.com`, without a name or brackets) that mail can be sent to."""
    return _ADDRESS.fullmatch(text) is not None


def plain_mail(mail_from: str, to: str, subject: str, text: str, now: int) -> Mail | None:
    """A mail to one person that is about no incident; None where `to` is no address that mail can be sent to."""
    if not is_address(to):
        return None
    mail = EmailMessage(policy=_POLICY)
    sender = parseaddr(mail_from)[1]
    mail["From"] = mail_from
    mail["To"] = to
    mail["Subject"] = cut(one_line(subject, _SUBJECT_LIMIT + 1), _SUBJECT_LIMIT)
    mail["Date"] = datetime.fromtimestamp(now // SECOND, UTC)
    mail["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2] or "localhost")
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text)
    return Mail(sender, (to,), mail.as_bytes())


def _plain(message: Message) -> str:
    """Lines of any length are wrapped by the transfer encoding, not by us."""
    return "\n".join(cut(line, _LINE_LIMIT) for line in message.text.splitlines()) + "\n"


def _html(message: Message) -> str:
    colour = _STATE_COLOURS.get(message.state, "#444444")
    lines = "".join(f"<p>{escape(cut(line, _LINE_LIMIT))}</p>" for line in message.lines)
    links = " · ".join(f'<a href="{escape(url)}">{label}</a>' for label, url in message.links)
    return (
        '<!doctype html><html><head><meta charset="utf-8"></head><body style="font-family: sans-serif">'
        f'<h2 style="color: {colour}">{escape(message.title)}</h2>{lines}{f"<p>{links}</p>" if links else ""}'
        "</body></html>\n"
    )
