"""What became of the latest alert of each channel, and what deliveries were about: read only."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, func, select

from tocsin.domain.ids import from_uuid, to_uuid
from tocsin.store.schema import channels, deliveries, delivery_attempts, incidents

Object = dict[str, Any]


def last_results(connection: Connection, workspace_id: int) -> dict[int, Object]:
    """By channel's id, where one was ever sent anything: `{delivery_id, state, at, answer, next_attempt_at, waiting}`
    of its latest delivery that was attempted; `answer` is what the receiver said last, `waiting` how many deliveries to
    the channel are still to be made."""
    newest = (
        select(deliveries.c.id)
        .where(deliveries.c.channel_id == channels.c.id, deliveries.c.attempts > 0)
        .order_by(deliveries.c.id.desc())
        .limit(1)
        .correlate(channels)
        .scalar_subquery()
    )
    latest = select(newest).where(channels.c.workspace_id == workspace_id)
    ids = [number for number in connection.execute(latest).scalars() if number is not None]
    if not ids:
        return {}
    waiting = _waiting(connection, workspace_id)
    answers = _last_answers(connection, ids)
    query = select(deliveries).where(deliveries.c.workspace_id == workspace_id, deliveries.c.id.in_(ids))
    return {
        row["channel_id"]: {
            "delivery_id": to_uuid(row["id"]),
            "state": row["state"],
            "next_attempt_at": row["next_attempt_at"],
            "waiting": waiting.get(row["channel_id"], 0),
            **answers.get(row["id"], {"at": row["created_at"], "answer": ""}),
        }
        for row in connection.execute(query).mappings()
    }


def names_of_incidents(connection: Connection, workspace_id: int, incident_ids: Collection[str]) -> dict[str, str]:
    """By incident's id (UUID): the name of the job or integration that it is about."""
    numbers = [number for one in incident_ids if (number := from_uuid(one)) is not None]
    if not numbers:
        return {}
    name = func.coalesce(func.nullif(incidents.c.job_name, ""), incidents.c.job_key, incidents.c.integration_key, "")
    query = select(incidents.c.id, name.label("name")).where(
        incidents.c.workspace_id == workspace_id, incidents.c.id.in_(numbers)
    )
    return {to_uuid(row.id): row.name for row in connection.execute(query)}


def _waiting(connection: Connection, workspace_id: int) -> dict[int, int]:
    still = (deliveries.c.state == "pending") & (deliveries.c.workspace_id == workspace_id)
    query = select(deliveries.c.channel_id, func.count()).where(still).group_by(deliveries.c.channel_id)
    return {row[0]: row[1] for row in connection.execute(query)}


def _last_answers(connection: Connection, delivery_ids: Collection[int]) -> dict[int, Object]:
    newest = (
        select(func.max(delivery_attempts.c.id))
        .where(delivery_attempts.c.delivery_id.in_(delivery_ids))
        .group_by(delivery_attempts.c.delivery_id)
    )
    query = select(delivery_attempts).where(delivery_attempts.c.id.in_(newest))
    return {row.delivery_id: {"at": row.at, "answer": row.detail} for row in connection.execute(query)}
