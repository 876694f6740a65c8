"""What a claim finds that must not be sent, now or ever: looked at once, just before the first attempt."""

import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, or_, select, update

from tocsin.domain.model import SECOND, AlertKind, IncidentStatus
from tocsin.domain.quiet import HELD_KINDS
from tocsin.domain.reason import Reason
from tocsin.domain.routing import OPENINGS
from tocsin.domain.superseding import Passage, superseded
from tocsin.store import holds
from tocsin.store.alerts import Unworded
from tocsin.store.quieting import NOTHING, look
from tocsin.store.schema import alerts, channels, deliveries, delivery_attempts, incidents
from tocsin.store.shared import settle_parts

#: How often a delayed opening is looked at while its incident recovers: it may end, or open again.
RECHECK = 5 * SECOND


class Candidate(NamedTuple):
    """A due delivery with what a claim looks at."""

    id: int
    incident_id: int | None
    channel_id: int
    kind: str
    provider: str
    is_enabled: bool
    attempts: int
    not_before_at: int | None
    resent_at: int | None
    is_shared: bool


class _Suspect(NamedTuple):
    """A delivery that may have become untrue: one of its own, or a part of one that is shared."""

    id: int
    incident_id: int
    channel_id: int
    kind: str
    is_delayed: bool
    attempts: int
    status: str | None


def weed(connection: Connection, rows: Sequence[Candidate], now: int, state_keepers: Collection[str]) -> set[int]:
    """Settles or puts off what is not to be sent; the ids of those of `rows`."""
    off = {row.id for row in rows if not row.is_enabled}
    drop(connection, off, Reason.CHANNEL_DISABLED, now)
    left = [row for row in rows if row.id not in off]
    held = _hold(connection, left, now)
    left = [row for row in left if row.id not in held]
    keepers = {row.id for row in left if row.provider in state_keepers}
    fates: dict[int, Reason] = {}
    put_off: set[int] = set()
    for suspect in _suspects(connection, left, keepers):
        if suspect.kind == AlertKind.REMINDER and suspect.status != IncidentStatus.OPEN:
            fates[suspect.id] = Reason.NOT_OPEN_ANY_MORE
        elif not (suspect.is_delayed or suspect.id in keepers):
            continue
        elif gone := superseded(_passages(connection, suspect.incident_id, suspect.channel_id)):
            reason = Reason.RESOLVED_WITHIN_DELAY if suspect.is_delayed else Reason.SUPERSEDED
            fates |= dict.fromkeys(gone, reason)
        elif suspect.is_delayed and not suspect.attempts and suspect.status == IncidentStatus.RECOVERING:
            put_off.add(suspect.id)
    for reason in set(fates.values()):
        drop(connection, {one for one, why in fates.items() if why == reason}, reason, now)
    _put_off(connection, put_off - fates.keys(), now + RECHECK)
    emptied = _emptied(connection, [row for row in left if row.is_shared])
    drop(connection, emptied, Reason.NOTHING_LEFT, now)
    return off | held | emptied | fates.keys() | put_off


def _hold(connection: Connection, rows: Sequence[Candidate], now: int) -> set[int]:
    """Drops what became due before it was quiet, and would be sent for the first time while it is: it is told when the
    quiet ends, like what was held from the beginning. The ids of those of `rows`."""
    fresh = [row for row in rows if row.attempts == 0 and row.resent_at is None]
    alone = [row.id for row in fresh if not row.is_shared and row.kind in HELD_KINDS]
    shared = [row.id for row in fresh if row.is_shared and row.kind in HELD_KINDS]
    if not alone and not shared:
        return set()
    query = (
        select(deliveries.c.id, deliveries.c.kind, deliveries.c.channel_id, channels.c.routes)
        .add_columns(*[alerts.c[name] for name in Unworded._fields])
        .join(alerts, alerts.c.id == deliveries.c.alert_id)
        .join(channels, channels.c.id == deliveries.c.channel_id)
        .where(or_(deliveries.c.id.in_(alone), deliveries.c.shared_in.in_(shared)))
        .where(deliveries.c.state == "pending", deliveries.c.incident_id.is_not(None))
        .order_by(deliveries.c.id)
    )
    suspects = [(*row[:4], Unworded(*row[4:])) for row in connection.execute(query)]
    hush = look(connection, now, {alert.incident_id for *_, alert in suspects})
    if hush is NOTHING:
        return set()
    fates: dict[int, Reason] = {}
    for delivery_id, kind, channel_id, routes, alert in suspects:
        only = json.loads(routes).get("tenants", ())
        why = hush.hold_on(connection, alert, only) if delivery_id not in fates else None
        if why is None:
            continue
        over = superseded(_passages(connection, alert.incident_id, channel_id))
        fates |= dict.fromkeys(over, Reason.SUPERSEDED) if over else {delivery_id: Reason.HELD}
        if not over and kind != AlertKind.REMINDER:
            holds.hold(connection, alert, why, now, is_opening=kind in OPENINGS)
    for reason in set(fates.values()):
        drop(connection, {one for one, why in fates.items() if why == reason}, reason, now)
    return {row.id for row in rows} & fates.keys()


