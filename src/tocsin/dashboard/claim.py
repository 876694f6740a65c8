"""The pages behind one-time links: where the owner of the first workspace registers, where somebody invited joins, and
where a new password is set."""

from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_PAGES = {
    "/claim": ("claim.html", "text/html"),
    "/claim.js": ("claim.js", "text/javascript"),
    "/claim.css": ("claim.css", "text/css"),
    "/invitation": ("invitation.html", "text/html"),
    "/invitation.js": ("invitation.js", "text/javascript"),
    "/password": ("password.html", "text/html"),
    "/password.js": ("password.js", "text/javascript"),
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def claim_routes() -> list[Route]:
    return [Route(path, _show, methods=["GET"]) for path in _PAGES]


def claim_link(public_url: str, token: str) -> str:
    return f"{public_url}/claim#{token}"


async def _show(request: Request) -> Response:
    name, media_type = _PAGES[request.url.path]
    return Response((files(__package__) / name).read_bytes(), media_type=media_type, headers=_HEADERS)
