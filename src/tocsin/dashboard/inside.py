"""The dashboard's way to change anything: the management API itself, asked in process as the person who is signed in.

So what a page can do is what the API can do, is judged by the same rules, and stands in the same audit log.
"""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import anyio.from_thread
from starlette.types import ASGIApp, Message

from tocsin.application.errors import ErrorCode, Refused

PREFIX = "/api/v1"


class Answer(NamedTuple):
    """What the API answered."""

    data: Any
    message: str


class Inside:
    """Asks the API; called from the threads that pages are made in."""

    def __init__(self, api: ASGIApp) -> None:
        self._api = api
        self._going: set[asyncio.Task[None]] = set()

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        client: tuple[str, int] | None = None,
    ) -> Answer:
        """`path` without the prefix, with its query. Raises `Refused` as the API refused it."""
        envelope, headers = anyio.from_thread.run(self._send, method, path, body, token, client)
        if envelope["isSuccess"]:
            return Answer(envelope["data"], envelope["message"])
        wait = headers.get(b"retry-after", b"")
        code = ErrorCode(envelope["errorCode"])
        raise Refused(envelope["statusCode"], code, envelope["message"], int(wait) if wait.isdigit() else None)

    async def _send(
        self, method: str, path: str, body: Any, token: str | None, client: tuple[str, int] | None
    ) -> tuple[Mapping[str, Any], dict[bytes, bytes]]:
        sent = b"" if body is None else json.dumps(body).encode()
        exchange = _Exchange(sent)
        # What the API does after its answer (mails are sent then) goes on without us.
        task = asyncio.ensure_future(
            self._api(_scope(method, path, sent, token, client), exchange.receive, exchange.send)
        )
        self._going.add(task)
        task.add_done_callback(self._going.discard)
        await asyncio.wait(
            [task, answered := asyncio.ensure_future(exchange.answered.wait())], return_when="FIRST_COMPLETED"
        )
        answered.cancel()
        if task.done():
            task.result()
        return json.loads(b"".join(exchange.chunks)), dict(exchange.headers)


class _Exchange:
    """One request and its answer, as ASGI messages."""

    def __init__(self, body: bytes) -> None:
        self._messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        self.headers: list[tuple[bytes, bytes]] = []
        self.chunks: list[bytes] = []
        self.answered = asyncio.Event()

    async def receive(self) -> Message:
        if self._messages:
            return self._messages.pop()
        await asyncio.Event().wait()  # nobody leaves
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.headers = message["headers"]
        elif message["type"] == "http.response.body":
            self.chunks.append(message.get("body", b""))
            if not message.get("more_body", False):
                self.answered.set()


def _scope(method: str, path: str, body: bytes, token: str | None, client: tuple[str, int] | None) -> dict[str, Any]:
    address, _, query = f"{PREFIX}{path}".partition("?")
    headers = [(b"host", b"inside"), (b"content-length", str(len(body)).encode())]
    if body:
        headers.append((b"content-type", b"application/json"))
    if token is not None:
        headers.append((b"authorization", b"Bearer " + token.encode()))
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": address,
        "raw_path": address.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": headers,
        "client": client,
        "server": ("inside", 80),
        "state": {},
    }
