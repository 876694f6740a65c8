"""The cookie that keeps somebody signed in, and what else a browser remembers for us."""

from enum import StrEnum
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from tocsin.settings import Settings

DAY = 86_400
SESSION_DAYS = 30
#: Chosen on the page, read by the server, worth nothing to anybody: the theme and the viewer's time zone.
THEME, ZONE = "tocsin_theme", "tocsin_zone"
#: A notice for the page after a redirect.
NOTICE = "tocsin_notice"
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class Way(StrEnum):
    """How the browser reached us, and so which cookies it will keep."""

    SECURE = "secure"
    PLAIN = "plain"
    #: Over plain HTTP from elsewhere: whoever is on the way could read the cookie, so there is none.
    REFUSED = "refused"


def way_of(request: Request, settings: Settings) -> Way:
    if request.url.scheme == "https":
        return Way.SECURE
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    if host in _LOOPBACK or host.endswith(".localhost"):
        return Way.PLAIN
    if settings.public_url.startswith("https://"):  # the proxy that speaks TLS does not say that it did
        return Way.SECURE
    return Way.PLAIN if settings.insecure_http else Way.REFUSED


def session_name(way: Way) -> str:
    return "__Host-tocsin" if way is Way.SECURE else "tocsin"


def visit_name(way: Way) -> str:
    """The cookie that ties the forms of somebody who is not signed in to their browser."""
    return "__Host-tocsin_visit" if way is Way.SECURE else "tocsin_visit"


def keep(response: Response, way: Way, name: str, value: str, seconds: int | None = None) -> None:
    """A cookie that no script reads and no other site sends. None: until the browser is closed."""
    response.set_cookie(name, value, max_age=seconds, path="/", secure=way is Way.SECURE, httponly=True, samesite="lax")


def forget(response: Response, way: Way, name: str) -> None:
    response.delete_cookie(name, path="/", secure=way is Way.SECURE, httponly=True, samesite="lax")
