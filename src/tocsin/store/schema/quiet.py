"""What people say about incidents, what quiets them, and what is held meanwhile."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Table, Text, false, text

from tocsin.store.schema.columns import at, count, identity, metadata, workspace


def _incident() -> Column[int]:
    return Column("incident_id", BigInteger, ForeignKey("incidents.id", ondelete="CASCADE"), nullable=False)


def _incident_key() -> Column[int]:
    return Column("incident_id", BigInteger, ForeignKey("incidents.id", ondelete="CASCADE"), primary_key=True)


#: Mutes and maintenance windows (`reason`: muted, in_maintenance). `from_at` and `until_at` are the occurrence that is
#: under way, or the next. Of a window that comes again, `next_at` is when that one is to be drawn, else NULL.
quiets = Table(
    "quiets",
    metadata,
    identity(),
    workspace(),
    Column("reason", Text, nullable=False),
    Column("target_kind", Text, nullable=False),
    Column("target_value", Text, nullable=False, server_default=""),
    at("from_at", required=True),
    at("until_at", required=True),
    at("next_at"),
    at("starts_at", required=True),  # the first time, as it was set
    at("ends_at", required=True),
    Column("rrule", Text, nullable=False, server_default=""),
    Column("timezone", Text, nullable=False, server_default="UTC"),
    Column("note", Text, nullable=False, server_default=""),  # why, in people's words
    at("created_at", required=True),
    Column("created_by", Text, nullable=False),
    Index("ix_quiets_workspace", "workspace_id", "until_at"),
    Index(
        "ix_quiets_next",
        "next_at",
        sqlite_where=text("next_at IS NOT NULL"),
        postgresql_where=text("next_at IS NOT NULL"),
    ),
)

#: What people did about an incident as it stands. An acknowledgement holds for its cycle.
incident_care = Table(
    "incident_care",
    metadata,
    _incident_key(),
    workspace(),
    count("acknowledged_cycle"),
    at("acknowledged_at"),
    Column("acknowledged_by", Text),
    Column("owner_id", BigInteger, ForeignKey("users.id", ondelete="SET NULL")),
    Column("note", Text),
    at("snoozed_until_at"),
    Column("snoozed_by", Text),
)

#: Everything people did about incidents, in order.
incident_actions = Table(
    "incident_actions",
    metadata,
    identity(),
    workspace(),
    _incident(),
    at("at", required=True),
    Column("action", Text, nullable=False),  # acknowledged, snoozed, unsnoozed, note, resolved
    Column("actor", Text, nullable=False),
    Column("text", Text),
    at("until_at"),
    Column("owner_id", BigInteger),
    Index("ix_incident_actions_incident", "incident_id", "id"),
)

#: Incidents of which something is yet to be told, when it is quiet no more. `check_at`: when to look (NULL: when the
#: parent's incident is open no more). `since_at`: when the first alert was held; NULL while there was none, as in a
#: snooze. `has_opening`: an opening of `cycle` was held. `by_tenants`: only because of who is affected, so
#: that whoever joins may end it. `rings`: its end is told in any case.
holds = Table(
    "holds",
    metadata,
    _incident_key(),
    workspace(),
    count("cycle", 1),
    Column("reason", Text, nullable=False),
    at("since_at"),
    at("until_at"),
    Column("quiet_id", BigInteger),
    Column("parent_incident_id", BigInteger),
    Column("has_opening", Boolean, nullable=False, server_default=false()),
    Column("by_tenants", Boolean, nullable=False, server_default=false()),
    Column("rings", Boolean, nullable=False, server_default=false()),
    at("check_at"),
    Index("ix_holds_workspace", "workspace_id"),
    Index(
        "ix_holds_check",
        "check_at",
        sqlite_where=text("check_at IS NOT NULL"),
        postgresql_where=text("check_at IS NOT NULL"),
    ),
    Index(
        "ix_holds_by_tenants",
        "incident_id",
        sqlite_where=text("by_tenants"),
        postgresql_where=text("by_tenants"),
    ),
    Index(
        "ix_holds_parent",
        "parent_incident_id",
        sqlite_where=text("parent_incident_id IS NOT NULL"),
        postgresql_where=text("parent_incident_id IS NOT NULL"),
    ),
)
