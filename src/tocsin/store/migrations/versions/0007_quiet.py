"""Quiet: mutes, maintenance windows, what people do about incidents, what is held, and what jobs depend on."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0008"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for column in ("held_by", "catch_up"):
        op.add_column("alerts", sa.Column(column, sa.Text(), nullable=True))
    op.add_column("jobs", sa.Column("parent_job_id", sa.BigInteger(), nullable=True))
    op.add_column("jobs", sa.Column("parent_integration", sa.Text(), nullable=True))
    _partial_index("ix_jobs_parent_job", "jobs", "parent_job_id")
    _quiets()
    _incident_care()
    _incident_actions()
    _holds()


def _quiets() -> None:
    op.create_table(
        "quiets",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("target_kind", sa.Text(), nullable=False),
        sa.Column("target_value", sa.Text(), server_default="", nullable=False),
        sa.Column("from_at", sa.BigInteger(), nullable=False),
        sa.Column("until_at", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("rrule", sa.Text(), server_default="", nullable=False),
        sa.Column("timezone", sa.Text(), server_default="UTC", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        _workspace("quiets"),
        sa.PrimaryKeyConstraint("id", name="pk_quiets"),
    )
    op.create_index("ix_quiets_workspace", "quiets", ["workspace_id", "until_at"])
    _partial_index("ix_quiets_next", "quiets", "next_at")


def _incident_care() -> None:
    op.create_table(
        "incident_care",
        sa.Column("incident_id", sa.BigInteger(), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("acknowledged_cycle", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("acknowledged_at", sa.BigInteger(), nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=True),
        sa.Column("owner_id", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("snoozed_until_at", sa.BigInteger(), nullable=True),
        sa.Column("snoozed_by", sa.Text(), nullable=True),
        _incident("incident_care"),
        _workspace("incident_care"),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name="fk_incident_care_owner_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("incident_id", name="pk_incident_care"),
    )


def _incident_actions() -> None:
    op.create_table(
        "incident_actions",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("incident_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("until_at", sa.BigInteger(), nullable=True),
        sa.Column("owner_id", sa.BigInteger(), nullable=True),
        _workspace("incident_actions"),
        _incident("incident_actions"),
        sa.PrimaryKeyConstraint("id", name="pk_incident_actions"),
    )
    op.create_index("ix_incident_actions_incident", "incident_actions", ["incident_id", "id"])


def _holds() -> None:
    op.create_table(
        "holds",
        sa.Column("incident_id", sa.BigInteger(), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("cycle", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since_at", sa.BigInteger(), nullable=True),
        sa.Column("until_at", sa.BigInteger(), nullable=True),
        sa.Column("quiet_id", sa.BigInteger(), nullable=True),
        sa.Column("parent_incident_id", sa.BigInteger(), nullable=True),
        sa.Column("has_opening", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("by_tenants", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("rings", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("check_at", sa.BigInteger(), nullable=True),
        _incident("holds"),
        _workspace("holds"),
        sa.PrimaryKeyConstraint("incident_id", name="pk_holds"),
    )
    op.create_index("ix_holds_workspace", "holds", ["workspace_id"])
    _partial_index("ix_holds_check", "holds", "check_at")
    _partial_index("ix_holds_parent", "holds", "parent_incident_id")
    mine = sa.text("by_tenants")
    op.create_index("ix_holds_by_tenants", "holds", ["incident_id"], sqlite_where=mine, postgresql_where=mine)


def _workspace(table: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_workspace_id"
    return sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=name, ondelete="CASCADE")


def _incident(table: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_incident_id"
    return sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=name, ondelete="CASCADE")


def _partial_index(name: str, table: str, column: str) -> None:
    there = sa.text(f"{column} IS NOT NULL")
    op.create_index(name, table, [column], sqlite_where=there, postgresql_where=there)
