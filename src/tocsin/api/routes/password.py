"""/auth/logout and /auth/password: ending sessions, and changing what opens them."""

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.background import BackgroundTask
from starlette.responses import Response

from tocsin.api import answers
from tocsin.api.calls import InServices, OfUser
from tocsin.api.envelope import respond, success_body
from tocsin.api.routes.auth import Email, Secret
from tocsin.api.sign_in import Guess, address_of, check_password_of
from tocsin.api.wire import Wire
from tocsin.application import audit, second_factor
from tocsin.application import password_links as links
from tocsin.application.errors import unprocessable
from tocsin.application.passwords import check_password, hash_password
from tocsin.store import Connection, people
from tocsin.store import accounts as rows
from tocsin.store.attempts import write_with_retries

router = APIRouter(prefix="/auth", tags=["auth"])
_WRONG = "currentPassword is wrong."


class NewPassword(Wire):
    current_password: str = Field(max_length=1_000)
    new_password: str = Field(max_length=128)


class ForgottenPassword(Wire):
    email: Email


class PasswordByLink(Wire):
    token: Secret
    password: str = Field(max_length=128)


@router.post("/logout", response_model=answers.Nothing)
def logout(call: OfUser) -> Response:
    """End the session: its token and its refresh token are dead at once, on every node."""

    def work(connection: Connection) -> None:
        people.end_sessions(connection, call.now, call.user_id, only=call.principal.session_id)

    write_with_retries(call.services.store, work)
    return respond(success_body(None, "Logged out."))


@router.post("/password", response_model=answers.Nothing)
def change_password(call: OfUser, body: NewPassword) -> Response:
    """Change one's password. All other sessions of the user end."""
    services, now = call.services, call.now
    with services.store.read() as connection:
        email = rows.user_of(connection, call.user_id)["email"]
    user = check_password_of(services, call.request, email, body.current_password, now, _WRONG)
    about = [user["email"], user["name"]]
    check_password(body.new_password, about, has_second_factor=second_factor.is_on(user), field="newPassword")
    password_hash = hash_password(body.new_password)

    def work(connection: Connection) -> None:
        rows.update_user(connection, user["id"], {"password_hash": password_hash})
        people.remove_password_resets(connection, user["id"])
        people.end_sessions(connection, now, user["id"], but=call.principal.session_id)
        actor = audit.actor_of(connection, call.principal, call.address)
        audit.note_of_user(connection, services.ids, now, user["id"], actor, "change_password")

    write_with_retries(services.store, work)
    return respond(success_body(None, "Password changed. All other sessions have ended."))


@router.post("/password/reset", response_model=answers.Nothing)
def mail_password_link(request: Request, services: InServices, body: ForgottenPassword) -> Response:
    """Mail a link with which a password is set anew. The answer is the same whether there is such a user or not."""
    if services.send_mail is None:
        raise unprocessable("This Tocsin can send no mail. Ask its operator for a link (tocsin user reset-password).")
    now = services.clock.now()
    Guess(services, request, "password link", body.email, now)
    # Everything that depends on the user comes after the answer, so that its time tells nothing either.
    later = BackgroundTask(
        links.mail_link, services.store, services.send_mail, now, body.email, services.settings.public_url
    )
    answer = respond(success_body(None, "If there is a user with this email, a link is on its way."))
    answer.background = later
    return answer


@router.post("/password/reset/confirm", response_model=answers.Nothing)
def set_password_by_link(request: Request, services: InServices, body: PasswordByLink) -> Response:
    """Set the password with the token of a mailed link, which works once. All sessions of the user end."""
    now = services.clock.now()
    with services.store.read() as connection:
        user = links.find_user(connection, now, body.token)
    if user is None:
        raise unprocessable(links.DEAD_LINK)
    check_password(body.password, [user["email"], user["name"]], has_second_factor=second_factor.is_on(user))
    password_hash = hash_password(body.password)

    def work(connection: Connection) -> None:
        links.set_password(connection, now, user["id"], body.token, password_hash)
        actor = audit.Actor("user", user["id"], user["email"], address_of(request))
        audit.note_of_user(connection, services.ids, now, user["id"], actor, "set_password_by_link")

    write_with_retries(services.store, work)
    return respond(success_body(None, "Password set. Log in with it."))
