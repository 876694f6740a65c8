"""The installation, its workspaces, and who may enter them."""

from uuid import uuid4

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    false,
    text,
    true,
)

from tocsin.store.schema.columns import at, identity, metadata, new_ping_key, workspace

# --- the installation -------------------------------------------------------------------------------------------------

#: Facts about the installation as a whole: the key file's fingerprint, the claim link's hash.
facts = Table("facts", metadata, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))

#: Every process that commits or judges. `watermark_at`: all check-ins this node received before it are committed.
#: A fenced node may commit nothing more; it registers anew under another number.
nodes = Table(
    "nodes",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("token", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("is_ingesting", Boolean, nullable=False),
    at("started_at", required=True),
    at("heartbeat_at", required=True),
    at("watermark_at", required=True),
    Column("is_fenced", Boolean, nullable=False, server_default=false()),
    at("stopped_at"),
)

#: Spans in which no node could commit check-ins: nobody is silent in them.
absences = Table(
    "absences",
    metadata,
    Column("id", Integer, primary_key=True),
    at("from_at", required=True),
    at("until_at", required=True),
)


# --- accounts ---------------------------------------------------------------------------------------------------------

workspaces = Table(
    "workspaces",
    metadata,
    identity(),
    Column("name", Text, nullable=False),
    Column("is_active", Boolean, nullable=False, server_default=true()),
    Column("recovery_window", BigInteger, nullable=False),
    Column("close_window", BigInteger, nullable=False),
    Column("cooldown_window", BigInteger, nullable=False),
    Column("auto_create_tenants", Text, nullable=False, server_default="events"),
    Column("timezone", Text, nullable=False, server_default="UTC"),
    Column("ingest_rate", Integer),  # requests a minute and credential; NULL: the installation's
    Column("api_rate", Integer),
    Column("ping_key", Text, nullable=False, default=new_ping_key),
    Column("long_ping_slugs", Boolean, nullable=False, server_default=false()),
    at("created_at", required=True),
    Column("sentry_key", Text, default=lambda: uuid4().hex),  # the public key of its DSN
    Column("retention", Text, nullable=False, server_default="{}"),  # JSON: what it chose of `domain.retention`
    Index("ix_workspaces_ping_key", "ping_key", unique=True),
)

#: `totp_secret` is sealed; it counts once `totp_since_at` is set. `totp_last_step`: no code up to it counts again.
users = Table(
    "users",
    metadata,
    identity(),
    Column("email", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False, server_default=""),
    Column("password_hash", Text, nullable=False),
    Column("last_workspace_id", BigInteger),
    Column("totp_secret", LargeBinary),
    at("totp_since_at"),
    Column("totp_last_step", BigInteger, nullable=False, server_default="0"),
    at("created_at", required=True),
)

members = Table(
    "members",
    metadata,
    Column("workspace_id", BigInteger, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", BigInteger, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("role", Text, nullable=False),
    at("created_at", required=True),
    Index("ix_members_user", "user_id"),
)

#: Refresh tokens by hash; a family is what one login grew into. A used one that comes back revokes its family.
refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("token_hash", Text, primary_key=True),
    Column("family_id", BigInteger, nullable=False),
    Column("user_id", BigInteger, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("workspace_id", BigInteger),
    at("expires_at", required=True),
    at("used_at"),
    at("revoked_at"),
    Index("ix_refresh_tokens_family", "family_id"),
)

#: `key_hash` is the hex SHA-256 of the whole key; `prefix` is what may be shown of it. `scopes` are words with blanks
#: between. One key of a workspace is its primary one, which can be rotated but not removed.
api_keys = Table(
    "api_keys",
    metadata,
    identity(),
    workspace(),
    Column("name", Text, nullable=False, server_default="default"),
    Column("key_hash", Text, nullable=False, unique=True),
    Column("prefix", Text, nullable=False),
    Column("scopes", Text, nullable=False, server_default="admin"),
    Column("is_primary", Boolean, nullable=False, server_default=false()),
    at("created_at", required=True),
    at("last_used_at"),
    at("revoked_at"),
    Index("ix_api_keys_workspace", "workspace_id"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("workspace_id", BigInteger, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("route", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("body_hash", Text, nullable=False),
    Column("status", SmallInteger),  # NULL while the first request is in flight
    Column("answer", Text),
    at("created_at", required=True),
    Index("ix_idempotency_keys_created", "created_at"),
)

#: The workspace's log: what happened to it that no single job or incident tells.
log_entries = Table(
    "log_entries",
    metadata,
    identity(),
    workspace(),
    at("at", required=True),
    Column("kind", Text, nullable=False),
    Column("message", Text, nullable=False),
    Index("ix_log_entries_workspace", "workspace_id", "id"),
)

#: Check-ins that were refused or put aside, with what was wrong, so that none is lost in silence. Those that a protocol
#: does not tell its sender about (`source`) are counted together where they are alike.
rejections = Table(
    "rejections",
    metadata,
    identity(),
    workspace(),
    at("at", required=True),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("source", Text),
    Column("job_key", Text),
    Column("environment", Text),
    Column("times", Integer, nullable=False, server_default=text("1")),
    at("first_at"),
    Index("ix_rejections_workspace", "workspace_id", "id"),
    Index("uq_rejections_alike", "workspace_id", "source", "reason", "job_key", "environment", unique=True),
)
