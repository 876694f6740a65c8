"""Events as they are shown: read only."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, Select, String, Text, and_, case, cast, func, or_, select
from sqlalchemy.dialects.postgresql import JSONB

from tocsin.domain.ids import from_uuid, to_uuid
from tocsin.store.paging import Page
from tocsin.store.schema import events, incidents, tenants
from tocsin.wire_time import iso

Object = dict[str, Any]


class EventFilters(NamedTuple):
    """None: any. `tenant`: our UUID or the externalId. `since`, `until`: moments of receipt, the second excluded.
    `payload`: values by the payload's top-level keys, as text."""

    incident_id: int | None = None
    integration_key: str | None = None
    tenant: str | None = None
    pattern_id: str | None = None
    since: int | None = None
    until: int | None = None
    payload: Mapping[str, str] = {}


def list_events(
    connection: Connection, workspace_id: int, filters: EventFilters, page: Page, before: int | None
) -> Object:
    """Events, newest first: those older than the event `before`, or else a page.

    `nextCursor` leads on, and stays true while new events come in; `total` is given with pages alone.
    """
    query = _filtered(connection, workspace_id, filters)
    total = None
    listed = query.order_by(events.c.id.desc()).limit(page.size + 1)
    if before is not None:
        listed = listed.where(events.c.id < before)
    else:
        total = _total(connection, workspace_id, filters, query)
        listed = listed.offset((page.number - 1) * page.size)
    rows = connection.execute(listed).mappings().all()
    shown = rows[: page.size]
    return {
        "items": [_event(row) for row in shown],
        "page": page.number if before is None else None,
        "pageSize": page.size,
        "total": total,
        "nextCursor": to_uuid(shown[-1]["id"]) if len(rows) > page.size else None,
    }


def _total(connection: Connection, workspace_id: int, filters: EventFilters, query: Select[Any]) -> int:
    """How many there are: kept with the incident where it is all of one, otherwise counted."""
    if filters.incident_id is not None and filters == EventFilters(incident_id=filters.incident_id):
        kept = select(incidents.c.event_count).where(
            incidents.c.workspace_id == workspace_id, incidents.c.id == filters.incident_id
        )
        return connection.execute(kept).scalar() or 0
    counted = query.with_only_columns(events.c.id).subquery()
    return connection.execute(select(func.count()).select_from(counted)).scalar_one()


def _filtered(connection: Connection, workspace_id: int, filters: EventFilters) -> Select[Any]:
    query = (
        select(
            *[column for column in events.c if column.name != "payload"],
            cast(events.c.payload, Text).label("payload"),
            tenants.c.external_id,
            tenants.c.name.label("tenant_name"),
        )
        .join(tenants, tenants.c.id == events.c.tenant_id, isouter=True)
        .where(events.c.workspace_id == workspace_id)
    )
    wanted = {
        "incident_id": filters.incident_id,
        "integration_key": filters.integration_key,
        "pattern_id": filters.pattern_id,
    }
    for column, value in wanted.items():
        if value is not None:
            query = query.where(events.c[column] == value)
    if filters.tenant is not None:
        query = query.where(events.c.tenant_id.in_(_tenant_ids(connection, workspace_id, filters.tenant)))
    if filters.since is not None:
        query = query.where(events.c.received_at >= filters.since)
    if filters.until is not None:
        query = query.where(events.c.received_at < filters.until)
    for key, value in filters.payload.items():
        query = query.where(_holds(connection, key, value))
    return query


def _tenant_ids(connection: Connection, workspace_id: int, reference: str) -> list[int]:
    """Looked up first: the planner then knows that it is one tenant, and takes that index."""
    number = from_uuid(reference)
    is_meant = tenants.c.external_id == reference
    known = is_meant if number is None else or_(is_meant, tenants.c.id == number)
    return list(connection.execute(select(tenants.c.id).where(tenants.c.workspace_id == workspace_id, known)).scalars())


def _holds(connection: Connection, key: str, value: str) -> Any:
    """Whether the payload's top-level `key` is this text, number or truth value."""
    if connection.dialect.name == "postgresql":
        payload = cast(events.c.payload, JSONB)
        kind = func.jsonb_typeof(payload.op("->")(key))
        return and_(kind.in_(["string", "number", "boolean"]), payload.op("->>")(key) == value)
    entry = func.json_each(events.c.payload).table_valued("key", "type", "atom")
    text = case((entry.c.type.in_(["true", "false"]), entry.c.type), else_=cast(entry.c.atom, String))
    return select(1).select_from(entry).where(entry.c.key == key, text == value).exists()


def _event(row: RowMapping) -> Object:
    payload = row["payload"]
    return {
        "id": to_uuid(row["id"]),
        "integrationKey": row["integration_key"],
        "eventType": row["event_type"],
        "errorCode": row["error_code"],
        "tenantId": row["external_id"],
        "tenantName": row["tenant_name"] or row["external_id"],
        "patternId": row["pattern_id"],
        "confidence": row["confidence"],
        "incidentId": None if row["incident_id"] is None else to_uuid(row["incident_id"]),
        "occurredAt": iso(row["occurred_at"]),
        "receivedAt": iso(row["received_at"]),
        "rawPayload": None if payload is None else json.loads(payload, parse_int=_number),
    }


def _number(digits: str) -> int | float:
    """PostgreSQL writes 1e300 out: a number of more than 64 bits came as a fraction, and is one again."""
    return int(digits) if len(digits) <= 20 else float(digits)
