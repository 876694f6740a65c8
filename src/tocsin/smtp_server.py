"""The operator's mail server, as TOCSIN_SMTP_URL names it."""

from typing import Literal, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

_PORTS = {"smtp": 587, "smtps": 465}

#: `implicit`: from the first byte; `required`: STARTTLS or nothing; `offered`: STARTTLS where the server knows it, and
#: in clear text to a permitted address only; `none`: in clear text, to a permitted address.
Tls = Literal["implicit", "required", "offered", "none"]


class SmtpServer(NamedTuple):
    host: str
    port: int
    tls: Tls
    username: str = ""
    password: str = ""


def parse_smtp_url(url: str) -> SmtpServer:
    """Reads `smtp[s]://[user:password@]host[:port][?tls=…]`; raises ValueError with a sentence without it."""
    form = "must be smtp://user:password@host:port or smtps://…, with ?tls=required or ?tls=none after smtp://."
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(form) from None
    wish = parse_qs(parts.query, keep_blank_values=True)
    tls = wish.pop("tls", ["implicit" if parts.scheme == "smtps" else "offered"])[0]
    known = {"smtp": ("offered", "required", "none"), "smtps": ("implicit",)}.get(parts.scheme, ())
    if tls not in known or wish or not parts.hostname or parts.path not in {"", "/"} or not url.isprintable():
        raise ValueError(form)
    login = (unquote(parts.username or ""), unquote(parts.password or ""))
    return SmtpServer(parts.hostname, port or _PORTS[parts.scheme], tls, *login)  # type: ignore[arg-type]
