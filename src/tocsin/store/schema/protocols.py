"""What only some protocols tell: where a run belongs, and what it says while it goes on."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Table, Text, UniqueConstraint

from tocsin.store.schema.columns import at, hot_workspace, identity, metadata, workspace

#: Where runs of a job happen: a leaf of the topology. What its sender does not say is empty.
places = Table(
    "places",
    metadata,
    identity(),
    workspace(),
    Column("job_id", BigInteger, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("project", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("host", Text, nullable=False),
    at("last_at", required=True),
    Column("last_run_id", BigInteger, nullable=False),
    UniqueConstraint("job_id", "project", "service", "host"),
    Index("ix_places_workspace", "workspace_id", "project", "service"),
    postgresql_with={"fillfactor": 70},  # each check-in from there writes the row anew, in the room that a page keeps
)

#: Beside a run, and only where something was said: most runs pay nothing for it.
run_details = Table(
    "run_details",
    metadata,
    Column("run_id", BigInteger, primary_key=True, autoincrement=False),
    hot_workspace(),
    Column("place_id", BigInteger),
    Column("release", Text, nullable=False),
)

#: Messages of a run while it goes on: the newest stay (`store.details`).
run_notes = Table(
    "run_notes",
    metadata,
    identity(),
    hot_workspace(),
    Column("run_id", BigInteger, nullable=False),
    at("at", required=True),
    Column("message", Text, nullable=False),
    Index("ix_run_notes_run", "run_id", "id"),
    Index("ix_run_notes_workspace", "workspace_id", "id"),
)
