"""Events, patterns, and the incidents of integrations."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _patterns()
    _integration_patterns()
    _events()
    _incidents()


def _patterns() -> None:
    op.create_table(
        "patterns",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("pattern_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=True),
        sa.Column("event_types", sa.Text(), server_default="[]", nullable=False),
        sa.Column("error_codes", sa.Text(), server_default="[]", nullable=False),
        sa.Column("is_enabled", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("threshold_count", sa.Integer(), nullable=True),
        sa.Column("threshold_window", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_patterns_workspace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "pattern_id", name="pk_patterns"),
    )


def _integration_patterns() -> None:
    op.create_table(
        "integration_patterns",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("integration_key", sa.Text(), nullable=False),
        sa.Column("pattern_id", sa.Text(), nullable=False),
        sa.Column("counted", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_integration_patterns_workspace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_integration_patterns"),
        sa.UniqueConstraint("workspace_id", "integration_key", "pattern_id", name="uq_integration_patterns"),
    )


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("integration_key", sa.Text(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("pattern_id", sa.Text(), nullable=True),
        sa.Column("confidence", sa.Text(), nullable=True),
        sa.Column("incident_id", sa.BigInteger(), nullable=True),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.Text().with_variant(postgresql.JSONB(), "postgresql"), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
    )
    op.create_index("ix_events_workspace", "events", ["workspace_id", "id"], unique=False)
    op.create_index("ix_events_tenant", "events", ["tenant_id", "id"], unique=False)
    op.create_index(
        "ix_events_incident",
        "events",
        ["incident_id", "id"],
        unique=False,
        sqlite_where=sa.text("incident_id IS NOT NULL"),
        postgresql_where=sa.text("incident_id IS NOT NULL"),
    )


def _incidents() -> None:
    op.create_index(
        "ix_incidents_integration",
        "incidents",
        ["workspace_id", "integration_key", "pattern_id", "opened_at"],
        unique=False,
        sqlite_where=sa.text("integration_key IS NOT NULL"),
        postgresql_where=sa.text("integration_key IS NOT NULL"),
    )
    op.create_index(
        "uq_incidents_live_integration",
        "incidents",
        ["workspace_id", "integration_key", "pattern_id"],
        unique=True,
        sqlite_where=sa.text("integration_key IS NOT NULL AND status <> 'Closed'"),
        postgresql_where=sa.text("integration_key IS NOT NULL AND status <> 'Closed'"),
    )
