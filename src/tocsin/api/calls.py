"""One authenticated request: who asks, in which transaction it is done, and how a repeated write is recognised."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.dependencies.utils import get_flat_params
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.responses import Response

from tocsin.api.envelope import failure_body, respond, success_body
from tocsin.api.services import Services
from tocsin.application import audit
from tocsin.application.access import Principal, Right, find_principal
from tocsin.application.credentials import Credential, read_credential
from tocsin.application.errors import Refused, forbidden, invalid, not_found, unauthorized
from tocsin.application.repetition import Answer, Repetition
from tocsin.domain.ids import from_uuid
from tocsin.store import Connection
from tocsin.store.attempts import write_with_retries
from tocsin.store.engine import Transactions
from tocsin.store.idempotency import Scope

_KEY_LIMIT = 255
Work = Callable[[Connection], Any]


@dataclass(frozen=True)
class Call:
    """An authenticated request. `workspace_id` is the one it is scoped to (0: to none)."""

    services: Services
    request: Request
    credential: Credential
    principal: Principal
    now: int

    @property
    def workspace_id(self) -> int:
        return self.principal.workspace_id or 0

    @property
    def store(self) -> Transactions:
        """What the request may see: its workspace's rows; a token that is scoped to none is for users' own affairs."""
        known = self.principal.workspace_id
        return self.services.store if known is None else self.services.store.of(known)

    def read(self, work: Work, what: str = "Object") -> Response:
        """Answer what `work` finds; where it finds None, that there is no such `what`."""
        with self.store.read() as connection:
            data = work(connection)
        if data is None:
            raise not_found(what)
        return respond(success_body(data))

    @property
    def user_id(self) -> int:
        """Who asks, on routes for users alone (`OfUser`)."""
        return self.principal.user_id or 0

    @property
    def address(self) -> str:
        return self.request.client.host if self.request.client else ""

    def write(
        self, work: Work, status: int = 200, message: str = "OK", *, store: Transactions | None = None
    ) -> Response:
        """Do `work` in one transaction and answer what it returns; the audit log says so, in that same transaction.
        Under an `Idempotency-Key` the answer is remembered in it too, so that a repeated request neither does it twice
        nor is left without. `store`: where the work goes beyond the workspace of the request."""
        repetition, store = self._repetition(), store or self.store

        def attempt(connection: Connection) -> Answer:
            # A key rotated, or a role taken away, since the request came in stops it still.
            if find_principal(connection, self.credential) != self.principal:
                raise unauthorized()
            if repetition is None:
                return Answer(status, success_body(self._audited(connection, work), message))
            earlier = repetition.claim(connection, self.now)
            if earlier is not None:
                return earlier
            answer = Answer(status, success_body(self._audited(connection, work), message))
            repetition.remember(connection, answer)
            return answer

        try:
            answer = write_with_retries(store, attempt)
        except Refused as refusal:
            self._remember_refusal(repetition, refusal)
            raise
        self.services.changed([self.workspace_id])
        return respond(answer.body, answer.status)

    def act(self, work: Callable[[], Any], message: str) -> Response:
        """Do `work` outside of any transaction (it waits for somebody else), once for each `Idempotency-Key`."""
        repetition, store = self._repetition(), self.store
        if repetition is None:
            return respond(success_body(work(), message))
        earlier = write_with_retries(store, lambda connection: repetition.claim(connection, self.now))
        if earlier is not None:
            return respond(earlier.body, earlier.status)
        try:
            answer = Answer(200, success_body(work(), message))
        except BaseException:
            write_with_retries(store, repetition.forget)
            raise
        write_with_retries(store, lambda connection: repetition.remember(connection, answer))
        return respond(answer.body, answer.status)

    def actor(self, connection: Connection) -> str:
        """Whoever asks, as they are called now."""
        return audit.actor_of(connection, self.principal, self.address).name

    def note(self, connection: Connection, workspace_id: int, target: str) -> None:
        """An entry in the workspace's audit log, named after the route."""
        actor = audit.actor_of(connection, self.principal, self.address)
        action, fields = self.request.scope["route"].name, _fields(self.request.scope["tocsin.body"])
        audit.note(connection, self.services.ids, self.now, [workspace_id], actor, action, target, fields)

    def _audited(self, connection: Connection, work: Work) -> Any:
        data = work(connection)
        if self.principal.workspace_id is not None:
            self.note(connection, self.principal.workspace_id, _target(self.request.url.path, data))
        return data

    def _repetition(self) -> Repetition | None:
        key = self.request.headers.get("idempotency-key")
        if key is None or self.principal.workspace_id is None:
            return None
        if not (1 <= len(key) <= _KEY_LIMIT and key.isascii() and key.isprintable()):
            raise invalid(f"Idempotency-Key must be 1 to {_KEY_LIMIT} printable ASCII characters.")
        scope = Scope(self.workspace_id, f"{self.request.method} {self.request.scope['route'].path}", key)
        # With the address, as one route serves many: a key used on another job is a mistake, not a repetition.
        subject = self.request.url.path.encode() + b"\0" + self.request.scope["tocsin.body"]
        return Repetition(self.services.secrets, scope, hashlib.sha256(subject).hexdigest())

    def _remember_refusal(self, repetition: Repetition | None, refusal: Refused) -> None:
        """What may pass (401, 429, 5xx) is not kept."""
        if repetition is None or refusal.status in {401, 429} or refusal.status >= 500:
            return
        answer = Answer(refusal.status, failure_body(refusal))
        write_with_retries(self.store, lambda connection: repetition.remember_refusal(connection, self.now, answer))


