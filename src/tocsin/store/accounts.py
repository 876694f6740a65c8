"""Rows of workspaces, users, members, refresh tokens, API keys, and the facts of the installation."""

from typing import Any

from sqlalchemy import Connection, and_, delete, exists, func, insert, null, select, update

from tocsin.store.insertion import insert_unless_taken
from tocsin.store.schema import api_keys, facts, log_entries, members, refresh_tokens, sessions, users, workspaces

Row = dict[str, Any]

# --- workspaces and their keys ------------------------------------------------------------------------------------


def insert_workspace(connection: Connection, row: Row) -> None:
    connection.execute(insert(workspaces).values(row))


def update_workspace(connection: Connection, workspace_id: int, changes: Row) -> None:
    connection.execute(update(workspaces).where(workspaces.c.id == workspace_id).values(changes))


def wants_long_slugs(connection: Connection, workspace_id: int) -> bool:
    """Whether the workspace's monitors are pinged by slugs that nobody can guess."""
    query = select(workspaces.c.long_ping_slugs).where(workspaces.c.id == workspace_id)
    return bool(connection.execute(query).scalar())


def is_key_of_inactive(connection: Connection, key_hash: str) -> bool:
    """Whether the key works, but its workspace does not."""
    query = (
        select(api_keys.c.id)
        .join(workspaces, workspaces.c.id == api_keys.c.workspace_id)
        .where(api_keys.c.key_hash == key_hash, api_keys.c.revoked_at.is_(None), ~workspaces.c.is_active)
    )
    return connection.execute(query).first() is not None


def workspace_name(connection: Connection, workspace_id: int) -> str:
    return str(connection.execute(select(workspaces.c.name).where(workspaces.c.id == workspace_id)).scalar_one())


def workspace_names(connection: Connection) -> dict[int, str]:
    """Every workspace's name by its id."""
    return {row.id: row.name for row in connection.execute(select(workspaces.c.id, workspaces.c.name))}


def first_workspace(connection: Connection) -> int | None:
    """The oldest workspace, or None where there is none yet."""
    return connection.execute(select(func.min(workspaces.c.id))).scalar()


def insert_key(connection: Connection, row: Row) -> None:
    connection.execute(insert(api_keys).values(row))


def revoke_primary_key(connection: Connection, workspace_id: int, now: int) -> None:
    """The workspace's primary key stops working when this transaction commits."""
    live = (api_keys.c.workspace_id == workspace_id) & api_keys.c.is_primary & api_keys.c.revoked_at.is_(None)
    connection.execute(update(api_keys).where(live).values(revoked_at=now))


def lock_workspace(connection: Connection, workspace_id: int) -> None:
    """Hold the workspace's row, so that of two who change who may what at once, the second sees the first."""
    mine = select(workspaces.c.id).where(workspaces.c.id == workspace_id)
    connection.execute(mine.with_for_update(key_share=True))  # rows that belong to it are made meanwhile


def find_key(connection: Connection, key_hash: str) -> Row | None:
    """`{id, workspace_id, scopes, api_rate}` of a live key of an active workspace."""
    query = (
        select(api_keys.c.id, api_keys.c.workspace_id, api_keys.c.scopes, workspaces.c.api_rate)
        .join(workspaces, workspaces.c.id == api_keys.c.workspace_id)
        .where(api_keys.c.key_hash == key_hash, api_keys.c.revoked_at.is_(None), workspaces.c.is_active)
    )
    return _one(connection, query)


def insert_log_entry(connection: Connection, row: Row) -> None:
    connection.execute(insert(log_entries).values(row))


# --- users and their places ---------------------------------------------------------------------------------------


def insert_user(connection: Connection, row: Row) -> bool:
    """False where the email is taken."""
    return insert_unless_taken(connection, users, row)


def update_user(connection: Connection, user_id: int, changes: Row) -> None:
    connection.execute(update(users).where(users.c.id == user_id).values(changes))


def find_user(connection: Connection, user_id: int) -> Row | None:
    return _one(connection, select(users).where(users.c.id == user_id))


