"""What an operator may do for users who are locked out; it stands in the audit log of their workspaces."""

from tocsin.application import audit, second_factor
from tocsin.application.accounts import join
from tocsin.application.errors import ErrorCode, Refused, conflict, not_found
from tocsin.application.password_links import make_link
from tocsin.domain.ids import IdMaker, to_uuid
from tocsin.store import Connection, people
from tocsin.store import accounts as rows

#: Workspaces that are named where one is to be chosen.
_SHOWN = 20


def reset_password(connection: Connection, ids: IdMaker, now: int, email: str, base: str) -> str:
    """A link with which the user sets a new password."""
    user_id = _find(connection, email)
    audit.note_of_user(connection, ids, now, user_id, audit.OPERATOR, "reset_password")
    return make_link(connection, now, user_id, base)


def disable_second_factor(connection: Connection, ids: IdMaker, now: int, email: str) -> None:
    """The user's sessions end: whoever has the old app is out."""
    user_id = _find(connection, email)
    second_factor.turn_off(connection, user_id)
    people.end_sessions(connection, now, user_id)
    audit.note_of_user(connection, ids, now, user_id, audit.OPERATOR, "disable_second_factor")


def make_owner(connection: Connection, ids: IdMaker, now: int, email: str, workspace_id: int | None) -> str:
    """The name of the workspace; None is the only one there is."""
    user_id = _find(connection, email)
    known = rows.workspace_names(connection)
    if workspace_id is None and len(known) != 1:
        named = ", ".join(f"{to_uuid(one)} ({name})" for one, name in list(known.items())[:_SHOWN])
        raise conflict(f"Name one of the workspaces with --workspace ID: {named}.")
    chosen = workspace_id if workspace_id is not None else next(iter(known))
    if chosen not in known:
        raise not_found("Workspace")
    if people.role_of(connection, chosen, user_id) is None:
        join(connection, now, chosen, user_id, "owner")
    else:
        people.change_role(connection, chosen, user_id, "owner")
    audit.note(connection, ids, now, [chosen], audit.OPERATOR, "make_owner", f"user {email}")
    return known[chosen]


def _find(connection: Connection, email: str) -> int:
    user = rows.find_user_by_email(connection, email.strip().lower())
    if user is None:
        raise Refused(404, ErrorCode.NOT_FOUND, f"There is no user with the email {email}. See `tocsin user list`.")
    return int(user["id"])
