"""Who belongs to a workspace, as what, and how others are invited."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from tocsin.application import credentials
from tocsin.application.access import Principal, Right
from tocsin.application.accounts import join
from tocsin.application.errors import conflict, forbidden, not_found
from tocsin.domain.ids import IdMaker
from tocsin.store import Connection, people
from tocsin.store import accounts as rows

INVITATION_LIFE = 7 * 24 * 3600 * 1_000_000
RoleName = Literal["owner", "admin", "member", "viewer"]
_LAST_OWNER = "The last owner cannot leave or become something else. Make somebody else an owner first."


class Invitation(NamedTuple):
    """An invitation just made; `token` is shown this once."""

    id: int
    token: str


def change_role(connection: Connection, principal: Principal, workspace_id: int, user_id: int, role: RoleName) -> None:
    """Raises `Refused`: 404 where the user is no member, 403 where it takes an owner, 409 for the last owner."""
    before = _role(connection, workspace_id, user_id)
    if "owner" in {before, role} and before != role:
        principal.require(Right.OWN)
    if before == "owner" and role != "owner":
        _check_another_owner(connection, workspace_id)
    people.change_role(connection, workspace_id, user_id, role)


def remove(connection: Connection, principal: Principal, workspace_id: int, user_id: int) -> None:
    """Everybody may leave; who removes somebody else has to administer the workspace."""
    if principal.user_id != user_id:
        principal.require(Right.ADMINISTER)
    role = _role(connection, workspace_id, user_id)
    if role == "owner":
        if principal.user_id != user_id:
            principal.require(Right.OWN)
        _check_another_owner(connection, workspace_id)
    people.remove_member(connection, workspace_id, user_id)


def invite(
    connection: Connection,
    ids: IdMaker,
    now: int,
    principal: Principal,
    workspace_id: int,
    email: str,
    role: RoleName,
) -> Invitation:
    if role == "owner":
        principal.require(Right.OWN)
    rows.lock_workspace(connection, workspace_id)  # of two invitations at once, the second takes the first one's place
    user = rows.find_user_by_email(connection, email)
    if user is not None and people.role_of(connection, workspace_id, user["id"]) is not None:
        raise conflict("Somebody with this email is a member already.")
    invitation = Invitation(ids.new(now), credentials.new_secret())
    row = {"id": invitation.id, "workspace_id": workspace_id, "email": email, "role": role, "created_at": now}
    token_hash = credentials.hash_secret(invitation.token)
    people.insert_invitation(connection, {**row, "token_hash": token_hash, "expires_at": now + INVITATION_LIFE})
    return invitation


def withdraw(connection: Connection, workspace_id: int, invitation_id: int) -> None:
    if not people.remove_invitation(connection, workspace_id, invitation_id):
        raise not_found("Invitation")


def find_invitation(connection: Connection, now: int, token: str) -> Mapping[str, Any]:
    """Raises `Refused` 403 where it does not hold."""
    found = people.find_invitation(connection, credentials.hash_secret(token), now)
    if found is None:
        raise forbidden("The invitation is not valid any more. Ask for a new one.")
    return dict(found)


def accept(connection: Connection, now: int, token: str, user_id: int) -> int:
    """The workspace that the user is now a member of; the invitation is used up."""
    invitation = find_invitation(connection, now, token)
    workspace_id = int(invitation["workspace_id"])
    if not people.remove_invitation(connection, workspace_id, invitation["id"]):
        raise forbidden("The invitation is not valid any more. Ask for a new one.")
    if people.role_of(connection, workspace_id, user_id) is None:
        join(connection, now, workspace_id, user_id, invitation["role"])
    return workspace_id


def _role(connection: Connection, workspace_id: int, user_id: int) -> str:
    rows.lock_workspace(connection, workspace_id)  # of two owners who leave at once, the second sees the first
    role = people.role_of(connection, workspace_id, user_id)
    if role is None:
        raise not_found("Member")
    return role


def _check_another_owner(connection: Connection, workspace_id: int) -> None:
    if people.count_owners(connection, workspace_id) < 2:
        raise conflict(_LAST_OWNER)
