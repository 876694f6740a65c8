"""Rows of sessions, second factors, password links, invitations, members and named keys."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, func, insert, or_, select, update

from tocsin.store.schema import (
    api_keys,
    invitations,
    members,
    password_resets,
    recovery_codes,
    refresh_tokens,
    sessions,
    users,
    workspaces,
)

Row = dict[str, Any]

# --- sessions -----------------------------------------------------------------------------------------------------


def insert_session(connection: Connection, row: Row) -> None:
    connection.execute(insert(sessions).values(row))


def prolong_session(connection: Connection, session_id: int, expires_at: int) -> bool:
    """False where it has ended."""
    mine = (sessions.c.id == session_id) & sessions.c.ended_at.is_(None)
    return connection.execute(update(sessions).where(mine).values(expires_at=expires_at)).rowcount == 1


def end_sessions(
    connection: Connection, now: int, user_id: int, *, only: int | None = None, but: int | None = None
) -> bool:
    """End the user's sessions with their refresh tokens: all, `only` one, or all `but` one. Whether any was running."""
    mine, tokens = sessions.c.user_id == user_id, refresh_tokens.c.user_id == user_id
    if only is not None:
        mine, tokens = mine & (sessions.c.id == only), tokens & (refresh_tokens.c.family_id == only)
    if but is not None:
        mine, tokens = mine & (sessions.c.id != but), tokens & (refresh_tokens.c.family_id != but)
    ended = connection.execute(update(sessions).where(mine, sessions.c.ended_at.is_(None)).values(ended_at=now))
    connection.execute(
        update(refresh_tokens).where(tokens, refresh_tokens.c.revoked_at.is_(None)).values(revoked_at=now)
    )
    return ended.rowcount > 0


def purge_sessions(connection: Connection, user_id: int, now: int) -> None:
    connection.execute(delete(sessions).where(sessions.c.user_id == user_id, sessions.c.expires_at <= now))


# --- passwords and second factors ---------------------------------------------------------------------------------


def use_totp_step(connection: Connection, user_id: int, step: int) -> bool:
    """Mark the step as used; False where it, or a later one, was before."""
    fresh = (users.c.id == user_id) & (users.c.totp_last_step < step)
    return connection.execute(update(users).where(fresh).values(totp_last_step=step)).rowcount == 1


def replace_recovery_codes(connection: Connection, user_id: int, hashes: Sequence[str]) -> None:
    connection.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))
    if hashes:
        rows = [{"user_id": user_id, "code_hash": code_hash} for code_hash in hashes]
        connection.execute(insert(recovery_codes), rows)


def use_recovery_code(connection: Connection, user_id: int, code_hash: str) -> bool:
    mine = (recovery_codes.c.user_id == user_id) & (recovery_codes.c.code_hash == code_hash)
    return connection.execute(delete(recovery_codes).where(mine)).rowcount == 1


def insert_password_reset(connection: Connection, row: Row) -> None:
    """It takes the place of the user's earlier ones."""
    remove_password_resets(connection, row["user_id"])
    connection.execute(insert(password_resets).values(row))


def remove_password_resets(connection: Connection, user_id: int) -> None:
    connection.execute(delete(password_resets).where(password_resets.c.user_id == user_id))


def find_password_reset(connection: Connection, token_hash: str, now: int) -> int | None:
    """Whose password it sets."""
    fresh = (password_resets.c.token_hash == token_hash) & (password_resets.c.expires_at > now)
    return connection.execute(select(password_resets.c.user_id).where(fresh)).scalar()


def use_password_reset(connection: Connection, token_hash: str) -> bool:
    used = delete(password_resets).where(password_resets.c.token_hash == token_hash)
    return connection.execute(used).rowcount == 1


# --- invitations --------------------------------------------------------------------------------------------------


def insert_invitation(connection: Connection, row: Row) -> None:
    """It takes the place of an earlier one to the same address."""
    earlier = (invitations.c.workspace_id == row["workspace_id"]) & (invitations.c.email == row["email"])
    expired = (invitations.c.workspace_id == row["workspace_id"]) & (invitations.c.expires_at <= row["created_at"])
    connection.execute(delete(invitations).where(or_(earlier, expired)))
    connection.execute(insert(invitations).values(row))


def find_invitation(connection: Connection, token_hash: str, now: int) -> RowMapping | None:
    """A fresh invitation to an active workspace."""
    query = (
        select(invitations)
        .join(workspaces, workspaces.c.id == invitations.c.workspace_id)
        .where(invitations.c.token_hash == token_hash, invitations.c.expires_at > now, workspaces.c.is_active)
    )
    return connection.execute(query).mappings().first()


def remove_invitation(connection: Connection, workspace_id: int, invitation_id: int) -> bool:
    mine = (invitations.c.workspace_id == workspace_id) & (invitations.c.id == invitation_id)
    return connection.execute(delete(invitations).where(mine)).rowcount == 1


# --- members ------------------------------------------------------------------------------------------------------


def role_of(connection: Connection, workspace_id: int, user_id: int) -> str | None:
    mine = (members.c.workspace_id == workspace_id) & (members.c.user_id == user_id)
    return connection.execute(select(members.c.role).where(mine)).scalar()


def count_owners(connection: Connection, workspace_id: int) -> int:
    owners = (members.c.workspace_id == workspace_id) & (members.c.role == "owner")
    return int(connection.execute(select(func.count()).select_from(members).where(owners)).scalar_one())


def change_role(connection: Connection, workspace_id: int, user_id: int, role: str) -> None:
    mine = (members.c.workspace_id == workspace_id) & (members.c.user_id == user_id)
    connection.execute(update(members).where(mine).values(role=role))


def remove_member(connection: Connection, workspace_id: int, user_id: int) -> None:
    mine = (members.c.workspace_id == workspace_id) & (members.c.user_id == user_id)
    connection.execute(delete(members).where(mine))


def workspaces_of(connection: Connection, user_id: int) -> list[int]:
    query = select(members.c.workspace_id).where(members.c.user_id == user_id).order_by(members.c.workspace_id)
    return list(connection.execute(query).scalars())


# --- named keys ---------------------------------------------------------------------------------------------------


def find_live_key(connection: Connection, workspace_id: int, key_id: int) -> RowMapping | None:
    mine = (api_keys.c.workspace_id == workspace_id) & (api_keys.c.id == key_id) & api_keys.c.revoked_at.is_(None)
    return connection.execute(select(api_keys).where(mine)).mappings().first()


def live_key_names(connection: Connection, workspace_id: int) -> list[str]:
    mine = (api_keys.c.workspace_id == workspace_id) & api_keys.c.revoked_at.is_(None)
    return list(connection.execute(select(api_keys.c.name).where(mine)).scalars())


def revoke_key(connection: Connection, workspace_id: int, key_id: int, now: int) -> bool:
    """False where somebody was quicker."""
    mine = (api_keys.c.workspace_id == workspace_id) & (api_keys.c.id == key_id) & api_keys.c.revoked_at.is_(None)
    return connection.execute(update(api_keys).where(mine).values(revoked_at=now)).rowcount == 1


def touch_keys(connection: Connection, used_at: Mapping[int, int]) -> None:
    """Write down when keys were last used, unless another node knows of a later use."""
    for key_id, moment in sorted(used_at.items()):
        older = or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < moment)
        connection.execute(update(api_keys).where(api_keys.c.id == key_id, older).values(last_used_at=moment))
