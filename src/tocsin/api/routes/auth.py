"""/auth: people, their sessions and tokens."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import AfterValidator, Field
from starlette.responses import Response

from tocsin.api import answers
from tocsin.api.calls import InServices
from tocsin.api.envelope import respond, success_body
from tocsin.api.sign_in import (
    address_of,
    challenge_object,
    check_password_of,
    open_session,
    session_object,
    token_object,
    workspace_of,
)
from tocsin.api.wire import Wire
from tocsin.application import accounts, audit, second_factor, sessions
from tocsin.application.credentials import read_credential
from tocsin.application.errors import Refused, unauthorized
from tocsin.application.passwords import check_password, hash_password, is_outdated
from tocsin.delivery.channels.email import is_address
from tocsin.domain.ids import from_uuid
from tocsin.store import Connection
from tocsin.store import views_accounts as views
from tocsin.store.attempts import write_with_retries

router = APIRouter(prefix="/auth", tags=["auth"])
Object = dict[str, Any]


def _email(text: str) -> str:
    address = text.strip().lower()
    if not is_address(address):
        raise ValueError("must be a plain email address, like anna@example.com.")
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
def register(request: Request, services: InServices, body: Registration) -> Response:
    """Make an account; with the claim token of the first start, own its workspace."""
    mode, now = services.settings.registration, services.clock.now()
    check_password(body.password, [body.email, body.name])
    with services.store.read() as connection:
        accounts.check_registration(connection, mode, body.email, body.claim_token)
    password_hash = hash_password(body.password)

    def work(connection: Connection) -> Object:
        user_id, workspace_id = accounts.register(
            connection, services.ids, now, mode, body.email, password_hash, body.name, body.claim_token
        )
        if workspace_id is not None:
            actor = audit.Actor("user", user_id, body.email, address_of(request))
            audit.note(connection, services.ids, now, [workspace_id], actor, "claim_workspace", "/workspaces/me")
        session_id = sessions.begin(connection, services.ids, now, user_id, address_of(request))
        token = token_object(services, now, user_id, workspace_id, session_id)
        return {"user": views.user_object(connection, user_id), **token}

    return respond(success_body(write_with_retries(services.store, work), "Registered."), 201)


@router.post("/login", response_model=answers.Answer[answers.SignedIn])
def login(request: Request, services: InServices, body: Login) -> Response:
    """Begin a session: a token for one workspace, and a refresh token for the next. Where the user has a second factor,
    a `challenge` instead, for POST /auth/login/totp."""
    now = services.clock.now()
    user = check_password_of(services, request, body.email.strip().lower(), body.password, now)
    if second_factor.is_on(user):
        return respond(success_body(challenge_object(services, now, user), "A second factor is required."))
    renewed = hash_password(body.password) if is_outdated(user["password_hash"]) else None

    def work(connection: Connection) -> Object:
        if renewed is not None:
            accounts.renew_password_hash(connection, user["id"], renewed)
        return open_session(services, connection, now, user, body.workspace_id, address_of(request))

    return respond(success_body(write_with_retries(services.store, work), "Logged in."))


@router.post("/refresh", response_model=answers.Answer[answers.Session])
def refresh(request: Request, services: InServices, body: Refresh) -> Response:
    """The next token of a session; its refresh token is used up, and replaced."""
    now = services.clock.now()

    def work(connection: Connection) -> Object | Refused:
        session = sessions.refresh_session(connection, services.ids, now, body.refresh_token, address_of(request))
        return session if isinstance(session, Refused) else session_object(services, connection, now, session)

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
        who = (shown.user_id, shown.session_id) if shown is not None else None
        if body.refresh_token is not None:
            who = sessions.find_refresh_session(connection, now, body.refresh_token)
        if who is None or who[0] is None or who[1] is None:
            raise unauthorized("Send a valid token in Authorization, or a refreshToken.")
        user_id, session_id = who[0], who[1]
        workspace_id = sessions.switch_workspace(connection, user_id, from_uuid(body.workspace_id), session_id)
        mine = views.memberships(connection, user_id)
        token = token_object(services, now, user_id, workspace_id, session_id)
        return {**token, "workspace": workspace_of(mine, workspace_id)}

    return respond(success_body(write_with_retries(services.store, work)))