def services_of(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def authenticate(
    request: Request,
    _key: Annotated[str | None, Security(APIKeyHeader(name="X-Api-Key", auto_error=False))],
    _token: Annotated[object, Security(HTTPBearer(auto_error=False, bearerFormat="JWT"))],
) -> Call:
    """Whoever has a valid credential, scoped to a workspace or not. (`_key`, `_token`: for the OpenAPI document.)"""
    _refuse_repeated_parameters(request)
    services = services_of(request)
    now = services.clock.now()
    headers = request.headers
    credential = read_credential(
        headers.get("x-api-key"), headers.get("authorization"), services.secrets.signing_keys, now
    )
    if credential is None:
        raise unauthorized()
    with services.store.read() as connection:
        principal = find_principal(connection, credential)
    if principal is None:
        raise unauthorized()
    services.request_rate.check(principal, now)
    if principal.api_key_id is not None:
        services.key_use.note(principal.api_key_id, now)
    return Call(services, request, credential, principal, now)


def _needs(right: Right) -> Callable[[Call], Call]:
    def check(call: Annotated[Call, Depends(authenticate)]) -> Call:
        call.principal.require(right)
        return call

    return check


def _user(call: Annotated[Call, Depends(authenticate)]) -> Call:
    if call.principal.user_id is None:
        raise forbidden("This needs the token of a user, not an API key. Get one from POST /auth/login.")
    return call


def uuid_of(text: str, what: str) -> int:
    """The number behind an id in an address; 404 where it can be nobody's."""
    number = from_uuid(text)
    if number is None:
        raise not_found(what)
    return number


def _target(path: str, data: Any) -> str:
    """The address that was written to; of what was made there, its own."""
    target = path.removeprefix("/api/v1")
    made = [data, *data.values()] if isinstance(data, dict) else []
    made_id = next((str(one["id"]) for one in made if isinstance(one, dict) and "id" in one), "")
    is_named = not made_id or made_id in target or target.count("/") > 1
    return target if is_named else f"{target}/{made_id}"


def _fields(body: bytes) -> list[str]:
    given = json.loads(body) if body else None
    return list(given) if isinstance(given, dict) else []


def _refuse_repeated_parameters(request: Request) -> None:
    """One of two values would be ignored, and which one is anybody's guess."""
    names = [name for name, _ in request.query_params.multi_items()]
    if len(names) == len(set(names)):
        return
    for field in get_flat_params(request.scope["route"].dependant):
        if names.count(field.alias) > 1:
            raise invalid(f"{field.alias} is given more than once.")


#: What a route asks of its caller: it is declared as the type of its first parameter.
Reading = Annotated[Call, Depends(_needs(Right.READ))]
Writing = Annotated[Call, Depends(_needs(Right.WRITE))]
Administering = Annotated[Call, Depends(_needs(Right.ADMINISTER))]
OfUser = Annotated[Call, Depends(_user)]
InServices = Annotated[Services, Depends(services_of)]
