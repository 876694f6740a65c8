"""Channels, deliveries with their attempts, and rejections as they are shown: read only."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, Select, select

from tocsin.domain.ids import to_uuid
from tocsin.store.paging import Page, page_of
from tocsin.store.schema import alerts, channels, deliveries, delivery_attempts, rejections
from tocsin.store.shared import parts_of
from tocsin.wire_time import iso, iso_or_none

Object = dict[str, Any]
#: So many incidents of a shared delivery are named beside their number.
FIRST_INCIDENTS = 100


class DeliveryFilters(NamedTuple):
    """`incident_id`: a number; None: any."""

    state: str | None = None
    incident_id: int | None = None
    provider: str | None = None


def list_channels(connection: Connection, workspace_id: int) -> list[Object]:
    """The rows themselves, configs sealed: masking them is the provider's business."""
    query = select(channels).where(channels.c.workspace_id == workspace_id).order_by(channels.c.id)
    return [dict(row) for row in connection.execute(query).mappings()]


def find_channel(connection: Connection, workspace_id: int, provider: str, name: str) -> Object | None:
    query = select(channels).where(
        channels.c.workspace_id == workspace_id, channels.c.provider == provider, channels.c.name == name
    )
    row = connection.execute(query).mappings().first()
    return dict(row) if row is not None else None


def list_deliveries(connection: Connection, workspace_id: int, filters: DeliveryFilters, page: Page) -> Object:
    """A page of deliveries, newest first, each with all its attempts."""
    query = _deliveries(workspace_id).order_by(deliveries.c.id.desc())
    if filters.state is not None:
        query = query.where(deliveries.c.state == filters.state)
    if filters.incident_id is not None:
        query = query.where(deliveries.c.incident_id == filters.incident_id)
    if filters.provider is not None:
        query = query.where(channels.c.provider == filters.provider)
    return page_of(connection, query, page, lambda row: _delivery(connection, row))


def delivery_object(connection: Connection, workspace_id: int, delivery_id: int) -> Object | None:
    row = connection.execute(_deliveries(workspace_id).where(deliveries.c.id == delivery_id)).mappings().first()
    return _delivery(connection, row) if row is not None else None


def list_rejections(connection: Connection, workspace_id: int, page: Page) -> Object:
    """A page of refused check-ins, newest first."""
    newest_first = (rejections.c.at.desc(), rejections.c.id.desc())
    query = select(rejections).where(rejections.c.workspace_id == workspace_id).order_by(*newest_first)
    return page_of(connection, query, page, _rejection)


def _deliveries(workspace_id: int) -> Select[Any]:
    return (
        select(deliveries, alerts.c.moment_at, channels.c.provider, channels.c.name.label("channel_name"))
        .join(alerts, alerts.c.id == deliveries.c.alert_id)
        .join(channels, channels.c.id == deliveries.c.channel_id)
        .where(deliveries.c.workspace_id == workspace_id)
    )


def _delivery(connection: Connection, row: RowMapping) -> Object:
    attempts = (
        select(delivery_attempts).where(delivery_attempts.c.delivery_id == row["id"]).order_by(delivery_attempts.c.id)
    )
    return {
        "id": to_uuid(row["id"]),
        "alertId": to_uuid(row["alert_id"]),
        "incidentId": _uuid_or_none(row["incident_id"]),
        **_sharing(connection, row),
        "kind": row["kind"],
        "provider": row["provider"],
        "channelName": row["channel_name"],
        "state": row["state"],
        "reason": row["reason"],
        "dueAt": iso(row["moment_at"] if row["not_before_at"] is None else row["not_before_at"]),
        "createdAt": iso(row["created_at"]),
        "nextAttemptAt": iso_or_none(row["next_attempt_at"]),
        "settledAt": iso_or_none(row["settled_at"]),
        "attempts": [_attempt(attempt) for attempt in connection.execute(attempts).mappings()],
    }


def _sharing(connection: Connection, row: RowMapping) -> Object:
    """What a delivery carries: its incident, or the first of those that share it."""
    count, incident_ids = (0, []) if row["incident_id"] is None else (1, [row["incident_id"]])
    if row["is_shared"]:
        count, incident_ids = parts_of(connection, [row["id"]], FIRST_INCIDENTS).get(row["id"], (0, []))
    return {
        "incidentCount": count,
        "incidentIds": [to_uuid(incident_id) for incident_id in incident_ids],
        "sharedIn": _uuid_or_none(row["shared_in"]),
    }


def _uuid_or_none(number: int | None) -> str | None:
    return None if number is None else to_uuid(number)


def _attempt(row: RowMapping) -> Object:
    return {
        "at": iso(row["at"]),
        "durationMs": row["duration"] // 1000,
        "outcome": row["outcome"],
        "arrival": row["arrival"],
        "statusCode": row["status_code"],
        "detail": row["detail"],
    }


def _rejection(row: RowMapping) -> Object:
    return {
        "id": to_uuid(row["id"]),
        "at": iso(row["at"]),
        "firstAt": iso(row["first_at"] or row["at"]),
        "count": row["times"],
        "reason": row["reason"],
        "detail": row["detail"],
        "protocol": row["source"],
        "jobKey": row["job_key"] or None,
        "environment": row["environment"] or None,
    }
