"""The routes machines call: credentials, limits, the wait for the commit, and the answer."""

import asyncio
import hashlib
from typing import Any, NamedTuple, Protocol

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
from tocsin.application.record import Item, Outcome
from tocsin.application.record_check_ins import Receipt, Submission
from tocsin.application.record_events import EventSubmission
from tocsin.application.record_events import Recorded as RecordedEvents
from tocsin.application.request_rate import RequestRate
from tocsin.application.submitting import OnceKey, Replayed
from tocsin.clock import Clock
from tocsin.ingest.lookup import ask
from tocsin.ingest.protocols import native, native_events
from tocsin.ingest.recorder import Recorder
from tocsin.request_body import TooLargeError, header, read_body
from tocsin.secret_box import SecretBox
from tocsin.store.engine import Store

BODY_LIMIT = 100 * 1024
BATCH_BODY_LIMIT = 4 * 1024 * 1024
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
        return await ask(self._look_up, credential)

    def _look_up(self, credential: Credential) -> Sender:
        with self._store.read() as connection:
            principal = find_principal(connection, credential)
        if principal is None:
            raise unauthorized()
        principal.require(Right.INGEST)
        sender = Sender(principal.workspace_id or 0, principal.api_key_id)
        if principal.api_key_id is None:
            self._request_rate.check(principal, self._clock.now(), is_ingest=True)
        else:
            if len(self._known) >= _KNOWN_KEYS:
                self._known.clear()
            self._known[credential.key_hash or ""] = sender
        return sender


class Asked(Protocol):
    """One kind of request that machines make: bytes to what is recorded, and what became of it back to bytes."""

    #: As the `Idempotency-Key`'s scope names it, and the most bytes of a body, with the words for more.
    route: str
    body_limit: int
    too_large: str

    def read(self, scope: Scope, body: bytes, sender: Sender, now: int) -> Item: ...

    def word(self, item: Item, outcome: Outcome) -> tuple[int, bytes] | None:
        """Status and body of what was recorded; None where it was not."""
        ...


class Ping:
    """The native ping."""

    route = "POST /api/v1/jobs/{jobKey}/ping"
    body_limit = BODY_LIMIT
    too_large = "The body is larger than 100 KB."

    def read(self, scope: Scope, body: bytes, sender: Sender, now: int) -> Item:
        ping = native.decode(body)
        occurred = native.occurred_at(ping, now)
        job_key: str = scope["path_params"]["job_key"]
        if "\0" in job_key:  # PostgreSQL would not even look for it
            raise not_found("Job")
        return Submission(native.to_check_in(ping, sender.workspace_id, job_key, occurred, 0), sender.key_id)

    def word(self, item: Item, outcome: Outcome) -> tuple[int, bytes] | None:
        if isinstance(item, Submission) and isinstance(outcome, Receipt):
            return 200, native.encode(item, outcome)
        return None


class OneEvent:
    """A native event."""

    route = "POST /api/v1/events"
    body_limit = BODY_LIMIT
    too_large = "The body is larger than 100 KB."

    def read(self, scope: Scope, body: bytes, sender: Sender, now: int) -> Item:
        event = native_events.to_event(native_events.decode(body), sender.workspace_id, now)
        return EventSubmission((event,), sender.key_id)

    def word(self, item: Item, outcome: Outcome) -> tuple[int, bytes] | None:
        if isinstance(item, EventSubmission) and isinstance(outcome, RecordedEvents):
            return 201, native_events.encode(item, outcome)
        return None


class SeveralEvents(OneEvent):
    """Native events, many in one request."""

    route = "POST /api/v1/events/batch"
    body_limit = BATCH_BODY_LIMIT
    too_large = "The body is larger than 4 MB."

    def read(self, scope: Scope, body: bytes, sender: Sender, now: int) -> Item:
        told = native_events.decode_batch(body)
        events = [native_events.to_event(one, sender.workspace_id, now, f"events[{i}].") for i, one in enumerate(told)]
        return EventSubmission(tuple(events), sender.key_id, is_batch=True)


