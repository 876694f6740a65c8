"""What is watched."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
    true,
)

from tocsin.store.schema.columns import (
    at,
    count,
    hot_workspace,
    identity,
    metadata,
    new_ping_slug,
    new_ping_uuid,
    workspace,
)

tenants = Table(
    "tenants",
    metadata,
    identity(),
    workspace(),
    Column("external_id", Text, nullable=False),
    Column("name", Text, nullable=False, server_default=""),
    Column("is_active", Boolean, nullable=False, server_default=true()),
    at("created_at", required=True),
    UniqueConstraint("workspace_id", "external_id"),
)

jobs = Table(
    "jobs",
    metadata,
    identity(),
    workspace(),
    Column("job_key", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("runbook_url", Text, nullable=False, server_default=""),
    Column("tags", Text, nullable=False, server_default="[]"),  # a JSON array of strings
    Column("schedule_type", Text, nullable=False),
    Column("schedule_interval", BigInteger),  # `interval`: its length; `calendar`: how many units
    Column("schedule_value", Text),  # `crontab`: the expression; `calendar`: the unit
    Column("schedule_zone", Text),  # of `crontab` and `calendar`
    Column("grace", BigInteger),  # NULL: learned
    Column("threshold_mode", Text, nullable=False),
    Column("miss_threshold", Integer, nullable=False),
    Column("impact_threshold", Integer, nullable=False),
    Column("failure_threshold", Integer),
    Column("recovery_threshold", Integer, nullable=False),
    Column("max_runtime", BigInteger),
    Column("tenant_scope", Text, nullable=False),
    Column("ping_uuid", Text, default=new_ping_uuid),
    Column("ping_slug", Text, default=new_ping_slug),
    Column("is_active", Boolean, nullable=False, server_default=true()),
    at("created_at", required=True),
    Column("protocol", Text, nullable=False, server_default="native"),  # over which it was made
    # What it depends on: a job, or an integration by its key.
    Column("parent_job_id", BigInteger),
    Column("parent_integration", Text),
    UniqueConstraint("workspace_id", "job_key"),
    Index("ix_jobs_ping_uuid", "ping_uuid", unique=True),
    Index(
        "ix_jobs_parent_job",
        "parent_job_id",
        sqlite_where=text("parent_job_id IS NOT NULL"),
        postgresql_where=text("parent_job_id IS NOT NULL"),
    ),
    Index("ix_jobs_ping_slug", "ping_slug", unique=True),
)

#: A job in one environment: what an incident is about, and the counters its thresholds are met with.
#: `epoch` counts the times thresholds began from zero (resolved by hand, paused): see `domain.model.Stream.epoch`.
job_environments = Table(
    "job_environments",
    metadata,
    identity(),
    workspace(),
    Column("job_id", BigInteger, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("environment", Text, nullable=False),
    count("epoch"),
    count("watched_count"),
    count("late_count"),
    count("affected_count"),
    UniqueConstraint("job_id", "environment"),
)

#: See `domain.model.Stream` for the meaning of each column. A check-in writes no indexed column of a healthy stream,
#: and PostgreSQL keeps room in each page, so that its update stays on the page (HOT).
streams = Table(
    "streams",
    metadata,
    identity(),
    hot_workspace(),
    Column("job_environment_id", BigInteger, nullable=False),
    Column("tenant_id", BigInteger, nullable=False),
    Column("is_watched", Boolean, nullable=False),
    at("expected_since_at", required=True),
    at("anchor_at", required=True),
    count("anchor_misses"),
    count("missed_runs"),
    count("missed_base"),
    count("consecutive_failures"),
    count("failures_base"),
    count("successes_in_row"),
    Column("is_affected", Boolean, nullable=False, server_default=false()),
    count("epoch"),
    count("silence_streak"),
    Column("silence_run_id", BigInteger),
    Column("unknown_absence_id", Integer),
    Column("unknown_timeout", Boolean, nullable=False, server_default=false()),
    at("last_began_at"),
    at("last_success_at"),
    at("last_result_at"),
    at("last_check_in_at"),
    Column("stored_success_id", BigInteger),
    at("stored_success_at"),
    Column("stored_success_run_id", Text),
    at("stored_success_occurred_at"),
    count("open_runs"),
    at("check_at"),
    at("due_at"),
    at("deadline_at"),
    at("pending_at"),
    at("success_began_at"),
    Column("rhythm", Text),
    UniqueConstraint("job_environment_id", "tenant_id"),
    Index("ix_streams_tenant", "tenant_id"),
    Index(
        "ix_streams_check",
        "check_at",
        postgresql_include=["id"],  # a claim is of the index alone; SQLite's indexes hold the id as it is
        sqlite_where=text("check_at IS NOT NULL"),
        postgresql_where=text("check_at IS NOT NULL"),
    ),
    Index(
        "ix_streams_affected",
        "job_environment_id",
        "epoch",
        sqlite_where=text("is_affected"),
        postgresql_where=text("is_affected"),
    ),
    postgresql_with={"fillfactor": 70},
)

#: One row an execution, misses included. `at`: the result's moment, a timeout's or miss's deadline, or the start of
#: a run in progress. `missed_count`: on the ninth consecutive silent row, itself and all that followed.
runs = Table(
    "runs",
    metadata,
    identity(),
    hot_workspace(),
    Column("job_id", BigInteger, nullable=False),
    Column("stream_id", BigInteger, nullable=False),
    Column("client_run_id", Text),
    Column("outcome", Text, nullable=False),
    at("at", required=True),
    at("expected_at"),
    at("started_at"),
    at("finished_at"),
    at("received_at", required=True),
    Column("duration", BigInteger),
    Column("exit_code", BigInteger),
    Column("message", Text),
    Column("metrics", Text),  # a JSON object of numbers
    Column("missed_count", Integer, nullable=False, server_default=text("1")),
    at("check_at"),
    Index("ix_runs_stream", "stream_id", "at"),
    Index("ix_runs_job", "job_id", "at"),
    Index(
        "uq_runs_client_run_id",
        "stream_id",
        "client_run_id",
        unique=True,
        sqlite_where=text("client_run_id IS NOT NULL"),
        postgresql_where=text("client_run_id IS NOT NULL"),
    ),
    Index(
        "ix_runs_check",
        "check_at",
        sqlite_where=text("check_at IS NOT NULL"),
        postgresql_where=text("check_at IS NOT NULL"),
    ),
    Index(
        "ix_runs_open",
        "stream_id",
        sqlite_where=text("outcome = 'in_progress'"),
        postgresql_where=text("outcome = 'in_progress'"),
    ),
)
