"""Who looks at a page: found by the cookie, asked of the database each time, so that an ended session ends at once."""

from typing import Any, NamedTuple

from tocsin.application import credentials
from tocsin.application.access import Principal, Right, find_principal
from tocsin.dashboard.words import initials
from tocsin.domain.ids import to_uuid
from tocsin.secret_box import SecretBox
from tocsin.store import Connection
from tocsin.store import views_accounts as views

_DAY = 24 * 3600 * 1_000_000


class Visitor(NamedTuple):
    """Somebody signed in. `workspace` and the `workspaces` they may switch to: `{id, name, role}` with UUIDs;
    `workspace` is None for who belongs to none. `is_stale`: the cookie is to be made anew."""

    principal: Principal
    email: str
    name: str
    workspace: dict[str, Any] | None
    workspaces: list[dict[str, Any]]
    is_stale: bool

    @property
    def initials(self) -> str:
        return initials(self.name)

    def may(self, right: Right) -> bool:
        return self.principal.may(right)


def find_visitor(
    connection: Connection, secrets: SecretBox, cookie: str, now: int, *, is_brief: bool = False
) -> Visitor | None:
    """None where the cookie is not ours, is too old, or its session has ended. `is_brief`: only who it is and what they
    may, in one query, for what is asked for every few seconds."""
    read = credentials.read_cookie(cookie, secrets.signing_keys, now)
    if read is None:
        return None
    credential, issued_at = read
    principal = find_principal(connection, credential)
    if principal is None and credential.workspace_id is not None:  # a member no more: they may have other places
        principal = find_principal(connection, credential._replace(workspace_id=None))
    if principal is None or principal.user_id is None:
        return None
    if is_brief and principal.workspace_id is not None:
        return Visitor(principal, "", "", {"id": to_uuid(principal.workspace_id)}, [], is_stale=False)
    user = views.user_object(connection, principal.user_id)
    mine = [{**place, "id": to_uuid(place["id"])} for place in views.memberships(connection, principal.user_id)]
    here = to_uuid(principal.workspace_id) if principal.workspace_id is not None else None
    workspace = next((place for place in mine if place["id"] == here), None)
    name = user["name"] or user["email"]
    return Visitor(principal, user["email"], name, workspace, mine, now - issued_at > _DAY)


def safe_next(path: str) -> str:
    """Where to go after signing in: an address within Tocsin, or the overview."""
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and "\\" not in path
    return path if is_ours else "/"
