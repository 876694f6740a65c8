"""Rows of channels; their configs come and go encrypted, their terms as JSON."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, select, update

from tocsin.domain.routing import Routes, Terms
from tocsin.store.insertion import insert_unless_taken
from tocsin.store.schema import channels

Row = dict[str, Any]


def terms_of(row: Mapping[str, Any] | RowMapping) -> Terms:
    """When and of what the channel of this row wants to hear."""
    chosen = {name: tuple(values) for name, values in json.loads(row["routes"]).items()}
    return Terms(Routes(**chosen), row["delay"], row["remind_every"])


def columns_of(terms: Terms) -> Row:
    chosen = {name: values for name, values in terms.routes._asdict().items() if values}
    times = {"delay": terms.delay, "remind_every": terms.remind_every}
    return {"routes": json.dumps(chosen), "is_for_tenants": bool(terms.routes.tenants), **times}


def insert_channel(connection: Connection, row: Row) -> bool:
    """False where there is one of this name already."""
    return insert_unless_taken(connection, channels, row)


def find_channel(connection: Connection, workspace_id: int, provider: str, name: str) -> Row | None:
    query = select(channels).where(
        channels.c.workspace_id == workspace_id, channels.c.provider == provider, channels.c.name == name
    )
    row = connection.execute(query).mappings().first()
    return dict(row) if row is not None else None


def count_channels(connection: Connection, workspace_id: int) -> int:
    return len(connection.execute(select(channels.c.id).where(channels.c.workspace_id == workspace_id)).all())


def update_channel(connection: Connection, workspace_id: int, channel_id: int, changes: Row) -> None:
    mine = (channels.c.workspace_id == workspace_id) & (channels.c.id == channel_id)
    connection.execute(update(channels).where(mine).values(changes))


def delete_channel(connection: Connection, workspace_id: int, provider: str, name: str) -> bool:
    """False where there is none, or somebody was quicker."""
    mine = (channels.c.provider == provider) & (channels.c.name == name)
    return connection.execute(delete(channels).where(channels.c.workspace_id == workspace_id, mine)).rowcount == 1
