"""Who may do what: the one table of rights, and who a credential stands for."""

from enum import StrEnum
from typing import NamedTuple

from tocsin.application.credentials import Credential
from tocsin.application.errors import forbidden
from tocsin.store import Connection
from tocsin.store import accounts as rows


class Right(StrEnum):
    """What a request needs; the value ends the sentence "… may not"."""

    READ = "look at the workspace"
    INGEST = "send check-ins and events"
    WRITE = "change what is watched"
    ADMINISTER = "administer the workspace"
    OWN = "decide about owners"


#: What each role may do, and each scope of an API key. Nothing else says so, and `Principal.require` alone enforces it.
ROLES: dict[str, frozenset[Right]] = {
    "owner": frozenset(Right),
    "admin": frozenset(Right) - {Right.OWN},
    "member": frozenset({Right.READ, Right.INGEST, Right.WRITE}),
    "viewer": frozenset({Right.READ}),
}
SCOPES: dict[str, frozenset[Right]] = {
    "ingest": frozenset({Right.INGEST}),
    "read": frozenset({Right.READ}),
    "admin": ROLES["admin"],
}


class Principal(NamedTuple):
    """Who is asking: an API key of a workspace with its `scopes`, or a member of it with a `role`, in a session.

    `workspace_id` and `role` are None for a user whose token is scoped to no workspace.
    """

    workspace_id: int | None
    api_key_id: int | None
    user_id: int | None
    role: str | None
    scopes: tuple[str, ...] = ()
    session_id: int | None = None
    #: Requests a minute, where the workspace has chosen fewer than the installation allows.
    api_rate: int | None = None

    @property
    def rights(self) -> frozenset[Right]:
        granted = [SCOPES.get(scope, frozenset()) for scope in self.scopes]
        return frozenset().union(*granted, ROLES.get(self.role or "", frozenset()))

    @property
    def holder_id(self) -> int:
        """The key or the user, as rates count them."""
        return self.api_key_id or self.user_id or 0

    def may(self, right: Right) -> bool:
        return right in self.rights

    def require(self, right: Right) -> None:
        """Raises `Refused` 403 with a sentence that says what is missing."""
        if self.may(right):
            return
        if self.workspace_id is None:
            raise forbidden(
                "This token is scoped to no workspace. Make one with POST /workspaces, or POST /auth/token."
            )
        if self.role is not None:
            who = "An owner" if right is Right.OWN else "An owner or admin"
            raise forbidden(f"Your role is {self.role}: it may not {right}. {who} can change it.")
        raise forbidden(f"The scopes of this API key ({', '.join(self.scopes)}) may not {right}. Use another key.")


def find_principal(connection: Connection, credential: Credential) -> Principal | None:
    """Who the credential stands for now; None for a revoked key, an ended session, a user who is no member any more."""
    if credential.key_hash is not None:
        key = rows.find_key(connection, credential.key_hash)
        if key is None:
            return None
        scopes = tuple(key["scopes"].split())
        return Principal(key["workspace_id"], key["id"], None, None, scopes, api_rate=key["api_rate"])
    if credential.user_id is None or credential.session_id is None:
        return None
    place = rows.find_membership(connection, credential.user_id, credential.workspace_id, credential.session_id)
    if place is None or (credential.workspace_id is not None and place["workspace_id"] is None):
        return None
    role, api_rate = place["role"], place["api_rate"]
    return Principal(place["workspace_id"], None, credential.user_id, role, (), credential.session_id, api_rate)


def is_of_inactive_workspace(connection: Connection, credential: Credential) -> bool:
    """Whether the credential is an API key that would work, were its workspace active."""
    return credential.key_hash is not None and rows.is_key_of_inactive(connection, credential.key_hash)
