"""Workspaces and their primary keys, and users."""

from typing import Any, NamedTuple
from uuid import uuid4

from tocsin.application import credentials
from tocsin.application.errors import conflict, forbidden
from tocsin.domain.ids import IdMaker
from tocsin.domain.model import DEFAULT_TENANT, Windows
from tocsin.settings import Registration
from tocsin.store import Connection, sentry_keys
from tocsin.store import accounts as rows
from tocsin.store.tenants import insert_tenant

_DAY = 24 * 3600 * 1_000_000
CLAIM_LIFE = 7 * _DAY
_CLAIM, _FIRST_USER = "claim", "first_user"
_EMAIL_TAKEN = "A user with this email exists already. Log in instead."
_INVITATION_ONLY = "Registration is by invitation only."
Row = dict[str, Any]


class NewWorkspace(NamedTuple):
    """A workspace just made; `api_key` is shown this once."""

    id: int
    api_key: str


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
        join(connection, now, workspace_id, owner_id, "owner")
    return NewWorkspace(workspace_id, _issue_key(connection, ids, now, workspace_id))


def change_workspace(connection: Connection, workspace_id: int, changes: Row) -> None:
    """`changes`: columns of `workspaces`."""
    if changes:
        rows.update_workspace(connection, workspace_id, changes)


def rotate_key(connection: Connection, ids: IdMaker, now: int, workspace_id: int) -> str:
    """A new primary API key; the old one is dead at once."""
    rows.lock_workspace(connection, workspace_id)
    rows.revoke_primary_key(connection, workspace_id, now)
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
    user_id = create_user(connection, ids, now, email, password_hash, name, workspace_id)["id"]
    is_first = rows.claim_fact(connection, _FIRST_USER, str(user_id))
    if mode == "auto" and claim_token is None and not is_first:
        raise forbidden(_INVITATION_ONLY)
    if workspace_id is not None:
        join(connection, now, workspace_id, user_id, "owner")
        _log(connection, ids, now, workspace_id, "workspace_claimed", "The workspace was claimed by its owner.")
    return user_id, workspace_id


def create_user(
    connection: Connection,
    ids: IdMaker,
    now: int,
    email: str,
    password_hash: str,
    name: str,
    workspace_id: int | None = None,
) -> Row:
    """The new user's row; raises `Refused` 409 where the email is taken."""
    user_id = ids.new(now)
    row = {"id": user_id, "email": email, "name": name, "password_hash": password_hash, "created_at": now}
    if not rows.insert_user(connection, {**row, "last_workspace_id": workspace_id}):
        raise conflict(_EMAIL_TAKEN)
    return rows.user_of(connection, user_id)


def renew_password_hash(connection: Connection, user_id: int, password_hash: str) -> None:
    """The same password, hashed with today's parameters."""
    rows.update_user(connection, user_id, {"password_hash": password_hash})


def _claimed_workspace(connection: Connection, now: int, claim_token: str) -> int | None:
    expires, _, _ = claim_token.partition(".")
    is_fresh = expires.isdecimal() and expires.isascii() and len(expires) < 20 and now < int(expires)
    if not is_fresh or not rows.remove_fact(connection, _CLAIM, credentials.hash_secret(claim_token)):
        raise forbidden("The claim link is not valid any more. Ask the operator for `tocsin user make-owner`.")
    return rows.first_workspace(connection)


def _issue_key(connection: Connection, ids: IdMaker, now: int, workspace_id: int) -> str:
    key = credentials.new_api_key()
    row = {"id": ids.new(now), "workspace_id": workspace_id, "key_hash": key.key_hash, "prefix": key.prefix}
    rows.insert_key(connection, {**row, "scopes": "admin", "is_primary": True, "created_at": now})
    return key.plain


def join(connection: Connection, now: int, workspace_id: int, user_id: int, role: str) -> None:
    """The user becomes a member."""
    row = {"workspace_id": workspace_id, "user_id": user_id, "role": role, "created_at": now}
    rows.insert_member(connection, row)


def _log(connection: Connection, ids: IdMaker, now: int, workspace_id: int, kind: str, message: str) -> None:
    row = {"id": ids.new(now), "workspace_id": workspace_id, "at": now, "kind": kind, "message": message}
    rows.insert_log_entry(connection, row)
