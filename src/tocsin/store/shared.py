"""Shared deliveries: what they carry, and how their parts follow them."""

import json
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, func, select, update

from tocsin.store.schema import alerts, deliveries

#: So many incidents are told in full; of the others, how many there are.
LISTED = 50
_TENANTS = 3


def content_of(connection: Connection, delivery_id: int, kind: str) -> str:
    """The content of a shared delivery of this kind, as JSON: `incidents` holds the contents of its first parts, and
    `incidentCount` how many there are. Where it carries one alone, that one's content."""
    is_part = deliveries.c.shared_in == delivery_id
    count = connection.execute(select(func.count()).where(is_part)).scalar_one()
    query = (
        select(func.coalesce(deliveries.c.content, alerts.c.content))
        .join(alerts, alerts.c.id == deliveries.c.alert_id)
        .where(is_part)
        .order_by(deliveries.c.id)
        .limit(LISTED)
    )
    parts = [json.loads(text) for text in connection.execute(query).scalars()]
    if count == 1:
        return json.dumps(parts[0], ensure_ascii=False)
    content = {
        "kind": kind,
        "at": parts[0]["at"],
        "incidents": [{**part, "affectedTenants": part["affectedTenants"][:_TENANTS]} for part in parts],
        "incidentCount": count,
        "url": parts[0]["url"].rpartition("/")[0],
    }
    return json.dumps(content, ensure_ascii=False)


def parts_of(connection: Connection, delivery_ids: Collection[int], limit: int) -> dict[int, tuple[int, list[int]]]:
    """By shared delivery: how many incidents it carries, and the ids of the first `limit`."""
    if not delivery_ids:
        return {}
    place = func.row_number().over(partition_by=deliveries.c.shared_in, order_by=deliveries.c.id).label("place")
    count = func.count().over(partition_by=deliveries.c.shared_in).label("total")
    ranked = select(deliveries.c.shared_in, deliveries.c.incident_id, deliveries.c.id, place, count).where(
        deliveries.c.shared_in.in_(delivery_ids)
    )
    rows = ranked.subquery()
    found: dict[int, tuple[int, list[int]]] = {}
    for row in connection.execute(select(rows).where(rows.c.place <= limit).order_by(rows.c.id)):
        found.setdefault(row.shared_in, (row.total, []))[1].append(row.incident_id)
    return found


def settle_parts(connection: Connection, delivery_ids: Sequence[int], values: dict[str, Any]) -> None:
    """What became of shared deliveries became of all they carry, but for parts that were sent again by hand."""
    connection.execute(
        update(deliveries)
        .where(deliveries.c.shared_in.in_(delivery_ids), deliveries.c.state == "pending")
        .where(deliveries.c.next_attempt_at.is_(None))
        .values(values)
    )


def revive_parts(connection: Connection, delivery_id: int) -> None:
    """A shared delivery is sent again by hand: its parts wait for its outcome."""
    connection.execute(
        update(deliveries)
        .where(deliveries.c.shared_in == delivery_id, deliveries.c.state != "pending")
        .values(state="pending", reason="resent", settled_at=None)
    )
