"""Sessions: what a login grows into, and how it goes on from token to token until it ends."""

from typing import Any, NamedTuple

from tocsin.application import audit, credentials
from tocsin.application.errors import Refused, forbidden, unauthorized
from tocsin.domain.ids import IdMaker, from_uuid
from tocsin.store import Connection, people
from tocsin.store import accounts as rows

_DAY = 24 * 3600 * 1_000_000
REFRESH_LIFE = 30 * _DAY
#: A proxy may say anything.
_LONGEST_ADDRESS = 200
Row = dict[str, Any]


class Session(NamedTuple):
    """What a login grew into: the user, the workspace of the token (None: no workspace yet), the refresh token."""

    id: int
    user_id: int
    workspace_id: int | None
    refresh_token: str


def begin(connection: Connection, ids: IdMaker, now: int, user_id: int, address: str) -> int:
    """A new session's id."""
    session_id = ids.new(now)
    row = {"id": session_id, "user_id": user_id, "started_at": now, "expires_at": now + REFRESH_LIFE}
    people.insert_session(connection, {**row, "address": address[:_LONGEST_ADDRESS]})
    return session_id


def open_session(
    connection: Connection,
    ids: IdMaker,
    now: int,
    user: Row,
    workspace: str | None,
    workspaces: list[Row],
    address: str = "",
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
    people.purge_sessions(connection, user["id"], now)
    session_id = begin(connection, ids, now, user["id"], address)
    return _new_refresh_token(connection, now, session_id, user["id"], workspace_id)


def refresh_session(
    connection: Connection, ids: IdMaker, now: int, refresh_token: str, address: str = ""
) -> Session | Refused:
    """The next refresh token of the session. A used one that comes back was stolen: the whole session ends, and the
    audit log says so. That has to be committed, so that this refusal is returned and not raised."""
    token_hash = credentials.hash_secret(refresh_token)
    token = rows.find_refresh_token(connection, token_hash)
    refusal = unauthorized("The refresh token is not valid any more. Log in again.")
    if token is None:
        return refusal
    if not rows.use_refresh_token(connection, token_hash, now):
        if people.end_sessions(connection, now, token["user_id"], only=token["family_id"]):
            thief = audit.Actor("user", token["user_id"], rows.user_of(connection, token["user_id"])["email"], address)
            audit.note_of_user(connection, ids, now, token["user_id"], thief, "reuse_refresh_token")
        return refusal
    if token["expires_at"] <= now or not people.prolong_session(connection, token["family_id"], now + REFRESH_LIFE):
        return refusal
    place = rows.find_membership(connection, token["user_id"], token["workspace_id"])
    workspace_id = place["workspace_id"] if place else None
    return _new_refresh_token(connection, now, token["family_id"], token["user_id"], workspace_id)


def find_refresh_session(connection: Connection, now: int, refresh_token: str) -> tuple[int, int] | None:
    """(user, session) that the refresh token belongs to, without using it up."""
    token = rows.find_refresh_token(connection, credentials.hash_secret(refresh_token))
    if token is None or token["used_at"] or token["revoked_at"] or token["expires_at"] <= now:
        return None
    return int(token["user_id"]), int(token["family_id"])


def switch_workspace(connection: Connection, user_id: int, workspace_id: int | None, session_id: int) -> int:
    """The workspace, if the user belongs to it; it becomes the last one used."""
    if rows.find_membership(connection, user_id, None, session_id) is None:
        raise unauthorized("The session has ended. Log in again.")
    place = rows.find_membership(connection, user_id, workspace_id) if workspace_id is not None else None
    if place is None or place["workspace_id"] is None:
        raise forbidden("You do not belong to this workspace.")
    rows.update_user(connection, user_id, {"last_workspace_id": workspace_id})
    return int(place["workspace_id"])


def _new_refresh_token(
    connection: Connection, now: int, session_id: int, user_id: int, workspace_id: int | None
) -> Session:
    token = credentials.new_secret()
    row = {
        "token_hash": credentials.hash_secret(token),
        "family_id": session_id,
        "user_id": user_id,
        "workspace_id": workspace_id,
        "expires_at": now + REFRESH_LIFE,
    }
    rows.insert_refresh_token(connection, row)
    return Session(session_id, user_id, workspace_id, token)
