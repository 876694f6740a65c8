"""Putting deliveries into the outbox: alone, delayed, or gathered into one that is shared."""

import json
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, insert, select, update

from tocsin.domain.routing import OPENINGS
from tocsin.domain.sharing import Gathering
from tocsin.store.schema import channels, deliveries, gatherings


class Entry(NamedTuple):
    """A delivery to be; the columns of its row."""

    id: int
    workspace_id: int
    alert_id: int
    incident_id: int | None
    channel_id: int
    kind: str
    reason: str
    created_at: int
    next_attempt_at: int | None
    not_before_at: int | None = None
    content: str | None = None
    is_shared: bool = False
    shared_in: int | None = None
    state: str = "pending"
    settled_at: int | None = None


class Waiting(NamedTuple):
    """An opening that its channel's delay still holds back."""

    id: int
    channel_id: int
    kind: str


def queue(connection: Connection, entries: Sequence[Entry]) -> None:
    """In this order: what is shared comes before what it carries."""
    if entries:
        connection.execute(insert(deliveries), [entry._asdict() for entry in entries])


def lock_channels(connection: Connection, channel_ids: Collection[int]) -> None:
    """Nobody else gathers for these channels until the transaction ends. In key order, so that none waits for ever."""
    mine = select(channels.c.id).where(channels.c.id.in_(channel_ids)).order_by(channels.c.id)
    connection.execute(mine.with_for_update(key_share=True)).all()


def read_gatherings(connection: Connection, channel_ids: Collection[int]) -> dict[tuple[int, str], Gathering]:
    """By (channel id, topic)."""
    query = select(gatherings).where(gatherings.c.channel_id.in_(channel_ids))
    return {
        (row.channel_id, row.topic): Gathering(tuple(json.loads(row.singles)), row.delivery_id, row.until_at)
        for row in connection.execute(query)
    }


def write_gathering(connection: Connection, workspace_id: int, channel_id: int, topic: str, known: Gathering) -> None:
    values = {"singles": json.dumps(known.singles), "delivery_id": known.delivery_id, "until_at": known.until_at}
    mine = update(gatherings).where(gatherings.c.channel_id == channel_id, gatherings.c.topic == topic)
    if connection.execute(mine.values(values)).rowcount == 0:
        row = {"channel_id": channel_id, "topic": topic, "workspace_id": workspace_id, **values}
        connection.execute(insert(gatherings).values(row))


def may_join(connection: Connection, delivery_id: int) -> bool:
    """Whether a shared delivery can still take more in: no worker has taken it (another node's clock may be ahead)."""
    untouched = _untouched(deliveries.c.id).where(deliveries.c.id == delivery_id)
    return connection.execute(untouched).scalar() is not None


def has_earlier(connection: Connection, incident_id: int, channel_id: int) -> bool:
    """Whether something about the incident waits for the channel by itself, or for its delay: what follows goes by
    itself after it, and holds up nobody it might have been shared with."""
    query = select(deliveries.c.id).where(
        deliveries.c.incident_id == incident_id,
        deliveries.c.channel_id == channel_id,
        deliveries.c.state == "pending",
        deliveries.c.next_attempt_at.is_not(None) | deliveries.c.not_before_at.is_not(None),
    )
    return connection.execute(query.limit(1)).scalar() is not None


def delayed_openings(connection: Connection, incident_id: int) -> dict[int, Waiting]:
    """Openings of the incident that no worker has touched yet, by channel."""
    query = _untouched(deliveries.c.id, deliveries.c.channel_id, deliveries.c.kind).where(
        deliveries.c.incident_id == incident_id,
        deliveries.c.kind.in_(OPENINGS),
        deliveries.c.not_before_at.is_not(None),
        deliveries.c.resent_at.is_(None),
    )
    return {row.channel_id: Waiting(*row) for row in connection.execute(query)}


def retell(connection: Connection, delivery_id: int, content: str) -> None:
    """Let a waiting delivery tell the newest."""
    connection.execute(update(deliveries).where(deliveries.c.id == delivery_id).values(content=content))


def hurry(connection: Connection, delivery_id: int, now: int) -> None:
    """Let a worker look at a waiting delivery now."""
    mine = deliveries.c.id == delivery_id
    connection.execute(
        update(deliveries).where(mine, deliveries.c.next_attempt_at.is_not(None)).values(next_attempt_at=now)
    )


def _untouched(*columns: Any) -> Select[Any]:
    """Pending, never attempted, and ours until the transaction ends. Whoever holds one already keeps it: it counts as
    being sent, and we never wait for a worker while workers may wait for our channels."""
    return (
        select(*columns)
        .where(deliveries.c.state == "pending", deliveries.c.attempts == 0)
        .with_for_update(skip_locked=True, key_share=True)
    )
