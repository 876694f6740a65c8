"""What was answered to writes that carried an `Idempotency-Key`, for 24 hours.

A row without a status stands for a request in flight. `claim` and `remember` may share one transaction with the
write itself, so that the write and its answer are committed together or not at all.
"""

from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, select, update

from tocsin.store.insertion import insert_unless_taken
from tocsin.store.schema import idempotency_keys as keys

KEPT_FOR = 24 * 3600 * 1_000_000
#: A request in flight for longer has died with its process.
IN_FLIGHT_AT_MOST = 120 * 1_000_000
_PURGED_AT_ONCE = 100


class Scope(NamedTuple):
    """One workspace's key on one route (`POST /jobs/{jobKey}/ping`, say)."""

    workspace_id: int
    route: str
    key: str


class Remembered(NamedTuple):
    """An earlier request under the same key; `status` and `answer` are None while it is in flight."""

    body_hash: str
    status: int | None
    answer: str | None


def claim(connection: Connection, scope: Scope, body_hash: str, now: int) -> Remembered | None:
    """Take the key for this request, or tell what has it. On PostgreSQL it waits for who is just taking it."""
    purge(connection, now)
    _forget_dead(connection, scope, now)
    if insert_unless_taken(connection, keys, {**scope._asdict(), "body_hash": body_hash, "created_at": now}):
        return None
    query = select(keys.c.body_hash, keys.c.status, keys.c.answer).where(*_is(scope))
    found = connection.execute(query).first()
    return Remembered(*found) if found is not None else claim(connection, scope, body_hash, now)


def remember(connection: Connection, scope: Scope, status: int, answer: str) -> None:
    connection.execute(update(keys).where(*_is(scope)).values(status=status, answer=answer))


def forget(connection: Connection, scope: Scope) -> None:
    connection.execute(delete(keys).where(*_is(scope)))


def purge(connection: Connection, now: int) -> None:
    """Delete a slice of what is older than 24 hours."""
    old = (
        select(keys.c.workspace_id, keys.c.route, keys.c.key)
        .where(keys.c.created_at < now - KEPT_FOR)
        .order_by(keys.c.created_at)
        .limit(_PURGED_AT_ONCE)
    )
    for row in connection.execute(old).all():
        forget(connection, Scope(*row))


def _forget_dead(connection: Connection, scope: Scope, now: int) -> None:
    """A row that is over 24 hours old, or was left in flight, is as good as none."""
    is_old = keys.c.created_at < now - KEPT_FOR
    is_dead = keys.c.status.is_(None) & (keys.c.created_at < now - IN_FLIGHT_AT_MOST)
    connection.execute(delete(keys).where(*_is(scope), is_old | is_dead))


def _is(scope: Scope) -> tuple[ColumnElement[bool], ...]:
    return (keys.c.workspace_id == scope.workspace_id, keys.c.route == scope.route, keys.c.key == scope.key)
