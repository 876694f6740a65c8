"""Style sheets, scripts and pictures, served from memory under an address that names their content."""

import hashlib
from importlib.resources import files
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tocsin.dashboard import encoding

_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".webmanifest": "application/json"}
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}


class Assets:
    """Everything in `static/`; the sheets of `static/css/` together are `tocsin.css`, in the order of their names."""

    def __init__(self, folder: Path | None = None) -> None:
        folder = folder or Path(str(files("tocsin.dashboard") / "static"))
        self._bodies = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix in _TYPES}
        sheets = sorted((folder / "css").glob("*.css"))
        self._bodies["tocsin.css"] = b"\n".join(sheet.read_bytes() for sheet in sheets)
        whole = hashlib.sha256(b"".join(name.encode() + body for name, body in sorted(self._bodies.items())))
        # One name for all of them: modules import each other by relative addresses, and so never mix two versions.
        self.version = whole.hexdigest()[:16]
        self._packed: dict[tuple[str, str], bytes] = {}

    @property
    def scripts(self) -> list[str]:
        """The addresses of all modules, so that a browser asks for them at once and not one after the other."""
        return [self.url(name) for name in self._bodies if name.endswith(".js")]

    def url(self, name: str) -> str:
        """Raises KeyError for what is not there."""
        self._bodies[name]
        return f"/static/{self.version}/{name}"

    def route(self) -> Route:
        return Route("/static/{version}/{name}", self._serve, methods=["GET"])

    async def _serve(self, request: Request) -> Response:
        name = request.path_params["name"]
        body = self._bodies.get(name)
        if body is None or request.path_params["version"] != self.version:
            return Response("There is nothing at this address.", 404, media_type="text/plain")
        accepted = encoding.wanted(request.headers.get("accept-encoding", ""))
        headers = {**_FOREVER, "Vary": "Accept-Encoding"}
        if accepted and encoding.is_worth_it(body):
            headers["Content-Encoding"] = accepted
            body = self._pack(name, accepted)
        return Response(body, headers=headers, media_type=_TYPES[Path(name).suffix])

    def _pack(self, name: str, accepted: str) -> bytes:
        if (name, accepted) not in self._packed:
            self._packed[name, accepted] = encoding.pack(self._bodies[name], accepted, best=True)
        return self._packed[name, accepted]
