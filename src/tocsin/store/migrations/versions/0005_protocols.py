"""What only some protocols need: DSNs, rejections that are counted, where runs belong, what they say meanwhile."""

from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _sentry_keys()
    _rejections()
    _places()
    _run_details()
    _run_notes()


def _sentry_keys() -> None:
    op.add_column("workspaces", sa.Column("sentry_key", sa.Text(), nullable=True))
    workspaces = sa.table("workspaces", sa.column("id", sa.BigInteger()), sa.column("sentry_key", sa.Text()))
    connection = op.get_bind()
    for workspace_id in connection.execute(sa.select(workspaces.c.id)).scalars().all():
        key = sa.update(workspaces).where(workspaces.c.id == workspace_id).values(sentry_key=uuid4().hex)
        connection.execute(key)


def _rejections() -> None:
    for column in (
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("job_key", sa.Text(), nullable=True),
        sa.Column("environment", sa.Text(), nullable=True),
        sa.Column("times", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=True),
    ):
        op.add_column("rejections", column)
    names = ["workspace_id", "source", "reason", "job_key", "environment"]
    op.create_index("uq_rejections_alike", "rejections", names, unique=True)


def _places() -> None:
    op.create_table(
        "places",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("last_run_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_places_workspace_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_places_job_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_places"),
        sa.UniqueConstraint("job_id", "project", "service", "host", name="uq_places"),
        postgresql_with={"fillfactor": 70},
    )
    op.create_index("ix_places_workspace", "places", ["workspace_id", "project", "service"], unique=False)


def _run_details() -> None:
    op.create_table(
        "run_details",
        sa.Column("run_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("place_id", sa.BigInteger(), nullable=True),
        sa.Column("release", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_run_details"),
    )


def _run_notes() -> None:
    op.create_table(
        "run_notes",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_run_notes"),
    )
    op.create_index("ix_run_notes_run", "run_notes", ["run_id", "id"], unique=False)
