"""What every request passes before a route sees it: sizes, media type, and JSON that every store can keep."""

from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tocsin import strict_json
from tocsin.api.envelope import failure
from tocsin.application.errors import Refused, invalid, not_found, not_json, too_large, unsupported_media

BODY_LIMIT = 100 * 1024
PATH_LIMIT = 1_000


class Gate:
    """ASGI middleware: reads the body (at most 100 KB), judges it, and hands it on whole."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            _check_address(scope)
            body = await _read_body(scope, receive)
            _check_body(scope, body)
        except Refused as refusal:
            await failure(refusal)(scope, receive, send)
            return
        scope["tocsin.body"] = body
        await self._app(scope, _Replay(body, receive), send)


class _Replay:
    """A `receive` that gives the body once more, and then what really comes (the client's leaving)."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


def _check_address(scope: Scope) -> None:
    if len(scope["path"]) > PATH_LIMIT or "\0" in scope["path"]:
        raise not_found("Address")
    for name, value in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True):
        if "\0" in name or "\0" in value:
            raise invalid("A query parameter holds a NUL character.")


async def _read_body(scope: Scope, receive: Receive) -> bytes:
    declared = _header(scope, b"content-length")
    if declared.isdigit() and int(declared[:20]) > BODY_LIMIT:
        raise too_large()
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > BODY_LIMIT:
            raise too_large()
        chunks.append(chunk)
        if message["type"] != "http.request" or not message.get("more_body", False):
            return b"".join(chunks)


def _check_body(scope: Scope, body: bytes) -> None:
    if not body:
        return
    media = _header(scope, b"content-type").partition(b";")[0].strip().lower()
    if media != b"application/json" and not (media.startswith(b"application/") and media.endswith(b"+json")):
        raise unsupported_media()
    if _header(scope, b"content-encoding").strip().lower() not in {b"", b"identity"}:
        raise unsupported_media("Send the body uncompressed, without Content-Encoding.")
    try:
        strict_json.parse(body)
    except strict_json.NotJsonError as error:
        raise not_json(str(error)) from None
    except strict_json.UnacceptableJsonError as error:
        raise invalid(str(error)) from None


def _header(scope: Scope, name: bytes) -> bytes:
    return next((value for key, value in scope["headers"] if key == name), b"")
