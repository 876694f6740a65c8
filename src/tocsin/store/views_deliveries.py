"""Channels, deliveries with their attempts, and rejections as they are shown: read only."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, select

from tocsin.domain.ids import to_uuid
from tocsin.store.paging import Page, page_of, page_of_rows
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
    channel_name: str | None = None


class RejectionFilters(NamedTuple):
    reason: str | None = None
    protocol: str | None = None
    job_key: str | None = None
    environment: str | None = None


_ANY = RejectionFilters()


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
    """A page of deliveries, newest first, each with all its attempts.

    They are counted and skipped by themselves; only what is on the page is joined with its alert and channel."""
    mine = select(deliveries.c.id).where(deliveries.c.workspace_id == workspace_id, *_wanted(workspace_id, filters))

    def whole(rows: Sequence[RowMapping]) -> list[Object]:
        shown = _deliveries(workspace_id).where(deliveries.c.id.in_([row["id"] for row in rows]))
        return _whole(connection, connection.execute(shown.order_by(deliveries.c.id.desc())).mappings().all())

    return page_of_rows(connection, mine.order_by(deliveries.c.id.desc()), page, whole)


def _wanted(workspace_id: int, filters: DeliveryFilters) -> list[ColumnElement[bool]]:
    named = {"provider": filters.provider, "name": filters.channel_name}
    of_channel = [channels.c[name] == text for name, text in named.items() if text is not None]
    own = {"state": filters.state, "incident_id": filters.incident_id}
    wanted = [deliveries.c[name] == value for name, value in own.items() if value is not None]
    if of_channel:
        found = select(channels.c.id).where(channels.c.workspace_id == workspace_id, *of_channel)
        wanted.append(deliveries.c.channel_id.in_(found))
    return wanted


def delivery_object(connection: Connection, workspace_id: int, delivery_id: int) -> Object | None:
    row = connection.execute(_deliveries(workspace_id).where(deliveries.c.id == delivery_id)).mappings().first()
    return _whole(connection, [row])[0] if row is not None else None


def list_rejections(connection: Connection, workspace_id: int, page: Page, filters: RejectionFilters = _ANY) -> Object:
    """A page of refused check-ins, newest first."""
    newest_first = (rejections.c.at.desc(), rejections.c.id.desc())
    query = select(rejections).where(rejections.c.workspace_id == workspace_id).order_by(*newest_first)
    wanted = {"reason": filters.reason, "source": filters.protocol}
    wanted |= {"job_key": filters.job_key, "environment": filters.environment}
    for column, value in wanted.items():
        if value is not None:
            query = query.where(rejections.c[column] == value)
    return page_of(connection, query, page, _rejection)


def rejection_kinds(connection: Connection, workspace_id: int) -> dict[str, list[str]]:
    """Which `reasons` and `protocols` there are among the rejections, to choose from."""
    mine = rejections.c.workspace_id == workspace_id
    found = connection.execute(select(rejections.c.reason, rejections.c.source).where(mine).distinct()).all()
    return {
        "reasons": sorted({row.reason for row in found}),
        "protocols": sorted({row.source for row in found if row.source}),
    }


def _deliveries(workspace_id: int) -> Select[Any]:
    return (
        select(deliveries, alerts.c.moment_at, channels.c.provider, channels.c.name.label("channel_name"))
        .join(alerts, alerts.c.id == deliveries.c.alert_id)
        .join(channels, channels.c.id == deliveries.c.channel_id)
        .where(deliveries.c.workspace_id == workspace_id)
    )


def _whole(connection: Connection, rows: Sequence[RowMapping]) -> list[Object]:
    """Deliveries with their attempts and what they share; as many queries for one as for a page of them."""
    attempts = _attempts(connection, [row["id"] for row in rows])
    parts = parts_of(connection, [row["id"] for row in rows if row["is_shared"]], FIRST_INCIDENTS)
    return [_delivery(row, attempts.get(row["id"], []), parts.get(row["id"], (0, []))) for row in rows]


def _attempts(connection: Connection, delivery_ids: Sequence[int]) -> dict[int, list[Object]]:
    query = select(delivery_attempts).where(delivery_attempts.c.delivery_id.in_(delivery_ids))
    found: dict[int, list[Object]] = {}
    for row in connection.execute(query.order_by(delivery_attempts.c.id)).mappings():
        found.setdefault(row["delivery_id"], []).append(_attempt(row))
    return found


def _delivery(row: RowMapping, attempts: list[Object], parts: tuple[int, list[int]]) -> Object:
    return {
        "id": to_uuid(row["id"]),
        "alertId": to_uuid(row["alert_id"]),
        "incidentId": _uuid_or_none(row["incident_id"]),
        **_sharing(row, parts),
        "kind": row["kind"],
        "provider": row["provider"],
        "channelName": row["channel_name"],
        "state": row["state"],
        "reason": row["reason"],
        "dueAt": iso(row["moment_at"] if row["not_before_at"] is None else row["not_before_at"]),
        "createdAt": iso(row["created_at"]),
        "nextAttemptAt": iso_or_none(row["next_attempt_at"]),
        "settledAt": iso_or_none(row["settled_at"]),
        "attempts": attempts,
    }


def _sharing(row: RowMapping, parts: tuple[int, list[int]]) -> Object:
    """What a delivery carries: its incident, or the first of those that share it."""
    count, incident_ids = (0, []) if row["incident_id"] is None else (1, [row["incident_id"]])
    if row["is_shared"]:
        count, incident_ids = parts
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