def drop(connection: Connection, delivery_ids: Collection[int], reason: str, now: int) -> None:
    """Settles deliveries as not to be sent. Parts of a shared one leave it; those of one that is dropped go with it."""
    if not delivery_ids:
        return
    values: dict[str, Any] = {"state": "dropped", "reason": reason, "settled_at": now}
    connection.execute(
        update(deliveries)
        .where(deliveries.c.id.in_(delivery_ids), deliveries.c.state == "pending")
        .values(next_attempt_at=None, lease_until_at=None, shared_in=None, **values)
    )
    settle_parts(connection, list(delivery_ids), values)


def _suspects(connection: Connection, rows: Sequence[Candidate], keepers: Collection[int]) -> Iterable[_Suspect]:
    alone = [
        row.id
        for row in rows
        if row.id in keepers or row.kind == AlertKind.REMINDER or (row.not_before_at and not row.resent_at)
    ]
    # What was sent once stays as it was sent.
    shared = [row.id for row in rows if row.is_shared and row.attempts == 0 and not row.resent_at]
    if not alone and not shared:
        return []
    chosen = or_(deliveries.c.id.in_(alone), deliveries.c.shared_in.in_(shared))
    return [_Suspect(*row) for row in connection.execute(_looking(chosen))]


def _looking(chosen: Any) -> Select[Any]:
    return (
        select(
            deliveries.c.id,
            deliveries.c.incident_id,
            deliveries.c.channel_id,
            deliveries.c.kind,
            deliveries.c.not_before_at.is_not(None) & deliveries.c.resent_at.is_(None),
            deliveries.c.attempts,
            incidents.c.status,
        )
        .outerjoin(incidents, incidents.c.id == deliveries.c.incident_id)
        .where(chosen, deliveries.c.state == "pending", deliveries.c.incident_id.is_not(None))
        .order_by(deliveries.c.id)
    )


def _passages(connection: Connection, incident_id: int, channel_id: int) -> list[Passage]:
    attempted = delivery_attempts.c.delivery_id.in_([deliveries.c.id, deliveries.c.shared_in])
    arrived = select(delivery_attempts.c.id).where(attempted, delivery_attempts.c.arrival != "no").exists()
    query = (
        select(deliveries.c.id, deliveries.c.kind, deliveries.c.state == "pending", arrived)
        .where(deliveries.c.incident_id == incident_id, deliveries.c.channel_id == channel_id)
        .order_by(deliveries.c.id)
    )
    return [Passage(*row) for row in connection.execute(query)]


def _put_off(connection: Connection, delivery_ids: Collection[int], again_at: int) -> None:
    """Parts of a shared delivery leave it, and go by themselves."""
    if delivery_ids:
        connection.execute(
            update(deliveries)
            .where(deliveries.c.id.in_(delivery_ids))
            .values(next_attempt_at=again_at, lease_until_at=None, shared_in=None, reason=Reason.INCIDENT_RECOVERING)
        )


def _emptied(connection: Connection, rows: Sequence[Candidate]) -> set[int]:
    """Shared deliveries that carry nothing any more."""
    if not rows:
        return set()
    mine = [row.id for row in rows]
    full = select(deliveries.c.shared_in).where(deliveries.c.shared_in.in_(mine)).distinct()
    return set(mine) - set(connection.execute(full).scalars())
