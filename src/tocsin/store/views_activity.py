"""Everything that happened to an incident, in one list: read only."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import BigInteger, Connection, Integer, RowMapping, Select, Text, cast, func, literal, null, select
from sqlalchemy import union_all as union

from tocsin.domain.ids import to_uuid
from tocsin.store.paging import Page, page_of
from tocsin.store.schema import (
    alerts,
    channels,
    deliveries,
    incident_actions,
    incident_tenants,
    incidents,
    tenants,
    transitions,
)
from tocsin.wire_time import iso, iso_or_none

Object = dict[str, Any]
#: So many deliveries of one alert are shown with it.
_MOST_DELIVERIES = 50
_COLUMNS = ("at", "rank", "id", "kind", "what", "text", "actor", "until_at", "held_by")


def list_activity(connection: Connection, workspace_id: int, incident_id: int, page: Page) -> Object | None:
    """A page of what happened, oldest first; None where the workspace has no such incident. Of one moment, the state
    changes come first, then who joined, then what was told, then what people did."""
    mine = (incidents.c.workspace_id == workspace_id) & (incidents.c.id == incident_id)
    if connection.execute(select(incidents.c.id).where(mine)).scalar() is None:
        return None
    parts = [part(workspace_id, incident_id) for part in (_transitions, _joined, _alerts, _actions)]
    everything = union(*parts).subquery()
    query = select(everything).order_by(everything.c.at, everything.c.rank, everything.c.id)
    listed = page_of(connection, query, page, dict)
    told = _deliveries(connection, workspace_id, [row["id"] for row in listed["items"] if row["kind"] == "alert"])
    return {**listed, "items": [_entry(row, told) for row in listed["items"]]}


def _row(kind: str, rank: int, table: Any, **columns: Any) -> Select[Any]:
    types: dict[str, Any] = {"id": BigInteger, "at": BigInteger, "until_at": BigInteger, "rank": Integer}
    values = {"kind": literal(kind), "rank": literal(rank), **columns}
    return select(
        *[cast(values.get(name, null()), types.get(name, Text)).label(name) for name in _COLUMNS]
    ).select_from(table)


def _transitions(workspace_id: int, incident_id: int) -> Select[Any]:
    t = transitions.c
    query = _row("transition", 0, transitions, id=t.id, at=t.occurred_at, what=t.to_status, text=t.sentence)
    return query.where(t.workspace_id == workspace_id, t.incident_id == incident_id)


def _joined(workspace_id: int, incident_id: int) -> Select[Any]:
    m = incident_tenants.c
    both = incident_tenants.join(tenants, tenants.c.id == m.tenant_id)
    name = func.coalesce(func.nullif(tenants.c.name, ""), tenants.c.external_id)
    query = _row("tenant", 1, both, id=m.tenant_id, at=m.first_seen_at, what=literal("joined"), text=name)
    return query.where(m.workspace_id == workspace_id, m.incident_id == incident_id)


def _alerts(workspace_id: int, incident_id: int) -> Select[Any]:
    a = alerts.c
    query = _row("alert", 2, alerts, id=a.id, at=a.moment_at, what=a.kind, held_by=a.held_by)
    return query.where(a.workspace_id == workspace_id, a.incident_id == incident_id)


def _actions(workspace_id: int, incident_id: int) -> Select[Any]:
    p = incident_actions.c
    query = _row(
        "person", 3, incident_actions, id=p.id, at=p.at, what=p.action, text=p.text, actor=p.actor, until_at=p.until_at
    )
    return query.where(p.workspace_id == workspace_id, p.incident_id == incident_id)


def _deliveries(connection: Connection, workspace_id: int, alert_ids: Collection[int]) -> dict[int, list[Object]]:
    """Where each alert went: a shared one by the part that is about this incident."""
    if not alert_ids:
        return {}
    query = (
        select(deliveries, channels.c.provider, channels.c.name)
        .join(channels, channels.c.id == deliveries.c.channel_id)
        .where(deliveries.c.workspace_id == workspace_id, deliveries.c.alert_id.in_(alert_ids))
        .where(deliveries.c.incident_id.is_not(None))
        .order_by(deliveries.c.id)
    )
    found: dict[int, list[Object]] = {}
    for row in connection.execute(query.limit(_MOST_DELIVERIES * len(alert_ids))).mappings():
        found.setdefault(row["alert_id"], []).append(_delivery(row))
    return {alert_id: theirs[:_MOST_DELIVERIES] for alert_id, theirs in found.items()}


def _delivery(row: RowMapping) -> Object:
    return {
        "id": to_uuid(row["id"]),
        "provider": row["provider"],
        "channelName": row["name"],
        "kind": row["kind"],
        "state": row["state"],
        "reason": row["reason"],
    }


def _entry(row: Object, told: dict[int, list[Object]]) -> Object:
    return {
        "id": to_uuid(row["id"]),
        "at": iso(row["at"]),
        "kind": row["kind"],
        "what": row["what"],
        "text": row["text"],
        "by": row["actor"],
        "until": iso_or_none(row["until_at"]),
        "heldBy": row["held_by"],
        "deliveries": told.get(row["id"], []) if row["kind"] == "alert" else [],
    }
