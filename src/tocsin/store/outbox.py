"""What became of a delivery: recorded with its attempt, in one transaction."""

from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, func, select, update

from tocsin.store.claims import Claimed
from tocsin.store.schema import channels, deliveries, delivery_attempts
from tocsin.store.shared import revive_parts, settle_parts


class Result(NamedTuple):
    """What came of an attempt. `outcome`: delivered, retry, refused; `arrival`: yes, no, maybe; µs."""

    outcome: Literal["delivered", "retry", "refused"]
    arrival: Literal["yes", "no", "maybe"]
    reason: str
    detail: str
    duration: int
    status_code: int | None = None
    next_attempt_at: int | None = None
    breaks_channel: bool = False
    disables_channel: bool = False


def settle(connection: Connection, claimed: Claimed, result: Result, now: int) -> None:
    """Records the attempt and what it means for the delivery and its channel.

    The outcome of a delivery that was settled meanwhile stands; the attempt is still recorded.
    """
    _end_attempt(connection, claimed.attempt_id, result)
    is_retry = result.outcome == "retry" and result.next_attempt_at is not None
    values: dict[str, Any] = {"reason": result.reason, "lease_until_at": None}
    if is_retry:
        values["next_attempt_at"] = result.next_attempt_at
    else:
        state = "delivered" if result.outcome == "delivered" else "failed"
        reason = "gave_up" if result.outcome == "retry" else result.reason
        values |= {"state": state, "reason": reason, "next_attempt_at": None, "settled_at": now}
    connection.execute(
        update(deliveries).where(deliveries.c.id == claimed.id, deliveries.c.state == "pending").values(values)
    )
    if claimed.is_shared and not is_retry:
        settle_parts(connection, [claimed.id], values)
    _mark_channel(connection, claimed, result)


def resend(
    connection: Connection, workspace_id: int, delivery_id: int, now: int
) -> Literal["queued", "not_found", "pending", "channel_disabled"]:
    """Sends a settled delivery once more, under its old id; `pending`: it is on its way already."""
    row = connection.execute(
        select(deliveries.c.state, channels.c.is_enabled)
        .join(channels, channels.c.id == deliveries.c.channel_id)
        .where(deliveries.c.workspace_id == workspace_id, deliveries.c.id == delivery_id)
        .with_for_update(of=deliveries)
    ).first()
    if row is None:
        return "not_found"
    if row.state == "pending":
        return "pending"
    if not row.is_enabled:
        return "channel_disabled"
    connection.execute(
        update(deliveries)
        .where(deliveries.c.workspace_id == workspace_id, deliveries.c.id == delivery_id)
        .values(state="pending", reason="resent", attempts=0, resent_at=now, next_attempt_at=now, settled_at=None)
    )
    revive_parts(connection, delivery_id)
    return "queued"


def oldest_undelivered(connection: Connection) -> int | None:
    """When the alert that has waited longest for its channel was queued."""
    query = select(func.min(deliveries.c.created_at)).where(deliveries.c.state == "pending")
    return connection.execute(query).scalar()


def _end_attempt(connection: Connection, attempt_id: int, result: Result) -> None:
    connection.execute(
        update(delivery_attempts)
        .where(delivery_attempts.c.id == attempt_id)
        .values(
            outcome=result.outcome,
            arrival=result.arrival,
            status_code=result.status_code,
            detail=result.detail,
            duration=result.duration,
        )
    )


def _mark_channel(connection: Connection, claimed: Claimed, result: Result) -> None:
    """Remembers on the channel that it is broken, or that it is well again."""
    mine = update(channels).where(channels.c.workspace_id == claimed.workspace_id, channels.c.id == claimed.channel_id)
    if result.breaks_channel:
        connection.execute(mine.values(broken_reason=result.detail))
    elif result.outcome == "delivered":
        connection.execute(mine.where(channels.c.broken_reason.is_not(None)).values(broken_reason=None))
    if result.disables_channel:
        connection.execute(mine.values(is_enabled=False))
