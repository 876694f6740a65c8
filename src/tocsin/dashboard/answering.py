"""Answers of the dashboard: their headers, and packed where the browser can unpack them."""

from starlette.requests import Request
from starlette.responses import Response

from tocsin.dashboard import cookies, encoding
from tocsin.domain import zones

HEADERS = {
    # Everything comes from here, and nothing is written into a page but by us: no inline script, no style attribute.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def html(request: Request, text: str, status: int = 200) -> Response:
    body = text.encode()
    headers = {**HEADERS, "Vary": "Accept-Encoding, Cookie"}
    accepted = encoding.wanted(request.headers.get("accept-encoding", ""))
    if accepted and encoding.is_worth_it(body):
        body = encoding.pack(body, accepted)
        headers["Content-Encoding"] = accepted
    return Response(body, status, headers, "text/html")


def zone_of(request: Request) -> str:
    name = request.cookies.get(cookies.ZONE, "")
    return name if name in zones.names() else zones.UTC