class Endpoint:
    """ASGI app of one kind of request."""

    def __init__(self, asked: Asked, recorder: Recorder, senders: Senders, clock: Clock) -> None:
        self._asked = asked
        self._recorder = recorder
        self._senders = senders
        self._clock = clock
        self._in_flight: set[tuple[int, OnceKey | None]] = set()

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
        if status == 405:
            headers.append((b"allow", b"POST"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, bytes, int | None]:
        if scope["method"] != "POST":
            raise Refused(405, ErrorCode.VALIDATION, "This address does not know this method.")
        # Who has said all may close their half of the connection: what is short is read before anybody is asked for.
        body = await self._read(scope, receive) if _is_short(scope) else None
        sender = await self._senders.identify(scope)
        body = body if body is not None else await self._read(scope, receive)
        if header(scope, b"content-type").partition(b";")[0].strip().lower() != b"application/json":
            raise unsupported_media()
        if header(scope, b"content-encoding").lower() not in {b"", b"identity"}:
            raise unsupported_media("Send the body uncompressed, without Content-Encoding.")
        if len(body) > BODY_LIMIT:  # takes so long that the loop should do other things meanwhile
            item = await asyncio.to_thread(self._asked.read, scope, body, sender, self._clock.now())
        else:
            item = self._asked.read(scope, body, sender, self._clock.now())
        once = _once(self._asked.route, scope, body)
        if once is None:
            return self._worded(*await self._recorder.submit(item))
        return self._worded(*await self._submit_once(item._replace(idempotency=once), once))

    async def _read(self, scope: Scope, receive: Receive) -> bytes:
        try:
            return await read_body(scope, receive, self._asked.body_limit)
        except TooLargeError:
            raise too_large(self._asked.too_large) from None

    async def _submit_once(self, item: Item, once: OnceKey) -> tuple[Item, Outcome]:
        """Two requests under one key at once: the second is told so."""
        mark = (item.workspace_id, once)
        if mark in self._in_flight:
            raise conflict("A request with this Idempotency-Key is still in flight. Try again in a moment.")
        self._in_flight.add(mark)
        try:
            return await self._recorder.submit(item)
        finally:
            self._in_flight.discard(mark)

    def _worded(self, item: Item, outcome: Outcome) -> tuple[int, bytes, int | None]:
        if isinstance(outcome, Replayed):
            return outcome.status, outcome.answer.encode(), None
        if isinstance(outcome, Refused):
            raise outcome
        worded = self._asked.word(item, outcome)
        if worded is None:
            raise TypeError(f"what is recorded cannot be answered while it is {outcome!r}")
        return *worded, None


def _is_short(scope: Scope) -> bool:
    """Whether the sender says so; a body in chunks says nothing."""
    length = header(scope, b"content-length")
    return length.isdigit() and int(length[:12]) <= BODY_LIMIT


def _once(route: str, scope: Scope, body: bytes) -> OnceKey | None:
    """(route, key, hash of what was asked), where the sender wants its request done once."""
    key = header(scope, b"idempotency-key").decode("latin-1")
    if not key:
        return None
    if len(key) > _KEY_LIMIT or not (key.isascii() and key.isprintable()):
        raise invalid(f"Idempotency-Key must be 1 to {_KEY_LIMIT} printable ASCII characters.")
    subject: str = scope["path_params"].get("job_key", "")
    return route, key, hashlib.sha256(subject.encode() + b"\0" + body).hexdigest()


def openapi_paths() -> dict[str, Any]:
    """What the OpenAPI document says of these routes."""
    return {
        "/api/v1/jobs/{jobKey}/ping": {"post": native.openapi_operation()},
        "/api/v1/events": {"post": native_events.openapi_operation(is_batch=False)},
        "/api/v1/events/batch": {"post": native_events.openapi_operation(is_batch=True)},
    }


def routes(recorder: Recorder, senders: Senders, clock: Clock) -> list[Route]:
    """Every route that takes check-ins or events. Where the management API shares the address, only POST is ours."""

    def endpoint(asked: Asked) -> Endpoint:
        return Endpoint(asked, recorder, senders, clock)

    return [
        Route("/api/v1/jobs/{job_key}/ping", endpoint(Ping())),
        Route("/api/v1/events", endpoint(OneEvent()), methods=["POST"]),
        Route("/api/v1/events/batch", endpoint(SeveralEvents())),
    ]
