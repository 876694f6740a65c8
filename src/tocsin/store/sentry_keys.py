"""The public key of a workspace's DSN; its project number is the workspace's id."""

from collections.abc import Callable, Collection

from sqlalchemy import Connection, update

from tocsin.store import raw
from tocsin.store.schema import workspaces

_KEYS = "SELECT id, sentry_key FROM workspaces WHERE id IN ? AND is_active"


def keys_of(connection: Connection, workspace_ids: Collection[int]) -> dict[int, str]:
    """The present keys of those of the workspaces that are active."""
    return ask_keys(connection, workspace_ids)()


def ask_keys(connection: Connection, workspace_ids: Collection[int]) -> Callable[[], dict[int, str]]:
    """What gives them when it is called."""
    rows = raw.ask_by(connection, _KEYS, workspace_ids)
    return lambda: dict(rows())


def change_key(connection: Connection, workspace_id: int, key: str) -> None:
    """The old key is dead with this transaction."""
    connection.execute(update(workspaces).where(workspaces.c.id == workspace_id).values(sentry_key=key))
