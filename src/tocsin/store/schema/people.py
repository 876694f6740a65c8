"""What people do: their sessions, their second factor, invitations, what they changed, and how often they may ask."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, Table, Text, false

from tocsin.store.schema.columns import at, hot_workspace, identity, metadata, workspace


def _user() -> Column[int]:
    return Column("user_id", BigInteger, ForeignKey("users.id", ondelete="CASCADE"), nullable=False)


#: What one login grew into: its tokens hold until it ends or expires. Its id is the refresh tokens' family.
sessions = Table(
    "sessions",
    metadata,
    identity(),
    _user(),
    at("started_at", required=True),
    at("expires_at", required=True),
    at("ended_at"),
    Column("address", Text, nullable=False, server_default=""),
    Index("ix_sessions_user", "user_id"),
)

#: Codes that stand in for the second factor, once each; kept as hashes, and gone when used.
recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("user_id", BigInteger, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("code_hash", Text, primary_key=True),
)

#: Links with which a password is set anew, by the hash of their token; gone when used.
password_resets = Table(
    "password_resets",
    metadata,
    Column("token_hash", Text, primary_key=True),
    _user(),
    at("expires_at", required=True),
    Index("ix_password_resets_user", "user_id"),
)

invitations = Table(
    "invitations",
    metadata,
    identity(),
    workspace(),
    Column("email", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("token_hash", Text, nullable=False, unique=True),
    at("created_at", required=True),
    at("expires_at", required=True),
    Index("ix_invitations_workspace", "workspace_id", "id"),
)

#: Failed logins of an account or from an address, named by a hash: attempts are remembered, not who made them.
login_failures = Table(
    "login_failures",
    metadata,
    Column("name_hash", Text, primary_key=True),
    Column("number", Integer, nullable=False),
    at("last_at", required=True),
    Index("ix_login_failures_last", "last_at"),
)

#: Every change: who (`actor`, as they were called then), what, on which object, from where. `fields` names what was
#: given, as a JSON list, and never holds a value.
audit_entries = Table(
    "audit_entries",
    metadata,
    identity(),
    workspace(),
    at("at", required=True),
    Column("actor_kind", Text, nullable=False),
    Column("actor_id", BigInteger),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("fields", Text, nullable=False, server_default="[]"),
    Column("address", Text, nullable=False, server_default=""),
    Index("ix_audit_entries_workspace", "workspace_id", "id"),
)

#: How much a key or a user has asked: all of it is paid for at `paid_at` (see domain.rate). The last rejection written
#: for it is named, so that a flood of refused check-ins is a row a minute.
rate_buckets = Table(
    "rate_buckets",
    metadata,
    hot_workspace(),
    Column("holder_id", BigInteger, primary_key=True, autoincrement=False),
    Column("is_ingest", Boolean, primary_key=True, server_default=false()),
    at("paid_at", required=True),
    Column("rejection_id", BigInteger),
    at("rejected_at"),
)
