"""PingGuard's `/api/monitors`: the workspace's jobs, made, changed and read as monitors."""

import hashlib
from collections.abc import Callable
from typing import NamedTuple

import structlog
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tocsin.api.services import Services
from tocsin.application import audit, manage_monitors
from tocsin.application.access import Principal, Right, find_principal, is_of_inactive_workspace
from tocsin.application.credentials import Credential, read_credential
from tocsin.application.errors import (
    ErrorCode,
    Refused,
    forbidden,
    not_found,
    rate_limited,
    too_large,
    unauthorized,
    unsupported_media,
)
from tocsin.application.repetition import Answer, Repetition
from tocsin.domain.model import SECOND
from tocsin.ingest.lookup import ask
from tocsin.ingest.protocols import pingguard as wire
from tocsin.ingest.rate import Rate
from tocsin.request_body import TooLargeError, header, read_body
from tocsin.store import Connection, idempotency, views_monitors
from tocsin.store.attempts import write_with_retries
from tocsin.store.paging import Page

log = structlog.get_logger(__name__)

_PATH = "/api/monitors"
#: What each address takes: of all monitors, of one, of its pings.
_ALL, _ONE, _PINGS = ("GET", "HEAD", "POST"), ("GET", "HEAD", "PATCH", "DELETE"), ("GET", "HEAD")
_READING = {"GET", "HEAD"}
#: What the audit log calls a write.
_ACTIONS = {"POST": "create_monitor", "PATCH": "change_monitor", "DELETE": "delete_monitor"}
_KEY_LIMIT = 255
_NO_KEY = "Send the workspace's API key: Authorization: Bearer sg_…"
_BROKEN = Refused(500, ErrorCode.SERVER_ERROR, "Something went wrong on our side. Try again later.")
_HEADERS = [
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
]
Work = Callable[[Connection], Answer]


class _Asked(NamedTuple):
    """One request of somebody known. `monitor`: the id in its address, if any; `is_list`: it is of pings."""

    credential: Credential
    principal: Principal
    method: str
    monitor: str
    is_list: bool
    query: str
    body: bytes
    once: str
    address: str
    now: int

    @property
    def workspace_id(self) -> int:
        return self.principal.workspace_id or 0

    @property
    def job_id(self) -> int:
        """Raises `Refused` 404 where the id can be nobody's."""
        job_id = wire.monitor_id(self.monitor)
        if job_id is None:
            raise not_found("Monitor")
        return job_id


