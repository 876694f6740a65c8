"""Channels, deliveries with their attempts, and rejections as they are shown: read only."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, Select, select

from tocsin.domain.ids import to_uuid
from tocsin.store.paging import Page, page_of
from tocsin.store.schema import alerts, channels, deliveries, delivery_attempts, rejections
from tocsin.wire_time import iso, iso_or_none

Object = dict[str, Any]


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
    query = select(rejections).where(rejections.c.workspace_id == workspace_id).order_by(rejections.c.id.desc())
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
        "incidentId": to_uuid(row["incident_id"]) if row["incident_id"] is not None else None,
        "kind": row["kind"],
        "provider": row["provider"],
        "channelName": row["channel_name"],
        "state": row["state"],
        "reason": row["reason"],
        "dueAt": iso(row["moment_at"]),
        "createdAt": iso(row["created_at"]),
        "nextAttemptAt": iso_or_none(row["next_attempt_at"]),
        "settledAt": iso_or_none(row["settled_at"]),
        "attempts": [_attempt(attempt) for attempt in connection.execute(attempts).mappings()],
    }


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
        "reason": row["reason"],
        "detail": row["detail"],
        "number": row["number"],
    }
