"""Incidents, and the alerts about them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
    true,
)

from tocsin.store.schema.columns import at, count, identity, metadata, workspace

# --- incidents --------------------------------------------------------------------------------------------------------

#: See `domain.model.Incident`. At most one per subject is not closed, whatever any number of nodes do.
incidents = Table(
    "incidents",
    metadata,
    identity(),
    workspace(),
    Column("kind", Text, nullable=False),
    Column("job_environment_id", BigInteger, ForeignKey("job_environments.id", ondelete="SET NULL")),
    Column("job_key", Text),
    Column("job_name", Text),
    Column("environment", Text),
    Column("integration_key", Text),
    Column("pattern_id", Text),
    Column("pattern_name", Text),
    Column("confidence", Text),
    Column("status", Text, nullable=False),
    at("opened_at", required=True),
    at("recovering_at"),
    at("closed_at"),
    at("reopened_at"),
    count("reopen_count"),
    count("cycle", 1),
    count("event_count"),
    count("missed_runs"),
    count("tenant_count"),
    count("cycle_tenants"),
    at("calm_since_at"),
    Column("was_alerted", Boolean, nullable=False, server_default=false()),
    Column("is_announced", Boolean, nullable=False, server_default=false()),
    count("alerted_tenants"),
    at("last_alert_at"),
    count("expansions"),
    at("check_at"),
    Index("ix_incidents_workspace", "workspace_id", "opened_at"),
    Index("ix_incidents_job_environment", "job_environment_id", "opened_at"),
    Index(
        "ix_incidents_check",
        "check_at",
        sqlite_where=text("check_at IS NOT NULL"),
        postgresql_where=text("check_at IS NOT NULL"),
    ),
    Index(
        "uq_incidents_live_job",
        "job_environment_id",
        unique=True,
        sqlite_where=text("status <> 'Closed'"),
        postgresql_where=text("status <> 'Closed'"),
    ),
    Index(
        "ix_incidents_integration",
        "workspace_id",
        "integration_key",
        "pattern_id",
        "opened_at",
        sqlite_where=text("integration_key IS NOT NULL"),
        postgresql_where=text("integration_key IS NOT NULL"),
    ),
    Index(
        "uq_incidents_live_integration",
        "workspace_id",
        "integration_key",
        "pattern_id",
        unique=True,
        sqlite_where=text("integration_key IS NOT NULL AND status <> 'Closed'"),
        postgresql_where=text("integration_key IS NOT NULL AND status <> 'Closed'"),
    ),
)

#: Everyone who was ever in an incident; `cycle` is the latest in which they were. Rows are appended, and the key is
#: narrow: of 100,000 who join, each dirties half a page on SQLite, where rows kept in the key dirtied one.
incident_tenants = Table(
    "incident_tenants",
    metadata,
    Column("tenant_id", BigInteger, primary_key=True),
    Column("incident_id", BigInteger, primary_key=True),
    Column("workspace_id", BigInteger, nullable=False),
    Column("cycle", Integer, nullable=False),
    count("event_count"),
    count("missed_runs"),
    at("first_seen_at", required=True),
    at("last_seen_at", required=True),
    at("cycle_seen_at", required=True),  # when this cycle first had them
    Index("ix_incident_tenants_seen", "incident_id", "last_seen_at"),
)

#: The timeline: one row a state change, with the named reason and the sentence made of it.
transitions = Table(
    "transitions",
    metadata,
    identity(),
    workspace(),
    Column("incident_id", BigInteger, ForeignKey("incidents.id", ondelete="CASCADE"), nullable=False),
    Column("from_status", Text),
    Column("to_status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("sentence", Text, nullable=False),
    at("occurred_at", required=True),
    Index("ix_transitions_incident", "incident_id", "id"),
)


# --- alerts -----------------------------------------------------------------------------------------------------------

#: The outbox. Written by the transaction that decided; `content` is filled, and the deliveries made, when every
#: deadline up to `moment_at` has been judged, so that those who fall silent together are told of together.
alerts = Table(
    "alerts",
    metadata,
    identity(),
    workspace(),
    Column("incident_id", BigInteger, ForeignKey("incidents.id", ondelete="CASCADE")),  # NULL for a test
    Column(
        "kind", Text, nullable=False
    ),  # opened, reopened, resolved, blastRadiusExpanded, reminder, acknowledged, test
    Column("cycle", Integer, nullable=False),
    at("moment_at", required=True),
    at("created_at", required=True),
    at("worded_at"),
    Column("content", Text),  # JSON: what every channel's message is made of
    Column("held_by", Text),  # the named reason why nobody was told
    Column("catch_up", Text),  # what it makes up for: quiet, snooze (which ended), joined
    Index(
        "ix_alerts_unworded",
        "moment_at",
        sqlite_where=text("worded_at IS NULL"),
        postgresql_where=text("worded_at IS NULL"),
    ),
    Index("ix_alerts_incident", "incident_id", "id"),
    Index("ix_alerts_workspace", "workspace_id", "id"),
)

#: `config` is encrypted (AES-GCM) with the installation's key; its plain text is JSON. `routes`: JSON as in the API;
#: `is_for_tenants`: they name tenants. `delay`, `remind_every`: see `domain.routing.Terms`.
channels = Table(
    "channels",
    metadata,
    identity(),
    workspace(),
    Column("provider", Text, nullable=False),
    Column("name", Text, nullable=False, server_default="default"),
    Column("config", LargeBinary, nullable=False),
    Column("is_enabled", Boolean, nullable=False, server_default=true()),
    Column("broken_reason", Text),  # set when the receiver said for good that it will not listen
    Column("routes", Text, nullable=False, server_default="{}"),
    Column("is_for_tenants", Boolean, nullable=False, server_default=false()),
    Column("delay", BigInteger, nullable=False, server_default=text("0")),
    Column("remind_every", BigInteger),
    at("created_at", required=True),
    UniqueConstraint("workspace_id", "provider", "name"),
    Index(
        "ix_channels_for_tenants",
        "workspace_id",
        sqlite_where=text("is_for_tenants"),
        postgresql_where=text("is_for_tenants"),
    ),
)

#: One alert on its way to one channel. `state`: pending, delivered, failed (given up), dropped (superseded).
#: Within one (incident, channel), deliveries go out in the order of their ids.
#:
#: A shared delivery (`is_shared`, of no incident) carries several; each has a row of its own beside it, `shared_in` it,
#: which is settled with it and never attempted by itself: its `next_attempt_at` is NULL from the beginning.
deliveries = Table(
    "deliveries",
    metadata,
    identity(),
    workspace(),
    Column("alert_id", BigInteger, ForeignKey("alerts.id", ondelete="CASCADE"), nullable=False),
    Column("incident_id", BigInteger),
    Column("channel_id", BigInteger, ForeignKey("channels.id", ondelete="CASCADE"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False, server_default="pending"),
    Column("reason", Text, nullable=False, server_default="queued"),
    Column("content", Text),  # JSON: where the channel is told something else than `alerts.content`
    Column("is_shared", Boolean, nullable=False, server_default=false()),
    Column("shared_in", BigInteger, ForeignKey("deliveries.id", ondelete="CASCADE")),
    count("attempts"),
    at("created_at", required=True),
    at("not_before_at"),  # the channel's delay, or the end of what is gathered
    at("resent_at"),  # by hand: from then on, all begins anew but its id
    at("next_attempt_at"),  # NULL once settled
    at("lease_until_at"),
    at("settled_at"),
    Index("ix_deliveries_workspace", "workspace_id", "id"),
    Index(
        "ix_deliveries_due",
        "next_attempt_at",
        sqlite_where=text("state = 'pending'"),
        postgresql_where=text("state = 'pending'"),
    ),
    Index("ix_deliveries_order", "incident_id", "channel_id", "id"),
    Index("ix_deliveries_alert", "alert_id"),
    Index("ix_deliveries_channel", "channel_id", "id"),
    Index(
        "ix_deliveries_shared",
        "shared_in",
        "id",
        sqlite_where=text("shared_in IS NOT NULL"),
        postgresql_where=text("shared_in IS NOT NULL"),
    ),
)

#: What each channel was told of late, by `domain.sharing.Topic`: `domain.sharing.Gathering`, its singles as JSON.
gatherings = Table(
    "gatherings",
    metadata,
    Column("channel_id", BigInteger, ForeignKey("channels.id", ondelete="CASCADE"), primary_key=True),
    Column("topic", Text, primary_key=True),
    workspace(),
    Column("singles", Text, nullable=False),
    Column("delivery_id", BigInteger),
    at("until_at", required=True),
)

#: When a channel is next told that an incident is still open. A row lives from an opening to the end of its cycle.
reminders = Table(
    "reminders",
    metadata,
    Column("incident_id", BigInteger, ForeignKey("incidents.id", ondelete="CASCADE"), primary_key=True),
    Column("channel_id", BigInteger, ForeignKey("channels.id", ondelete="CASCADE"), primary_key=True),
    workspace(),
    at("next_at", required=True),
    Index("ix_reminders_next", "next_at"),
)

#: `arrival`: did the receiver get it? `yes`, `no`, or `maybe` (sent, and no answer came).
delivery_attempts = Table(
    "delivery_attempts",
    metadata,
    identity(),
    workspace(),
    Column("delivery_id", BigInteger, ForeignKey("deliveries.id", ondelete="CASCADE"), nullable=False),
    at("at", required=True),
    Column("duration", BigInteger, nullable=False),
    Column("outcome", Text, nullable=False),  # sending, delivered, retry, refused
    Column("arrival", Text, nullable=False),
    Column("status_code", Integer),
    Column("detail", Text, nullable=False),
    Index("ix_delivery_attempts_delivery", "delivery_id", "id"),
)
