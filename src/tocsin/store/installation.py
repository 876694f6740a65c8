"""What the installation as a whole knows of itself: its facts, and how it fares."""

from typing import NamedTuple

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from tocsin.domain.model import IncidentStatus
from tocsin.store.engine import Store
from tocsin.store.schema import deliveries, facts, incidents


class Vitals(NamedTuple):
    """How the installation fares, all workspaces together. `oldest_undelivered_at`: None where all were delivered."""

    open_incidents: int
    undelivered: int
    oldest_undelivered_at: int | None


def read_fact(connection: Connection, name: str) -> str | None:
    return connection.execute(select(facts.c.value).where(facts.c.name == name)).scalar()


def read_vitals(connection: Connection) -> Vitals:
    is_open = incidents.c.status == IncidentStatus.OPEN
    opened = select(func.count()).select_from(incidents).where(is_open, incidents.c.status != IncidentStatus.CLOSED)
    # What a channel's delay holds back is not late.
    due_at = func.coalesce(deliveries.c.not_before_at, deliveries.c.created_at)
    pending = select(func.count(), func.min(due_at)).where(
        deliveries.c.state == "pending", deliveries.c.shared_in.is_(None)
    )
    undelivered, oldest_at = connection.execute(pending).one()
    return Vitals(connection.execute(opened).scalar_one(), undelivered, oldest_at)


def why_not_writable(store: Store, now: int) -> str | None:
    """Commits something small, and tells in a sentence why that failed; None where it did not."""
    try:
        with store.write() as connection:
            making = sqlite.insert(facts) if store.is_sqlite else postgresql.insert(facts)
            proof = making.values(name="last_proof_of_commit", value=str(now))
            connection.execute(proof.on_conflict_do_update(index_elements=[facts.c.name], set_={"value": str(now)}))
    except SQLAlchemyError as error:
        return f"The database does not commit: {type(error).__name__}."
    return None
