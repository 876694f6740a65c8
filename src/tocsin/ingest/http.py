"""The routes machines ping: credentials, limits, the wait for the commit, and the answer."""

import asyncio
import hashlib
from typing import Any, NamedTuple

from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tocsin.api.envelope import HEADERS, failure_body
from tocsin.application.access import Right, find_principal
from tocsin.application.credentials import Credential, hash_secret, read_credential
from tocsin.application.errors import (
    ErrorCode,
    Refused,
    conflict,
    invalid,
    not_found,
    too_large,
    unauthorized,
    unsupported_media,
)
from tocsin.application.keys import KeyUse
from tocsin.application.record_check_ins import Outcome, Receipt, Replayed, Submission
from tocsin.application.request_rate import RequestRate
from tocsin.clock import Clock
from tocsin.ingest.protocols import native
from tocsin.ingest.recorder import Recorder
from tocsin.request_body import TooLargeError, header, read_body
from tocsin.secret_box import SecretBox
from tocsin.store.engine import Store

BODY_LIMIT = 100 * 1024
PING_ROUTE = "POST /api/v1/jobs/{jobKey}/ping"
_KNOWN_KEYS = 50_000
_KEY_LIMIT = 255
_HEADERS = [(b"content-type", b"application/json"), *((k.lower().encode(), v.encode()) for k, v in HEADERS.items())]


class Sender(NamedTuple):
    """Who pings. `key_id` is judged again in the transaction, so a key that is known here may yet be dead."""

    workspace_id: int
    key_id: int | None


class Senders:
    """Finds out who sends. API keys seen once are remembered: whether they still hold, each commit asks anew."""

    def __init__(
        self, store: Store, secrets: SecretBox, clock: Clock, key_use: KeyUse, request_rate: RequestRate
    ) -> None:
        """A key's check-ins are counted where they are committed; a user's here, as all that they ask for."""
        self._store = store
        self._key_use = key_use
        self._request_rate = request_rate
        self._secrets = secrets
        self._clock = clock
        self._known: dict[str, Sender] = {}

    async def identify(self, scope: Scope) -> Sender:
        """Raises `Refused` 401 or 403."""
        api_key = header(scope, b"x-api-key").decode("latin-1")
        known = self._known.get(hash_secret(api_key)) if api_key else None
        if known is not None:
            self._key_use.note(known.key_id or 0, self._clock.now())
            return known
        authorization = header(scope, b"authorization").decode("latin-1")
        credential = read_credential(api_key, authorization, self._secrets.signing_keys, self._clock.now())
        if credential is None:
            raise unauthorized()
        return await asyncio.to_thread(self._look_up, credential)

    def _look_up(self, credential: Credential) -> Sender:
        with self._store.read() as connection:
            principal = find_principal(connection, credential)
        if principal is None:
            raise unauthorized()
        principal.require(Right.INGEST)
        sender = Sender(principal.workspace_id or 0, principal.api_key_id)
        if principal.api_key_id is None:
            self._request_rate.check(principal, self._clock.now())
        else:
            if len(self._known) >= _KNOWN_KEYS:
                self._known.clear()
            self._known[credential.key_hash or ""] = sender
        return sender


class PingEndpoint:
    """ASGI app of the native ping."""

    def __init__(self, recorder: Recorder, senders: Senders, clock: Clock) -> None:
        self._recorder = recorder
        self._senders = senders
        self._clock = clock
        self._in_flight: set[tuple[int, tuple[str, str, str] | None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            status, body, retry_after = await self._answer(scope, receive)
        except Refused as refusal:
            status, body, retry_after = refusal.status, failure_body(refusal), refusal.retry_after
        headers = [*_HEADERS, (b"content-length", str(len(body)).encode())]
        if retry_after is not None:
            headers.append((b"retry-after", str(retry_after).encode()))
        if status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, bytes, int | None]:
        if scope["method"] != "POST":
            raise Refused(405, ErrorCode.VALIDATION, "This address does not know this method.")
        sender = await self._senders.identify(scope)
        try:
            body = await read_body(scope, receive, BODY_LIMIT)
        except TooLargeError:
            raise too_large() from None
        if header(scope, b"content-type").partition(b";")[0].strip().lower() != b"application/json":
            raise unsupported_media()
        if header(scope, b"content-encoding").lower() not in {b"", b"identity"}:
            raise unsupported_media("Send the body uncompressed, without Content-Encoding.")
        ping = native.decode(body)
        occurred = native.occurred_at(ping, self._clock.now())
        job_key: str = scope["path_params"]["job_key"]
        if "\0" in job_key:  # PostgreSQL would not even look for it
            raise not_found("Job")
        idempotency = _idempotency(scope, job_key, body)

        check_in = native.to_check_in(ping, sender.workspace_id, job_key, occurred, 0)
        waiting = self._recorder.submit if idempotency is None else self._submit_once
        return _worded(*await waiting(Submission(check_in, sender.key_id, idempotency)))

    async def _submit_once(self, submission: Submission) -> tuple[Submission, Outcome]:
        """Two requests under one key at once: the second is told so."""
        mark = (submission.check_in.workspace_id, submission.idempotency)
        if mark in self._in_flight:
            raise conflict("A request with this Idempotency-Key is still in flight. Try again in a moment.")
        self._in_flight.add(mark)
        try:
            return await self._recorder.submit(submission)
        finally:
            self._in_flight.discard(mark)


def _worded(submission: Submission, outcome: Outcome) -> tuple[int, bytes, int | None]:
    if isinstance(outcome, Receipt):
        return 200, native.encode(submission, outcome), None
    if isinstance(outcome, Replayed):
        return outcome.status, outcome.answer.encode(), None
    if isinstance(outcome, Refused):
        raise outcome
    raise TypeError(f"a check-in cannot be answered while it is {outcome!r}")


def _idempotency(scope: Scope, job_key: str, body: bytes) -> tuple[str, str, str] | None:
    """(route, key, hash of what was asked), where the sender wants its request done once."""
    key = header(scope, b"idempotency-key").decode("latin-1")
    if not key:
        return None
    if len(key) > _KEY_LIMIT or not (key.isascii() and key.isprintable()):
        raise invalid(f"Idempotency-Key must be 1 to {_KEY_LIMIT} printable ASCII characters.")
    return PING_ROUTE, key, hashlib.sha256(job_key.encode() + b"\0" + body).hexdigest()


def openapi_paths() -> dict[str, Any]:
    """What the OpenAPI document says of these routes."""
    return {"/api/v1/jobs/{jobKey}/ping": {"post": native.openapi_operation()}}


def routes(recorder: Recorder, senders: Senders, clock: Clock) -> list[Route]:
    """Every route that takes check-ins."""
    return [Route("/api/v1/jobs/{job_key}/ping", PingEndpoint(recorder, senders, clock))]
