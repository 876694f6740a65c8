"""Claiming deliveries: with a lease, in order within one (incident, channel), at least once.

An attempt is written down as `sending` when its delivery is claimed: a worker that is killed meanwhile leaves it behind
as one that may have arrived, and its lease runs out.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from tocsin.domain.ids import IdMaker
from tocsin.store import shared
from tocsin.store.schema import alerts, channels, deliveries, delivery_attempts
from tocsin.store.weeding import Candidate, weed

#: How far a claim looks for deliveries of channels that have room.
_CANDIDATES = 500
_SENDING = "sending"
_INTERRUPTED = "The attempt was interrupted before its outcome was recorded."


class Claimed(NamedTuple):
    """A delivery that is ours until its lease runs out. `attempts` counts this one; `config` is sealed."""

    id: int
    workspace_id: int
    channel_id: int
    provider: str
    config: bytes
    kind: str
    content: str
    moment_at: int
    queued_at: int
    attempts: int
    is_shared: bool
    attempt_id: int


#: How many more deliveries may be sent to a channel now: (channel id, provider) → number.
Room = Callable[[int, str], int]


def has_due(connection: Connection, now: int) -> bool:
    """Whether a claim might find something; costs one look into the index."""
    query = select(deliveries.c.id).where(*_is_due(now)).limit(1)
    return connection.execute(query).first() is not None


def claim(
    connection: Connection,
    ids: IdMaker,
    now: int,
    lease_until: int,
    limit: int,
    room: Room,
    *,
    full: Collection[int] = (),
    sending: Collection[int] = (),
    state_keepers: Collection[str] = (),
) -> list[Claimed]:
    """Takes up to `limit` due deliveries: the first waiting one of each (incident, channel), as `room` allows.

    `full`: channels that have no room, so that their backlog is not looked at. `sending`: deliveries that who claims is
    still sending; after a standstill their leases have run out, and a second attempt beside the first could come after
    what follows them. What must not be sent any more is settled here (see `store.weeding`); `state_keepers` are the
    providers whose receivers keep alerts of their own.
    """
    candidates = [row for row in _candidates(connection, now, full) if row.id not in sending]
    picked = _pick(candidates, limit, room)
    if not picked:
        return []
    leased = _lease(connection, [row.id for row in picked], now, lease_until)
    mine = [row for row in picked if row.id in leased]
    weeded = weed(connection, mine, now, state_keepers)
    return _begin_attempts(connection, ids, [row.id for row in mine if row.id not in weeded], now)


def renew(connection: Connection, delivery_ids: Sequence[int], lease_until: int) -> None:
    """Keeps deliveries that are still being sent from being claimed by another worker."""
    connection.execute(
        update(deliveries)
        .where(deliveries.c.id.in_(delivery_ids), deliveries.c.state == "pending")
        .values(lease_until_at=lease_until)
    )


def _is_due(now: int) -> tuple[Any, ...]:
    return (
        deliveries.c.state == "pending",
        deliveries.c.next_attempt_at <= now,
        deliveries.c.lease_until_at.is_(None) | (deliveries.c.lease_until_at <= now),
    )


def _candidates(connection: Connection, now: int, full: Collection[int]) -> Sequence[Candidate]:
    """Due deliveries that nothing of their (incident, channel) goes before, longest waiting first."""
    earlier = deliveries.alias("earlier")
    is_second = (
        select(earlier.c.id)
        .where(
            earlier.c.incident_id == deliveries.c.incident_id,
            earlier.c.channel_id == deliveries.c.channel_id,
            earlier.c.id < deliveries.c.id,
            earlier.c.state == "pending",
        )
        .exists()
    )
    part = deliveries.alias("part")
    carries_second = (
        select(part.c.id)
        .join(earlier, (earlier.c.incident_id == part.c.incident_id) & (earlier.c.channel_id == part.c.channel_id))
        .where(part.c.shared_in == deliveries.c.id, part.c.state == "pending")
        .where(earlier.c.id < part.c.id, earlier.c.state == "pending")
        .exists()
    )
    own = [deliveries.c[name] for name in Candidate._fields if name in deliveries.c]
    query = (
        select(*own, channels.c.provider, channels.c.is_enabled)
        .join(channels, channels.c.id == deliveries.c.channel_id)
        .where(*_is_due(now), ~is_second, ~(deliveries.c.is_shared & carries_second))
        .order_by(deliveries.c.next_attempt_at)
        .limit(_CANDIDATES)
    )
    if full:
        query = query.where(deliveries.c.channel_id.not_in(full))
    return [Candidate(**row) for row in connection.execute(query).mappings()]


def _pick(candidates: Sequence[Candidate], limit: int, room: Room) -> list[Candidate]:
    picked: list[Candidate] = []
    left: dict[int, int] = {}
    for row in candidates:
        if len(picked) == limit:
            break
        if left.setdefault(row.channel_id, room(row.channel_id, row.provider)) > 0:
            left[row.channel_id] -= 1
            picked.append(row)
    return picked


def _lease(connection: Connection, delivery_ids: Sequence[int], now: int, lease_until: int) -> set[int]:
    """Ids of those we got; SKIP LOCKED lets several workers claim side by side."""
    free = select(deliveries.c.id).where(deliveries.c.id.in_(delivery_ids), *_is_due(now))
    locked = list(connection.execute(free.with_for_update(skip_locked=True)).scalars())
    connection.execute(update(deliveries).where(deliveries.c.id.in_(locked)).values(lease_until_at=lease_until))
    return set(locked)


def _begin_attempts(connection: Connection, ids: IdMaker, delivery_ids: Sequence[int], now: int) -> list[Claimed]:
    if not delivery_ids:
        return []
    connection.execute(
        update(deliveries).where(deliveries.c.id.in_(delivery_ids)).values(attempts=deliveries.c.attempts + 1)
    )
    query = (
        select(
            deliveries.c.id,
            deliveries.c.workspace_id,
            deliveries.c.channel_id,
            channels.c.provider,
            channels.c.config,
            deliveries.c.kind,
            func.coalesce(deliveries.c.content, alerts.c.content),
            func.coalesce(deliveries.c.not_before_at, alerts.c.moment_at),
            func.coalesce(deliveries.c.resent_at, deliveries.c.not_before_at, deliveries.c.created_at),
            deliveries.c.attempts,
            deliveries.c.is_shared,
        )
        .join(channels, channels.c.id == deliveries.c.channel_id)
        .join(alerts, alerts.c.id == deliveries.c.alert_id)
        .where(deliveries.c.id.in_(delivery_ids))
        .order_by(deliveries.c.id)
    )
    begun = [Claimed._make((*row, ids.new(now))) for row in connection.execute(query)]
    begun = [
        one._replace(content=shared.content_of(connection, one.id, one.kind)) if one.is_shared else one for one in begun
    ]
    connection.execute(insert(delivery_attempts), [_sending(one, now) for one in begun])
    return begun


def _sending(claimed: Claimed, now: int) -> dict[str, Any]:
    return {
        "id": claimed.attempt_id,
        "workspace_id": claimed.workspace_id,
        "delivery_id": claimed.id,
        "at": now,
        "duration": 0,
        "outcome": _SENDING,
        "arrival": "maybe",
        "detail": _INTERRUPTED,
    }
