"""The routes of Hexcovery heartbeats."""

from typing import Any
from urllib.parse import parse_qsl

from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tocsin.application.errors import ErrorCode, Refused, too_large
from tocsin.application.record_check_ins import Receipt, Submission
from tocsin.domain.message import tail
from tocsin.ingest.http import BODY_LIMIT, Senders
from tocsin.ingest.protocols import hexcovery as wire
from tocsin.ingest.recorder import Recorder
from tocsin.request_body import TooLargeError, header, read_body

_JSON = (b"content-type", b"application/json")
_TOLD_BY_HEADERS = {f"x-{who}-{part}" for who in ("hexcovery", "tocsin") for part in ("project", "service", "host")}


class HeartbeatEndpoint:
    """ASGI app of both shapes: the name in the body, or in the address with all else in the query."""

    def __init__(self, recorder: Recorder, senders: Senders) -> None:
        self._recorder = recorder
        self._senders = senders

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [_JSON]
        try:
            status, body = 202, await self._answer(scope, receive)
        except Refused as refusal:
            status = 400 if refusal.status == 422 else refusal.status
            body = wire.refused(refusal)
            if refusal.retry_after is not None:
                headers.append((b"retry-after", str(refusal.retry_after).encode()))
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(self, scope: Scope, receive: Receive) -> bytes:
        parts = scope["path_params"]
        event, name = parts["event"], parts.get("name")
        if event not in wire.EVENTS:
            raise Refused(404, ErrorCode.NOT_FOUND, "The event must be start, log, end or ping.")
        is_bare_ping = event == "ping" and name is not None and scope["method"] in {"GET", "HEAD"}
        if scope["method"] != "POST" and not is_bare_ping:
            raise Refused(405, ErrorCode.VALIDATION, "This address does not know this method.")
        sender = await self._senders.identify(scope)
        fields = await _fields(scope, receive, event, name)
        where = wire.attribution(_said_by_headers(scope))
        check_in, terms = wire.decode(event, fields, where, sender.workspace_id)
        _, outcome = await self._recorder.submit(Submission(check_in, sender.key_id, terms=terms))
        if not isinstance(outcome, Receipt):
            raise outcome if isinstance(outcome, Refused) else TypeError(f"no answer to a heartbeat: {outcome!r}")
        return wire.encode(check_in, outcome)


async def _fields(scope: Scope, receive: Receive, event: str, name: str | None) -> dict[str, Any]:
    """What the heartbeat says. In the second shape a body that is not JSON is its message."""
    try:
        body = await read_body(scope, receive, BODY_LIMIT)
    except TooLargeError:
        raise too_large() from None
    if header(scope, b"content-encoding").lower() not in {b"", b"identity"}:
        raise wire.wrong("Send the body uncompressed, without Content-Encoding.")
    if name is None:
        return wire.decode_body(body)
    query = {k: v for k, v in parse_qsl(scope["query_string"].decode("latin-1")) if "\0" not in v}
    is_json = header(scope, b"content-type").partition(b";")[0].strip().lower() == b"application/json"
    said: dict[str, Any] = wire.decode_body(body) if is_json else {}
    if body and not is_json and not query.get("message"):
        said["message"] = tail(body.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}"))
    return {**said, **query, "name": name}


def _said_by_headers(scope: Scope) -> dict[str, str]:
    """The headers that tell where the run belongs."""
    told = {name.decode("latin-1").lower(): value for name, value in scope["headers"] if name.startswith(b"x-")}
    return {name: told[name].decode("utf-8", "replace") for name in _TOLD_BY_HEADERS & told.keys()}


def routes(recorder: Recorder, senders: Senders) -> list[Route]:
    endpoint = HeartbeatEndpoint(recorder, senders)
    return [
        Route("/api/v1/heartbeat/{event}", endpoint),
        Route("/api/v1/heartbeat/{name}/{event}", endpoint),
    ]
