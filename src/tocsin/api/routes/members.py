"""/members and /invitations: who belongs to the workspace, and as what."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.background import BackgroundTask
from starlette.responses import Response

from tocsin.api import answers
from tocsin.api.calls import Administering, InServices, Reading, services_of, uuid_of
from tocsin.api.envelope import respond, success_body
from tocsin.api.routes.auth import Email, Secret
from tocsin.api.sign_in import Object, address_of, challenge_object, check_password_of, open_session
from tocsin.api.wire import Paging, Wire, example
from tocsin.application import accounts, audit, members, second_factor
from tocsin.application.access import find_principal
from tocsin.application.credentials import read_credential
from tocsin.application.errors import forbidden, invalid
from tocsin.application.members import RoleName
from tocsin.application.passwords import check_password, hash_password
from tocsin.domain.ids import to_uuid
from tocsin.store import Connection
from tocsin.store import accounts as rows
from tocsin.store import views_people as views
from tocsin.store.attempts import write_with_retries

router = APIRouter(tags=["people"])
_TEXT = """{who} invites you to the workspace {workspace} of Tocsin, as {role}.

Open this link within a week; it works once:

{url}
"""


class RoleChange(Wire):
    role: RoleName


class NewInvitation(Wire):
    model_config = example(email="colleague@example.com", role="member")

    email: Email
    role: RoleName


class Acceptance(Wire):
    token: Secret
    name: str = Field("", max_length=200)
    password: Annotated[str | None, Field(max_length=128)] = None


@router.get("/members", response_model=answers.Answer[answers.Items[answers.Member]])
def list_members(call: Reading, page: Paging) -> Response:
    """List the members with their roles."""
    return call.read(lambda connection: views.list_members(connection, call.workspace_id, page))


@router.patch("/members/{userId}", response_model=answers.Answer[answers.Member])
def change_member(call: Administering, userId: str, body: RoleChange) -> Response:  # noqa: N803 -- as in the address
    """Give a member another role. It takes an owner to make or unmake one; the last owner stays."""
    user_id = uuid_of(userId, "Member")

    def work(connection: Connection) -> object:
        members.change_role(connection, call.principal, call.workspace_id, user_id, body.role)
        return views.member_object(connection, call.workspace_id, user_id)

    return call.write(work, message="Role changed.")


@router.delete("/members/{userId}", response_model=answers.Nothing)
def remove_member(call: Reading, userId: str) -> Response:  # noqa: N803
    """Remove a member, or leave. What they may is over at once."""
    user_id = uuid_of(userId, "Member")
    return call.write(
        lambda connection: members.remove(connection, call.principal, call.workspace_id, user_id),
        message="Member removed.",
    )


@router.get("/invitations", response_model=answers.Answer[answers.Items[answers.Invitation]])
def list_invitations(call: Administering, page: Paging) -> Response:
    """List the invitations that may still be accepted."""
    return call.read(lambda connection: views.list_invitations(connection, call.workspace_id, call.now, page))


@router.post("/invitations", response_model=answers.Answer[answers.InvitationLink], status_code=201)
def invite(call: Administering, body: NewInvitation) -> Response:
    """Invite somebody by a link, which is shown this once, is good for a week, and works once. It is mailed too, where
    the operator has set a mail server."""
    services = call.services
    mail: list[tuple[str, str, str]] = []

    def work(connection: Connection) -> object:
        made = members.invite(
            connection, services.ids, call.now, call.principal, call.workspace_id, body.email, body.role
        )
        url = f"{services.settings.public_url}/invitation#{made.token}"
        mail[:] = [(body.email, *_letter(call, connection, body.role, url))]
        return {"id": to_uuid(made.id), "token": made.token, "url": url}

    answer = call.write(work, 201, "Invited.")
    if mail and services.send_mail is not None:
        answer.background = BackgroundTask(services.send_mail, *mail[0])
    return answer


@router.delete("/invitations/{invitation}", response_model=answers.Nothing)
def withdraw_invitation(call: Administering, invitation: str) -> Response:
    """Withdraw an invitation: its link is dead at once."""
    number = uuid_of(invitation, "Invitation")
    return call.write(
        lambda connection: members.withdraw(connection, call.workspace_id, number), message="Invitation withdrawn."
    )


@router.post("/invitations/accept", response_model=answers.Answer[answers.SignedIn])
def accept_invitation(request: Request, services: InServices, body: Acceptance) -> Response:
    """Accept an invitation, and log in. Who has no account yet makes one with `name` and `password`; who has one proves
    it, by `password` or by the token of a login."""
    now = services.clock.now()
    with services.store.read() as connection:
        email = str(members.find_invitation(connection, now, body.token)["email"])
        known = rows.find_user_by_email(connection, email)
    proved = _proved(request, body, email, now, known) if known is not None else None
    password_hash = None if known is not None else _new_password(services.settings.registration, body, email)

    def work(connection: Connection) -> Object:
        user = proved or accounts.create_user(connection, services.ids, now, email, password_hash or "", body.name)
        workspace_id = members.accept(connection, now, body.token, user["id"])
        actor = audit.Actor("user", user["id"], email, address_of(request))
        audit.note(connection, services.ids, now, [workspace_id], actor, "accept_invitation", "/invitations/accept")
        if second_factor.is_on(user):
            return challenge_object(services, now, user)
        return open_session(services, connection, now, user, to_uuid(workspace_id), address_of(request))

    return respond(success_body(write_with_retries(services.store, work), "Welcome."))


def _proved(request: Request, body: Acceptance, email: str, now: int, known: Object) -> Object:
    """The user who has an account already, and has proved to be the one who was invited."""
    services = services_of(request)
    shown = read_credential(None, request.headers.get("authorization"), services.secrets.signing_keys, now)
    if shown is not None:
        with services.store.read() as connection:
            principal = find_principal(connection, shown)
        if principal is not None and principal.user_id == known["id"]:
            return known
    if body.password is None:
        raise invalid("password is required: there is an account with this email, prove that it is yours.")
    return check_password_of(services, request, email, body.password, now, "password is wrong for this account.")


def _new_password(registration: str, body: Acceptance, email: str) -> str:
    if registration == "closed":
        raise forbidden("Registration is closed.")
    if body.password is None:
        raise invalid("password is required.")
    check_password(body.password, [email, body.name])
    return hash_password(body.password)


def _letter(call: Administering, connection: Connection, role: str, url: str) -> tuple[str, str]:
    who = audit.actor_of(connection, call.principal, "").name
    workspace = rows.workspace_name(connection, call.workspace_id)
    return f"Invitation to {workspace}", _TEXT.format(who=who, workspace=workspace, role=role, url=url)
