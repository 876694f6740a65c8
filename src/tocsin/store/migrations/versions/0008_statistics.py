"""Tallies of runs, events and check-ins, which outlive their rows."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0009"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _days("job_days", "job_id", sa.Column("durations", sa.Text(), nullable=True))
    _days("tenant_days", "tenant_id")
    _failures()
    _intake()
    op.create_table(
        "tally_notes",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tally_notes"),
    )
    op.create_table(
        "tally_progress",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("runs_until_at", sa.BigInteger(), nullable=False),
        sa.Column("events_until_id", sa.BigInteger(), nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tally_progress"),
    )


def _days(table: str, owner: str, *more: sa.Column[str]) -> None:
    outcomes = ("ok", "error", "timeout", "missed", "unknown", "folded")
    op.create_table(
        table,
        sa.Column(owner, sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        *[_count(name) for name in outcomes],
        *more,
        sa.PrimaryKeyConstraint(owner, "day", name=f"pk_{table}"),
    )


def _failures() -> None:
    op.create_table(
        "failures",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("start", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("pattern_id", sa.Text(), nullable=False),
        _count("times"),
        _count("folded"),
        sa.PrimaryKeyConstraint("workspace_id", "bucket", "start", "job_id", "pattern_id", name="pk_failures"),
    )


def _intake() -> None:
    op.create_table(
        "intake",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("start", sa.Integer(), nullable=False),
        sa.Column("node", sa.Integer(), nullable=False),
        _count("check_ins"),
        sa.PrimaryKeyConstraint("workspace_id", "bucket", "start", "node", name="pk_intake"),
    )


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False)
