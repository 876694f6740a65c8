"""/auth: people, their sessions and tokens."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import AfterValidator, Field
from starlette.responses import Response

from tocsin.api import answers
from tocsin.api.calls import InServices
from tocsin.api.envelope import respond, success_body
from tocsin.api.services import Services
from tocsin.api.wire import Wire
from tocsin.application import accounts
from tocsin.application.credentials import read_credential, sign_token
from tocsin.application.errors import Refused, rate_limited, unauthorized
from tocsin.application.passwords import hash_password, is_outdated, is_password
from tocsin.domain.ids import from_uuid, to_uuid
from tocsin.store import Connection
from tocsin.store import views_accounts as views
from tocsin.store.attempts import write_with_retries
from tocsin.wire_time import iso

router = APIRouter(prefix="/auth", tags=["auth"])
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)*")
Object = dict[str, Any]


def _email(text: str) -> str:
    address = text.strip().lower()
    if not _EMAIL.fullmatch(address) or not address.isprintable():
        raise ValueError("must be an email address.")
    return address


Email = Annotated[str, Field(max_length=254, json_schema_extra={"format": "email"}), AfterValidator(_email)]
Secret = Annotated[str, Field(max_length=200)]


class Registration(Wire):
    email: Email
    password: str = Field(min_length=15, max_length=128)
    name: str = Field("", max_length=200)
    claim_token: Secret | None = None


class Login(Wire):
    email: str = Field(max_length=254)
    password: str = Field(max_length=1_000)
    workspace_id: str | None = Field(None, max_length=64)


class Refresh(Wire):
    refresh_token: Secret


class TokenRequest(Wire):
    workspace_id: str = Field(max_length=64)
    refresh_token: Secret | None = None


@router.post("/register", response_model=answers.Answer[answers.Registered], status_code=201)
def register(services: InServices, body: Registration) -> Response:
    """Make an account; with the claim token of the first start, own its workspace."""
    mode, now = services.settings.registration, services.clock.now()
    with services.store.read() as connection:
        accounts.check_registration(connection, mode, body.email, body.claim_token)
    password_hash = hash_password(body.password)

    def work(connection: Connection) -> Object:
        user_id, workspace_id = accounts.register(
            connection, services.ids, now, mode, body.email, password_hash, body.name, body.claim_token
        )
        return {"user": views.user_object(connection, user_id), **_token(services, now, user_id, workspace_id)}

    return respond(success_body(write_with_retries(services.store, work), "Registered."), 201)


@router.post("/login", response_model=answers.Answer[answers.Session])
def login(request: Request, services: InServices, body: Login) -> Response:
    """Begin a session: a token for one workspace, and a refresh token for the next."""
    now = services.clock.now()
    email = body.email.strip().lower()
    address = f"address {request.client.host if request.client else ''}"
    if wait := services.throttle.attempt([f"account {email}", address], now):
        raise rate_limited(wait)
    with services.store.read() as connection:
        user = accounts.find_login(connection, email)
    if not is_password(body.password, user["password_hash"] if user else None) or user is None:
        raise unauthorized("Email or password is wrong.")
    services.throttle.succeeded(f"account {email}", address)
    renewed = hash_password(body.password) if is_outdated(user["password_hash"]) else None

    def work(connection: Connection) -> Object:
        if renewed is not None:
            accounts.renew_password_hash(connection, user["id"], renewed)
        session = accounts.open_session(
            connection, services.ids, now, user, body.workspace_id, views.memberships(connection, user["id"])
        )
        return _session(services, connection, now, session)

    return respond(success_body(write_with_retries(services.store, work), "Logged in."))


@router.post("/refresh", response_model=answers.Answer[answers.Session])
def refresh(services: InServices, body: Refresh) -> Response:
    """The next token of a session; its refresh token is used up, and replaced."""
    now = services.clock.now()

    def work(connection: Connection) -> Object | Refused:
        session = accounts.refresh_session(connection, now, body.refresh_token)
        return session if isinstance(session, Refused) else _session(services, connection, now, session)

    answer = write_with_retries(services.store, work)
    if isinstance(answer, Refused):
        raise answer
    return respond(success_body(answer, "Refreshed."))


@router.post("/token", response_model=answers.Answer[answers.TokenOfWorkspace])
def token(request: Request, services: InServices, body: TokenRequest) -> Response:
    """A token for another workspace of the user, who shows a token (of any workspace) or a refresh token."""
    now = services.clock.now()
    shown = read_credential(None, request.headers.get("authorization"), services.secrets.signing_keys, now)

    def work(connection: Connection) -> Object:
        user_id = shown.user_id if shown is not None else None
        if body.refresh_token is not None:
            user_id = accounts.find_refresh_user(connection, now, body.refresh_token)
        if user_id is None:
            raise unauthorized("Send a valid token in Authorization, or a refreshToken.")
        workspace_id = accounts.switch_workspace(connection, user_id, from_uuid(body.workspace_id))
        mine = views.memberships(connection, user_id)
        return {**_token(services, now, user_id, workspace_id), "workspace": _workspace(mine, workspace_id)}

    return respond(success_body(write_with_retries(services.store, work)))


def _session(services: Services, connection: Connection, now: int, session: accounts.Session) -> Object:
    mine = views.memberships(connection, session.user_id)
    return {
        **_token(services, now, session.user_id, session.workspace_id),
        "refreshToken": session.refresh_token,
        "user": views.user_object(connection, session.user_id),
        "workspaces": [_shown(workspace) for workspace in mine],
        "workspace": _workspace(mine, session.workspace_id),
    }


def _token(services: Services, now: int, user_id: int, workspace_id: int | None) -> Object:
    made = sign_token(services.secrets.signing_key, now, user_id, workspace_id)
    return {"token": made.text, "expiresAt": iso(made.expires_at)}


def _workspace(mine: list[Object], workspace_id: int | None) -> Object | None:
    return next((_shown(workspace) for workspace in mine if workspace["id"] == workspace_id), None)


def _shown(workspace: Object) -> Object:
    return {**workspace, "id": to_uuid(workspace["id"])}
