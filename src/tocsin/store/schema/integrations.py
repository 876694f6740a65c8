"""Integrations: the events they report, and the patterns that classify them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB

from tocsin.store.schema.columns import at, hot_workspace, identity, metadata, workspace

#: What a workspace set about patterns. Of a built-in one only whether it is on, and its threshold: the rest is NULL.
#: `threshold_count` NULL: as built in, or none; 1: none.
patterns = Table(
    "patterns",
    metadata,
    Column("workspace_id", BigInteger, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("pattern_id", Text, primary_key=True),
    Column("name", Text),
    Column("priority", Integer),
    Column("event_types", Text, nullable=False, server_default="[]"),  # a JSON array of strings
    Column("error_codes", Text, nullable=False, server_default="[]"),
    Column("is_enabled", Boolean, nullable=False, server_default=true()),
    Column("threshold_count", Integer),
    Column("threshold_window", BigInteger),
    at("created_at", required=True),
)

#: One integration under one pattern: what an incident is about, and the row that is locked while it is decided about.
#: See `domain.event.IntegrationPattern`.
integration_patterns = Table(
    "integration_patterns",
    metadata,
    identity(),
    workspace(),
    Column("integration_key", Text, nullable=False),
    Column("pattern_id", Text, nullable=False),
    Column("counted", Text),
    UniqueConstraint("workspace_id", "integration_key", "pattern_id"),
)

#: See `domain.event.StoredEvent`. Without foreign keys, as runs: an event is written once and read seldom.
events = Table(
    "events",
    metadata,
    identity(),
    hot_workspace(),
    Column("tenant_id", BigInteger, nullable=False),
    Column("integration_key", Text, nullable=False),
    Column("event_type", Text, nullable=False),
    Column("error_code", Text),
    Column("pattern_id", Text),
    Column("confidence", Text),
    Column("incident_id", BigInteger),
    at("occurred_at", required=True),
    at("received_at", required=True),
    Column("payload", Text().with_variant(JSONB(), "postgresql")),
    Index("ix_events_workspace", "workspace_id", "id"),
    Index("ix_events_tenant", "tenant_id", "id"),
    Index(
        "ix_events_incident",
        "incident_id",
        "id",
        sqlite_where=text("incident_id IS NOT NULL"),
        postgresql_where=text("incident_id IS NOT NULL"),
    ),
)