def user_of(connection: Connection, user_id: int) -> Row:
    """The user, who is known to be there."""
    return dict(connection.execute(select(users).where(users.c.id == user_id)).mappings().one())


def find_user_by_email(connection: Connection, email: str) -> Row | None:
    return _one(connection, select(users).where(users.c.email == email))


def insert_member(connection: Connection, row: Row) -> None:
    connection.execute(insert(members).values(row))


def find_membership(
    connection: Connection, user_id: int, workspace_id: int | None, session_id: int | None = None
) -> Row | None:
    """`{user_id, workspace_id, role, api_rate}`; all but the first are None where the user has no (active) place
    there. With a `session_id`, None where that session of the user's has ended."""
    place = and_(members.c.user_id == users.c.id, members.c.workspace_id == workspace_id)
    query = (
        select(
            users.c.id.label("user_id"), workspaces.c.id.label("workspace_id"), members.c.role, workspaces.c.api_rate
        )
        .outerjoin(members, place)
        .outerjoin(workspaces, and_(workspaces.c.id == members.c.workspace_id, workspaces.c.is_active))
        .where(users.c.id == user_id)
    )
    if workspace_id is None:
        nowhere = [null().label(name) for name in ("workspace_id", "role", "api_rate")]
        query = select(users.c.id.label("user_id"), *nowhere).where(users.c.id == user_id)
    if session_id is not None:
        running = (sessions.c.id == session_id) & (sessions.c.user_id == user_id) & sessions.c.ended_at.is_(None)
        query = query.where(exists().where(running))
    return _one(connection, query)


# --- refresh tokens -----------------------------------------------------------------------------------------------


def insert_refresh_token(connection: Connection, row: Row) -> None:
    connection.execute(insert(refresh_tokens).values(row))


def find_refresh_token(connection: Connection, token_hash: str) -> Row | None:
    return _one(connection, select(refresh_tokens).where(refresh_tokens.c.token_hash == token_hash))


def use_refresh_token(connection: Connection, token_hash: str, now: int) -> bool:
    """Mark it as used; False where somebody was quicker, or it is revoked."""
    fresh = refresh_tokens.c.used_at.is_(None) & refresh_tokens.c.revoked_at.is_(None)
    marking = update(refresh_tokens).where(refresh_tokens.c.token_hash == token_hash, fresh).values(used_at=now)
    return connection.execute(marking).rowcount == 1


def revoke_family(connection: Connection, family_id: int, now: int) -> None:
    live = (refresh_tokens.c.family_id == family_id) & refresh_tokens.c.revoked_at.is_(None)
    connection.execute(update(refresh_tokens).where(live).values(revoked_at=now))


def purge_refresh_tokens(connection: Connection, user_id: int, now: int) -> None:
    expired = (refresh_tokens.c.user_id == user_id) & (refresh_tokens.c.expires_at <= now)
    connection.execute(delete(refresh_tokens).where(expired))


# --- facts --------------------------------------------------------------------------------------------------------


def write_fact(connection: Connection, name: str, value: str) -> None:
    remove_fact(connection, name, None)
    connection.execute(insert(facts).values(name=name, value=value))


def has_fact(connection: Connection, name: str) -> bool:
    return connection.execute(select(facts.c.name).where(facts.c.name == name)).scalar() is not None


def claim_fact(connection: Connection, name: str, value: str) -> bool:
    """Write the fact unless there is one; of several who try at once, one is told True."""
    return insert_unless_taken(connection, facts, {"name": name, "value": value})


def remove_fact(connection: Connection, name: str, value: str | None) -> bool:
    """Take the fact away, if it has this value (None: any); whether there was one."""
    there = facts.c.name == name
    if value is not None:
        there &= facts.c.value == value
    return connection.execute(delete(facts).where(there)).rowcount == 1


def _one(connection: Connection, query: Any) -> Row | None:
    row = connection.execute(query).mappings().first()
    return dict(row) if row is not None else None
