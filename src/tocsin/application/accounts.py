"""Workspaces and their keys, users and their sessions."""

from typing import Any, NamedTuple
from uuid import uuid4

from tocsin.application import credentials
from tocsin.application.credentials import Credential
from tocsin.application.errors import Refused, conflict, forbidden, unauthorized
from tocsin.domain.ids import IdMaker, from_uuid
from tocsin.domain.model import DEFAULT_TENANT, Windows
from tocsin.settings import Registration
from tocsin.store import Connection, sentry_keys
from tocsin.store import accounts as rows
from tocsin.store.tenants import insert_tenant

_DAY = 24 * 3600 * 1_000_000
REFRESH_LIFE = 30 * _DAY
CLAIM_LIFE = 7 * _DAY
_CLAIM, _FIRST_USER = "claim", "first_user"
_EMAIL_TAKEN = "A user with this email exists already. Log in instead."
_INVITATION_ONLY = "Registration is by invitation only."
Row = dict[str, Any]


class Principal(NamedTuple):
    """Who is asking: an API key of a workspace, or a member of it.

    `workspace_id` and `role` are None for a user whose token is scoped to no workspace.
    """

    workspace_id: int | None
    api_key_id: int | None
    user_id: int | None
    role: str | None

    @property
    def may_write(self) -> bool:
        return self.role is not None and self.role != "viewer"


class NewWorkspace(NamedTuple):
    """A workspace just made; `api_key` is shown this once."""

    id: int
    api_key: str


class Session(NamedTuple):
    """What a login grew into: the user, the workspace of the token (None: no workspace yet), the refresh token."""

    user_id: int
    workspace_id: int | None
    refresh_token: str


# --- who is asking ------------------------------------------------------------------------------------------------


def find_principal(connection: Connection, credential: Credential) -> Principal | None:
    """Who the credential stands for now: a revoked key, a user who is no member any more: None."""
    if credential.key_hash is not None:
        key = rows.find_key(connection, credential.key_hash)
        return Principal(key["workspace_id"], key["id"], None, "admin") if key else None
    if credential.user_id is None:
        return None
    place = rows.find_membership(connection, credential.user_id, credential.workspace_id)
    if place is None or (credential.workspace_id is not None and place["workspace_id"] is None):
        return None
    return Principal(place["workspace_id"], None, credential.user_id, place["role"])


def is_of_inactive_workspace(connection: Connection, credential: Credential) -> bool:
    """Whether the credential is an API key that would work, were its workspace active."""
    return credential.key_hash is not None and rows.is_key_of_inactive(connection, credential.key_hash)


# --- workspaces ---------------------------------------------------------------------------------------------------


def create_workspace(
    connection: Connection, ids: IdMaker, now: int, name: str, owner_id: int | None = None
) -> NewWorkspace:
    """A workspace with its own tenant `default` and its first API key; the owner, if any, becomes its member."""
    windows = Windows()
    workspace_id = ids.new(now)
    row = {
        "id": workspace_id,
        "name": name,
        "recovery_window": windows.recovery,
        "close_window": windows.close,
        "cooldown_window": windows.cooldown,
        "created_at": now,
    }
    rows.insert_workspace(connection, row)
    tenant = {"id": ids.new(now), "workspace_id": workspace_id, "external_id": DEFAULT_TENANT, "created_at": now}
    insert_tenant(connection, tenant)
    if owner_id is not None:
        _join(connection, now, workspace_id, owner_id, "owner")
    return NewWorkspace(workspace_id, _issue_key(connection, ids, now, workspace_id))


def change_workspace(connection: Connection, workspace_id: int, changes: Row) -> None:
    """`changes`: columns of `workspaces`."""
    if changes:
        rows.update_workspace(connection, workspace_id, changes)


def rotate_key(connection: Connection, ids: IdMaker, now: int, workspace_id: int) -> str:
    """A new API key; the old ones are dead at once."""
    rows.lock_workspace(connection, workspace_id)
    rows.revoke_keys(connection, workspace_id, now)
    _log(connection, ids, now, workspace_id, "key_rotated", "The API key was rotated; the old one is dead.")
    return _issue_key(connection, ids, now, workspace_id)


def rotate_sentry_key(connection: Connection, ids: IdMaker, now: int, workspace_id: int) -> None:
    """A new public key for the workspace's DSN; the old one is dead."""
    sentry_keys.change_key(connection, workspace_id, uuid4().hex)
    _log(connection, ids, now, workspace_id, "sentry_key_rotated", "The Sentry DSN was rotated; the old one is dead.")


def make_claim(connection: Connection, now: int) -> str:
    """A one-time token, good for a week, with which somebody registers as the owner of the first workspace."""
    token = f"{now + CLAIM_LIFE}.{credentials.new_secret()}"
    rows.write_fact(connection, _CLAIM, credentials.hash_secret(token))
    return token


# --- users --------------------------------------------------------------------------------------------------------


def check_registration(connection: Connection, mode: Registration, email: str, claim_token: str | None) -> None:
    """Refuse whoever may not register; the slow work on the password comes after."""
    if mode == "closed":
        raise forbidden("Registration is closed.")
    if mode == "auto" and claim_token is None and rows.has_fact(connection, _FIRST_USER):
        raise forbidden(_INVITATION_ONLY)
    if rows.find_user_by_email(connection, email):
        raise conflict(_EMAIL_TAKEN)