class MonitorsEndpoint:
    """ASGI app of `/api/monitors` and everything below."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._store = services.store
        self._rate = Rate(services.settings.pingguard_rate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = list(_HEADERS)
        try:
            status, body = await self._answer(scope, receive)
        except Refused as refusal:
            status, body = wire.refused(refusal)
            headers += _told_by(refusal, scope)
        except Exception as error:
            log.exception("request_failed", error=type(error).__name__, method=scope["method"], path=scope["path"])
            status, body = wire.refused(_BROKEN)
        if status != 204:
            headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        now = self._services.clock.now()
        credential, principal = await ask(self._identify, scope, now)
        wait = self._rate.wait((principal.workspace_id, principal.holder_id), now)
        if wait:
            raise rate_limited(-(-wait // SECOND))
        monitor, is_list, methods = _address(scope)
        if scope["method"] not in methods:
            raise Refused(405, ErrorCode.VALIDATION, "This address does not know this method.")
        body = await _body(scope, receive)
        once = header(scope, b"idempotency-key").decode("latin-1")
        query = scope["query_string"].decode("latin-1")
        client = scope["client"][0] if scope.get("client") else ""
        asked = _Asked(credential, principal, scope["method"], monitor, is_list, query, body, once, client, now)
        return await ask(self._read if asked.method in _READING else self._write, asked)

    def _identify(self, scope: Scope, now: int) -> tuple[Credential, Principal]:
        """Raises `Refused` 401 or 403."""
        authorization = header(scope, b"authorization").decode("latin-1")
        scheme, _, token = authorization.partition(" ")
        is_key = scheme.lower() == "bearer" and token.strip().startswith("sg_")
        api_key = token.strip() if is_key else header(scope, b"x-api-key").decode("latin-1")
        credential = read_credential(api_key, authorization, self._services.secrets.signing_keys, now)
        if credential is None:
            raise unauthorized(_NO_KEY)
        with self._store.read() as connection:
            principal = find_principal(connection, credential)
            if principal is None and is_of_inactive_workspace(connection, credential):
                raise forbidden("The workspace of this API key is not active.")
        if principal is None:
            raise unauthorized(_NO_KEY)
        principal.require(Right.READ if scope["method"] in _READING else Right.WRITE)
        if principal.api_key_id is not None:
            self._services.key_use.note(principal.api_key_id, now)
        return credential, principal

    # --- reading ------------------------------------------------------------------------------------------------------

    def _read(self, asked: _Asked) -> Answer:
        with self._store.of(asked.workspace_id).read() as connection:
            if not asked.monitor:
                monitors = views_monitors.list_monitors(connection, asked.workspace_id, asked.now)
                return Answer(200, wire.encode_list(monitors, self._services.settings.public_url))
            shown = self._shown(connection, asked, asked.job_id)
            if not asked.is_list:
                return Answer(200, shown)
            page = wire.page_number(asked.query)
            pings = views_monitors.list_pings(connection, asked.job_id, Page(page, wire.PAGE_SIZE))
            return Answer(200, wire.encode_pings(pings, page))

    def _shown(self, connection: Connection, asked: _Asked, job_id: int) -> bytes:
        monitor = views_monitors.monitor(connection, asked.workspace_id, job_id, asked.now)
        if monitor is None:
            raise not_found("Monitor")
        return wire.encode(monitor, self._services.settings.public_url)

    # --- writing ------------------------------------------------------------------------------------------------------

    def _write(self, asked: _Asked) -> Answer:
        """One transaction; under an `Idempotency-Key` its answer is remembered in it."""
        work, repetition = self._work(asked), self._repetition(asked)

        def attempt(connection: Connection) -> Answer:
            # A key rotated, or a role taken away, since the request came in stops it still.
            if find_principal(connection, asked.credential) != asked.principal:
                raise unauthorized(_NO_KEY)
            earlier = repetition.claim(connection, asked.now) if repetition else None
            if earlier is not None:
                return earlier
            answer = work(connection)
            self._note(connection, asked)
            if repetition:
                repetition.remember(connection, answer)
            return answer

        return write_with_retries(self._store.of(asked.workspace_id), attempt)

    def _work(self, asked: _Asked) -> Work:
        context = (self._services.ids, asked.now, asked.workspace_id)
        if asked.method == "POST":
            row = wire.decode_new(asked.body)

            def make(connection: Connection) -> Answer:
                job_id = manage_monitors.create_monitor(connection, *context, row)
                return Answer(201, self._shown(connection, asked, job_id))

            return make
        job_id = asked.job_id
        if asked.method == "PATCH":
            changes = wire.decode_changes(asked.body)

            def change(connection: Connection) -> Answer:
                manage_monitors.change_monitor(connection, *context, job_id, changes)
                return Answer(200, self._shown(connection, asked, job_id))

            return change

        def delete(connection: Connection) -> Answer:
            manage_monitors.delete_monitor(connection, *context, job_id)
            return Answer(204, b"")

        return delete

    def _note(self, connection: Connection, asked: _Asked) -> None:
        """An entry in the audit log."""
        actor = audit.actor_of(connection, asked.principal, asked.address)
        target = f"{_PATH}/{asked.monitor}".rstrip("/")
        fields = wire.names_of(asked.body)
        action = _ACTIONS[asked.method]
        audit.note(connection, self._services.ids, asked.now, [asked.workspace_id], actor, action, target, fields)

    def _repetition(self, asked: _Asked) -> Repetition | None:
        if not asked.once:
            return None
        if len(asked.once) > _KEY_LIMIT or not (asked.once.isascii() and asked.once.isprintable()):
            raise wire.wrong(f"Idempotency-Key must be 1 to {_KEY_LIMIT} printable ASCII characters.")
        scope = idempotency.Scope(asked.workspace_id, f"{asked.method} {_PATH}", asked.once)
        subject = asked.monitor.encode() + b"\0" + asked.body
        return Repetition(self._services.secrets, scope, hashlib.sha256(subject).hexdigest())


def _address(scope: Scope) -> tuple[str, bool, tuple[str, ...]]:
    """The monitor that is meant (empty: all), whether its pings are, and the methods of such an address."""
    path: str = scope["path_params"].get("address", "")
    monitor, slash, rest = path.partition("/")
    if not monitor or (slash and rest != "pings"):
        if path:
            raise Refused(404, ErrorCode.NOT_FOUND, "There is nothing at this address.")
        return "", False, _ALL
    return monitor, bool(rest), _PINGS if rest else _ONE


async def _body(scope: Scope, receive: Receive) -> bytes:
    """The body of a request that has one; raises `Refused` where it is not sent as JSON."""
    if scope["method"] not in {"POST", "PATCH"}:
        return b""
    try:
        body = await read_body(scope, receive, wire.BODY_LIMIT)
    except TooLargeError:
        raise too_large() from None
    if header(scope, b"content-type").partition(b";")[0].strip().lower() != b"application/json":
        raise unsupported_media()
    if header(scope, b"content-encoding").lower() not in {b"", b"identity"}:
        raise unsupported_media("Send the body uncompressed, without Content-Encoding.")
    return body


def _told_by(refusal: Refused, scope: Scope) -> list[tuple[bytes, bytes]]:
    """The headers that go with a refusal."""
    if refusal.retry_after is not None:
        return [(b"retry-after", str(refusal.retry_after).encode())]
    if refusal.status == 401:
        return [(b"www-authenticate", b"Bearer")]
    if refusal.status == 405:
        return [(b"allow", ", ".join(_address(scope)[2]).encode())]
    return []


def routes(services: Services) -> list[Route]:
    endpoint = MonitorsEndpoint(services)
    return [Route(_PATH, endpoint), Route(_PATH + "/{address:path}", endpoint)]
