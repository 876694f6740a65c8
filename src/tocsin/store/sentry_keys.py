"""The public key of a workspace's DSN; its project number is the workspace's id."""

from collections.abc import Collection

from sqlalchemy import Connection, select, update

from tocsin.store.schema import workspaces


def keys_of(connection: Connection, workspace_ids: Collection[int]) -> dict[int, str]:
    """The present keys of those of the workspaces that are active."""
    query = select(workspaces.c.id, workspaces.c.sentry_key).where(
        workspaces.c.id.in_(workspace_ids), workspaces.c.is_active
    )
    return {row.id: row.sentry_key for row in connection.execute(query)}


def change_key(connection: Connection, workspace_id: int, key: str) -> None:
    """The old key is dead with this transaction."""
    connection.execute(update(workspaces).where(workspaces.c.id == workspace_id).values(sentry_key=key))
