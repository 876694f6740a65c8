"""What people do about an incident: rows of it as it stands, and of all that was done."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, select, update

from tocsin.store.insertion import insert_unless_taken
from tocsin.store.schema import alerts, incident_actions, incident_care, incidents, members

Row = dict[str, Any]


class Attended(NamedTuple):
    """An incident somebody does something about."""

    id: int
    status: str
    cycle: int
    acknowledged_cycle: int | None
    snoozed_until_at: int | None


def lock(connection: Connection, workspace_id: int, incident_id: int) -> Attended | None:
    """The incident of the workspace, if it has one such; it stays as it is until the transaction ends."""
    query = (
        select(incidents.c.id, incidents.c.status, incidents.c.cycle)
        .add_columns(incident_care.c.acknowledged_cycle, incident_care.c.snoozed_until_at)
        .outerjoin(incident_care, incident_care.c.incident_id == incidents.c.id)
        .where(incidents.c.workspace_id == workspace_id, incidents.c.id == incident_id)
        .with_for_update(of=incidents, key_share=True)
    )
    row = connection.execute(query).first()
    return None if row is None else Attended(*row)


def set_care(connection: Connection, workspace_id: int, incident_id: int, values: Row) -> None:
    row = {"incident_id": incident_id, "workspace_id": workspace_id, **values}
    if not insert_unless_taken(connection, incident_care, row):
        connection.execute(update(incident_care).where(incident_care.c.incident_id == incident_id).values(values))


def add_action(connection: Connection, row: Row) -> None:
    connection.execute(insert(incident_actions).values(row))


def add_alert(connection: Connection, row: Row) -> None:
    """An alert that is due now, because of what a person did."""
    connection.execute(insert(alerts).values(row))


def is_member(connection: Connection, workspace_id: int, user_id: int) -> bool:
    query = select(members.c.user_id).where(members.c.workspace_id == workspace_id, members.c.user_id == user_id)
    return connection.execute(query).scalar() is not None
