"""/auth/totp: the second factor, and the login that wants it."""

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from tocsin.api import answers
from tocsin.api.calls import Call, InServices, OfUser
from tocsin.api.envelope import respond, success_body
from tocsin.api.services import Services
from tocsin.api.sign_in import Guess, Object, address_of, check_password_of, open_session
from tocsin.api.wire import Wire
from tocsin.application import audit, second_factor
from tocsin.application.credentials import hash_secret, read_challenge
from tocsin.application.errors import conflict, unauthorized
from tocsin.application.passwords import check_password
from tocsin.store import Connection, people
from tocsin.store import accounts as rows
from tocsin.store.attempts import write_with_retries

router = APIRouter(prefix="/auth", tags=["auth"])
_DEAD_CHALLENGE = "The challenge is not valid any more. Log in again."
_WRONG = "password is wrong."


class Proof(Wire):
    password: str = Field(max_length=1_000)


class Code(Wire):
    code: str = Field(max_length=64)


class SecondStep(Wire):
    challenge: str = Field(max_length=2_000)
    code: str = Field(max_length=64)
    workspace_id: str | None = Field(None, max_length=64)


@router.post("/login/totp", response_model=answers.Answer[answers.Session])
def login_with_second_factor(request: Request, services: InServices, body: SecondStep) -> Response:
    """Begin a session with a login's `challenge` and a code: the app's, or one of the recovery codes."""
    now = services.clock.now()
    user = _challenged(services, body.challenge, now)
    guess = Guess(services, request, "second factor", user["email"], now)

    def work(connection: Connection) -> Object:
        if not second_factor.is_right(connection, services.secrets, now, user, body.code):
            raise unauthorized("code is wrong, or was used before.")
        return open_session(services, connection, now, user, body.workspace_id, address_of(request))

    answer = write_with_retries(services.store, work)
    guess.was_right()
    return respond(success_body(answer, "Logged in."))


@router.post("/totp", response_model=answers.Answer[answers.SecondFactor])
def begin_second_factor(call: OfUser, body: Proof) -> Response:
    """A key for an authenticator app, as text and as the URI of a QR code. It counts once a code of it is confirmed."""
    user = _proved(call, body.password)

    def work(connection: Connection) -> Object:
        made = second_factor.enrol(connection, call.services.secrets, user)
        return {"secret": made.secret, "uri": made.uri}

    return respond(success_body(write_with_retries(call.services.store, work), "Now confirm a code of the app."))


@router.post("/totp/confirm", response_model=answers.Answer[answers.RecoveryCodes])
def confirm_second_factor(call: OfUser, body: Code) -> Response:
    """Turn the second factor on. The recovery codes are shown this once; all other sessions of the user end."""

    def work(connection: Connection) -> Object:
        user = rows.user_of(connection, call.user_id)
        codes = second_factor.confirm(connection, call.services.secrets, call.now, user, body.code)
        people.end_sessions(connection, call.now, user["id"], but=call.principal.session_id)
        _note(call, connection, "confirm_second_factor")
        return {"recoveryCodes": codes}

    return respond(success_body(write_with_retries(call.services.store, work), "The second factor is on."))


@router.delete("/totp", response_model=answers.Nothing)
def turn_off_second_factor(call: OfUser, body: Proof) -> Response:
    """Turn the second factor off. A password that was only long enough beside it has to be changed first."""
    user = _proved(call, body.password)
    if not second_factor.is_on(user):
        raise conflict("There is no second factor to turn off.")
    check_password(body.password, field="Without a second factor, password")

    def work(connection: Connection) -> None:
        second_factor.turn_off(connection, user["id"])
        _note(call, connection, "turn_off_second_factor")

    write_with_retries(call.services.store, work)
    return respond(success_body(None, "The second factor is off."))


def _proved(call: Call, password: str) -> Object:
    with call.services.store.read() as connection:
        email = rows.user_of(connection, call.user_id)["email"]
    return check_password_of(call.services, call.request, email, password, call.now, _WRONG)


def _challenged(services: Services, challenge: str, now: int) -> Object:
    """Whose challenge it is; it is dead when the password was changed since, or the second factor turned off."""
    read = read_challenge(challenge, services.secrets.signing_keys, now)
    if read is None:
        raise unauthorized(_DEAD_CHALLENGE)
    with services.store.read() as connection:
        user = rows.find_user(connection, read[0])
    if user is None or not second_factor.is_on(user) or hash_secret(user["password_hash"]) != read[1]:
        raise unauthorized(_DEAD_CHALLENGE)
    return user


def _note(call: Call, connection: Connection, action: str) -> None:
    actor = audit.actor_of(connection, call.principal, call.address)
    audit.note_of_user(connection, call.services.ids, call.now, call.user_id, actor, action)