def register(
    connection: Connection,
    ids: IdMaker,
    now: int,
    mode: Registration,
    email: str,
    password_hash: str,
    name: str,
    claim_token: str | None,
) -> tuple[int, int | None]:
    """The new user's id, and the workspace that they claimed, if any."""
    check_registration(connection, mode, email, claim_token)
    workspace_id = _claimed_workspace(connection, now, claim_token) if claim_token is not None else None
    user_id = ids.new(now)
    user = {
        "id": user_id,
        "email": email,
        "name": name,
        "password_hash": password_hash,
        "last_workspace_id": workspace_id,
        "created_at": now,
    }
    if not rows.insert_user(connection, user):
        raise conflict(_EMAIL_TAKEN)
    is_first = rows.claim_fact(connection, _FIRST_USER, str(user_id))
    if mode == "auto" and claim_token is None and not is_first:
        raise forbidden(_INVITATION_ONLY)
    if workspace_id is not None:
        _join(connection, now, workspace_id, user_id, "owner")
        _log(connection, ids, now, workspace_id, "workspace_claimed", "The workspace was claimed by its owner.")
    return user_id, workspace_id


def find_login(connection: Connection, email: str) -> Row | None:
    """The user's row, for comparing the password outside of any transaction."""
    return rows.find_user_by_email(connection, email)


def renew_password_hash(connection: Connection, user_id: int, password_hash: str) -> None:
    """The same password, hashed with today's parameters."""
    rows.update_user(connection, user_id, {"password_hash": password_hash})


def open_session(
    connection: Connection, ids: IdMaker, now: int, user: Row, workspace: str | None, workspaces: list[Row]
) -> Session:
    """A new session in `workspace` (a UUID), else in the last one used, else in any of the user's `workspaces`."""
    mine = [place["id"] for place in workspaces]
    workspace_id = from_uuid(workspace) if workspace is not None else None
    if workspace is not None and workspace_id not in mine:
        raise forbidden("You do not belong to this workspace.")
    if workspace_id is None:
        workspace_id = user["last_workspace_id"] if user["last_workspace_id"] in mine else next(iter(mine), None)
    rows.update_user(connection, user["id"], {"last_workspace_id": workspace_id})
    rows.purge_refresh_tokens(connection, user["id"], now)
    return _new_refresh_token(connection, now, ids.new(now), user["id"], workspace_id)


def refresh_session(connection: Connection, now: int, refresh_token: str) -> Session | Refused:
    """The next refresh token of the session. A used one that comes back was stolen: its whole family is revoked,
    which has to be committed, so that this refusal is returned and not raised."""
    token_hash = credentials.hash_secret(refresh_token)
    token = rows.find_refresh_token(connection, token_hash)
    refusal = unauthorized("The refresh token is not valid any more. Log in again.")
    if token is None:
        return refusal
    if not rows.use_refresh_token(connection, token_hash, now):
        rows.revoke_family(connection, token["family_id"], now)
        return refusal
    if token["expires_at"] <= now:
        return refusal
    place = rows.find_membership(connection, token["user_id"], token["workspace_id"])
    workspace_id = place["workspace_id"] if place else None
    return _new_refresh_token(connection, now, token["family_id"], token["user_id"], workspace_id)


def find_refresh_user(connection: Connection, now: int, refresh_token: str) -> int | None:
    """Whose session the refresh token belongs to, without using it up."""
    token = rows.find_refresh_token(connection, credentials.hash_secret(refresh_token))
    if token is None or token["used_at"] or token["revoked_at"] or token["expires_at"] <= now:
        return None
    return int(token["user_id"])


def switch_workspace(connection: Connection, user_id: int, workspace_id: int | None) -> int:
    """The workspace, if the user belongs to it; it becomes the last one used."""
    place = rows.find_membership(connection, user_id, workspace_id) if workspace_id is not None else None
    if place is None or place["workspace_id"] is None:
        raise forbidden("You do not belong to this workspace.")
    rows.update_user(connection, user_id, {"last_workspace_id": workspace_id})
    return int(place["workspace_id"])


def _claimed_workspace(connection: Connection, now: int, claim_token: str) -> int | None:
    expires, _, _ = claim_token.partition(".")
    is_fresh = expires.isdecimal() and expires.isascii() and len(expires) < 20 and now < int(expires)
    if not is_fresh or not rows.remove_fact(connection, _CLAIM, credentials.hash_secret(claim_token)):
        raise forbidden("The claim link is not valid any more.")
    return rows.first_workspace(connection)


def _new_refresh_token(
    connection: Connection, now: int, family_id: int, user_id: int, workspace_id: int | None
) -> Session:
    token = credentials.new_secret()
    row = {
        "token_hash": credentials.hash_secret(token),
        "family_id": family_id,
        "user_id": user_id,
        "workspace_id": workspace_id,
        "expires_at": now + REFRESH_LIFE,
    }
    rows.insert_refresh_token(connection, row)
    return Session(user_id, workspace_id, token)


def _issue_key(connection: Connection, ids: IdMaker, now: int, workspace_id: int) -> str:
    key = credentials.new_api_key()
    row = {"id": ids.new(now), "workspace_id": workspace_id, "key_hash": key.key_hash, "prefix": key.prefix}
    rows.insert_key(connection, {**row, "created_at": now})
    return key.plain


def _join(connection: Connection, now: int, workspace_id: int, user_id: int, role: str) -> None:
    row = {"workspace_id": workspace_id, "user_id": user_id, "role": role, "created_at": now}
    rows.insert_member(connection, row)


def _log(connection: Connection, ids: IdMaker, now: int, workspace_id: int, kind: str, message: str) -> None:
    row = {"id": ids.new(now), "workspace_id": workspace_id, "at": now, "kind": kind, "message": message}
    rows.insert_log_entry(connection, row)
