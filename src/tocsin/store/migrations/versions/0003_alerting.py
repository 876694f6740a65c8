"""Incidents, their timeline, and the outbox of alerts."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _incidents()
    _incident_tenants()
    _transitions()
    _alerts()
    _channels()
    _deliveries()
    _delivery_attempts()
    _gatherings()
    _reminders()


def _incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("job_environment_id", sa.BigInteger(), nullable=True),
        sa.Column("job_key", sa.Text(), nullable=True),
        sa.Column("job_name", sa.Text(), nullable=True),
        sa.Column("environment", sa.Text(), nullable=True),
        sa.Column("integration_key", sa.Text(), nullable=True),
        sa.Column("pattern_id", sa.Text(), nullable=True),
        sa.Column("pattern_name", sa.Text(), nullable=True),
        sa.Column("confidence", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("recovering_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("reopened_at", sa.BigInteger(), nullable=True),
        sa.Column("reopen_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("cycle", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("event_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("missed_runs", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("tenant_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("cycle_tenants", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("calm_since_at", sa.BigInteger(), nullable=True),
        sa.Column("was_alerted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("is_announced", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("alerted_tenants", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_alert_at", sa.BigInteger(), nullable=True),
        sa.Column("expansions", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("check_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["job_environment_id"], ["job_environments.id"], name="fk_incidents_job_environment_id", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_incidents_workspace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_incidents"),
    )
    op.create_index(
        "ix_incidents_check",
        "incidents",
        ["check_at"],
        unique=False,
        sqlite_where=sa.text("check_at IS NOT NULL"),
        postgresql_where=sa.text("check_at IS NOT NULL"),
    )
    op.create_index("ix_incidents_job_environment", "incidents", ["job_environment_id", "opened_at"], unique=False)
    op.create_index("ix_incidents_workspace", "incidents", ["workspace_id", "opened_at"], unique=False)
    op.create_index(
        "uq_incidents_live_job",
        "incidents",
        ["job_environment_id"],
        unique=True,
        sqlite_where=sa.text("status <> 'Closed'"),
        postgresql_where=sa.text("status <> 'Closed'"),
    )


def _incident_tenants() -> None:
    op.create_table(
        "incident_tenants",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("incident_id", sa.BigInteger(), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("event_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("missed_runs", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("cycle_seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "incident_id", name="pk_incident_tenants"),
    )
    op.create_index("ix_incident_tenants_seen", "incident_tenants", ["incident_id", "last_seen_at"], unique=False)


def _transitions() -> None:
    op.create_table(
        "transitions",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("incident_id", sa.BigInteger(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name="fk_transitions_incident_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_transitions_workspace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_transitions"),
    )
    op.create_index("ix_transitions_incident", "transitions", ["incident_id", "id"], unique=False)


def _alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("incident_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("moment_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("worded_at", sa.BigInteger(), nullable=True),
        sa.Column("content", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name="fk_alerts_incident_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_alerts_workspace_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_alerts"),
    )
    op.create_index("ix_alerts_incident", "alerts", ["incident_id", "id"], unique=False)
    op.create_index(
        "ix_alerts_unworded",
        "alerts",
        ["moment_at"],
        unique=False,
        sqlite_where=sa.text("worded_at IS NULL"),
        postgresql_where=sa.text("worded_at IS NULL"),
    )


def _channels() -> None:
    op.create_table(
        "channels",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default="default", nullable=False),
        sa.Column("config", sa.LargeBinary(), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("broken_reason", sa.Text(), nullable=True),
        sa.Column("routes", sa.Text(), server_default="{}", nullable=False),
        sa.Column("is_for_tenants", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("delay", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("remind_every", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_channels_workspace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_channels"),
        sa.UniqueConstraint("workspace_id", "provider", "name", name="uq_channels"),
    )
    op.create_index(
        "ix_channels_for_tenants",
        "channels",
        ["workspace_id"],
        sqlite_where=sa.text("is_for_tenants"),
        postgresql_where=sa.text("is_for_tenants"),
    )


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("alert_id", sa.BigInteger(), nullable=False),
        sa.Column("incident_id", sa.BigInteger(), nullable=True),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("reason", sa.Text(), server_default="queued", nullable=False),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column("is_shared", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("shared_in", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("not_before_at", sa.BigInteger(), nullable=True),
        sa.Column("resent_at", sa.BigInteger(), nullable=True),
        sa.Column("next_attempt_at", sa.BigInteger(), nullable=True),
        sa.Column("lease_until_at", sa.BigInteger(), nullable=True),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name="fk_deliveries_alert_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name="fk_deliveries_channel_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["shared_in"], ["deliveries.id"], name="fk_deliveries_shared_in", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_deliveries_workspace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
    )
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["next_attempt_at"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index("ix_deliveries_order", "deliveries", ["incident_id", "channel_id", "id"], unique=False)
    op.create_index(
        "ix_deliveries_shared",
        "deliveries",
        ["shared_in", "id"],
        unique=False,
        sqlite_where=sa.text("shared_in IS NOT NULL"),
        postgresql_where=sa.text("shared_in IS NOT NULL"),
    )
    op.create_index("ix_deliveries_channel", "deliveries", ["channel_id", "id"], unique=False)
    op.create_index("ix_deliveries_workspace", "deliveries", ["workspace_id", "id"], unique=False)


def _delivery_attempts() -> None:
    op.create_table(
        "delivery_attempts",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("duration", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("arrival", sa.Text(), nullable=False),
        sa.Column("status_code", sa.Integer(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.id"], name="fk_delivery_attempts_delivery_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_delivery_attempts_workspace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_delivery_attempts"),
    )
    op.create_index("ix_delivery_attempts_delivery", "delivery_attempts", ["delivery_id", "id"], unique=False)


def _gatherings() -> None:
    op.create_table(
        "gatherings",
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("singles", sa.Text(), nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), nullable=True),
        sa.Column("until_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name="fk_gatherings_channel_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_gatherings_workspace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("channel_id", "topic", name="pk_gatherings"),
    )


def _reminders() -> None:
    op.create_table(
        "reminders",
        sa.Column("incident_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name="fk_reminders_channel_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name="fk_reminders_incident_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_reminders_workspace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("incident_id", "channel_id", name="pk_reminders"),
    )
    op.create_index("ix_reminders_next", "reminders", ["next_at"], unique=False)
