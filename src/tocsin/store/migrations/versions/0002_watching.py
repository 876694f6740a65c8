"""What is watched: tenants, jobs, streams and runs."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _tenants()
    _jobs()
    _job_environments()
    _streams()
    _runs()


def _tenants() -> None:
    op.create_table(
        "tenants",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_tenants_workspace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_tenants"),
        sa.UniqueConstraint("workspace_id", "external_id", name="uq_tenants"),
    )


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("job_key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("runbook_url", sa.Text(), server_default="", nullable=False),
        sa.Column("tags", sa.Text(), server_default="[]", nullable=False),
        sa.Column("schedule_type", sa.Text(), nullable=False),
        sa.Column("schedule_interval", sa.BigInteger(), nullable=True),
        sa.Column("schedule_value", sa.Text(), nullable=True),
        sa.Column("schedule_zone", sa.Text(), nullable=True),
        sa.Column("grace", sa.BigInteger(), nullable=True),
        sa.Column("threshold_mode", sa.Text(), nullable=False),
        sa.Column("miss_threshold", sa.Integer(), nullable=False),
        sa.Column("impact_threshold", sa.Integer(), nullable=False),
        sa.Column("failure_threshold", sa.Integer(), nullable=True),
        sa.Column("recovery_threshold", sa.Integer(), nullable=False),
        sa.Column("max_runtime", sa.BigInteger(), nullable=True),
        sa.Column("tenant_scope", sa.Text(), nullable=False),
        sa.Column("ping_uuid", sa.Text(), nullable=True),
        sa.Column("ping_slug", sa.Text(), nullable=True),
        sa.Column("is_active", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("protocol", sa.Text(), server_default="native", nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_jobs_workspace_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        sa.UniqueConstraint("workspace_id", "job_key", name="uq_jobs"),
    )
    op.create_index("ix_jobs_ping_uuid", "jobs", ["ping_uuid"], unique=True)
    op.create_index("ix_jobs_ping_slug", "jobs", ["ping_slug"], unique=True)


def _job_environments() -> None:
    op.create_table(
        "job_environments",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("watched_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("late_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("affected_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_job_environments_job_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_job_environments_workspace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_job_environments"),
        sa.UniqueConstraint("job_id", "environment", name="uq_job_environments"),
    )


def _streams() -> None:
    op.create_table(
        "streams",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("job_environment_id", sa.BigInteger(), nullable=False),
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("is_watched", sa.Boolean(), nullable=False),
        sa.Column("expected_since_at", sa.BigInteger(), nullable=False),
        sa.Column("anchor_at", sa.BigInteger(), nullable=False),
        sa.Column("anchor_misses", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("missed_runs", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("missed_base", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("consecutive_failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failures_base", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("successes_in_row", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("is_affected", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("epoch", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("silence_streak", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("silence_run_id", sa.BigInteger(), nullable=True),
        sa.Column("unknown_absence_id", sa.Integer(), nullable=True),
        sa.Column("unknown_timeout", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("last_began_at", sa.BigInteger(), nullable=True),
        sa.Column("last_success_at", sa.BigInteger(), nullable=True),
        sa.Column("last_result_at", sa.BigInteger(), nullable=True),
        sa.Column("last_check_in_at", sa.BigInteger(), nullable=True),
        sa.Column("stored_success_id", sa.BigInteger(), nullable=True),
        sa.Column("stored_success_at", sa.BigInteger(), nullable=True),
        sa.Column("stored_success_run_id", sa.Text(), nullable=True),
        sa.Column("stored_success_occurred_at", sa.BigInteger(), nullable=True),
        sa.Column("open_runs", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("check_at", sa.BigInteger(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("deadline_at", sa.BigInteger(), nullable=True),
        sa.Column("pending_at", sa.BigInteger(), nullable=True),
        sa.Column("success_began_at", sa.BigInteger(), nullable=True),
        sa.Column("rhythm", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_streams"),
        sa.UniqueConstraint("job_environment_id", "tenant_id", name="uq_streams"),
        postgresql_with={"fillfactor": 70},
    )
    op.create_index(
        "ix_streams_affected",
        "streams",
        ["job_environment_id", "epoch"],
        unique=False,
        sqlite_where=sa.text("is_affected"),
        postgresql_where=sa.text("is_affected"),
    )
    op.create_index(
        "ix_streams_check",
        "streams",
        ["check_at"],
        unique=False,
        postgresql_include=["id"],
        sqlite_where=sa.text("check_at IS NOT NULL"),
        postgresql_where=sa.text("check_at IS NOT NULL"),
    )
    op.create_index("ix_streams_tenant", "streams", ["tenant_id"], unique=False)


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("stream_id", sa.BigInteger(), nullable=False),
        sa.Column("client_run_id", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("expected_at", sa.BigInteger(), nullable=True),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("duration", sa.BigInteger(), nullable=True),
        sa.Column("exit_code", sa.BigInteger(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("metrics", sa.Text(), nullable=True),
        sa.Column("missed_count", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("check_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
    )
    op.create_index(
        "ix_runs_check",
        "runs",
        ["check_at"],
        unique=False,
        sqlite_where=sa.text("check_at IS NOT NULL"),
        postgresql_where=sa.text("check_at IS NOT NULL"),
    )
    op.create_index("ix_runs_job", "runs", ["job_id", "at"], unique=False)
    op.create_index(
        "ix_runs_open",
        "runs",
        ["stream_id"],
        unique=False,
        sqlite_where=sa.text("outcome = 'in_progress'"),
        postgresql_where=sa.text("outcome = 'in_progress'"),
    )
    op.create_index("ix_runs_stream", "runs", ["stream_id", "at"], unique=False)
    op.create_index(
        "uq_runs_client_run_id",
        "runs",
        ["stream_id", "client_run_id"],
        unique=True,
        sqlite_where=sa.text("client_run_id IS NOT NULL"),
        postgresql_where=sa.text("client_run_id IS NOT NULL"),
    )
