"""Jobs, their streams and runs."""

from typing import Literal

from pydantic import ConfigDict

from tocsin.api.answers.shapes import Count, Id, Moment, Shape, Status


class Schedule(Shape):
    """Its `type`, and what else belongs to it: `seconds`, `value`, `unit`, `timezone`."""

    model_config = ConfigDict(extra="allow")

    type: Literal["interval", "crontab", "calendar", "learned", "none"]


class Occurrence(Shape):
    """`local` is the time in the schedule's zone, with its offset."""

    local: Moment
    utc: Moment


class SchedulePreview(Shape):
    description: str
    occurrences: list[Occurrence]
    warnings: list[str]


class Parent(Shape):
    """What a job depends on: a job by its jobKey, an integration by its integrationKey."""

    kind: Literal["job", "integration"]
    value: str


class Job(Shape):
    id: Id
    job_key: str
    name: str
    expected_interval_seconds: int | None
    schedule: Schedule
    schedule_hint: str | None
    grace_period_seconds: int | None
    tenant_impact_threshold: int
    consecutive_miss_threshold: int
    threshold_mode: Literal["any", "all"]
    failure_threshold: int | None
    recovery_threshold: int
    max_runtime_seconds: int | None
    tenant_scope: Literal["seen", "all"]
    tags: list[str]
    description: str
    runbook_url: str | None
    depends_on: Parent | None
    is_active: bool
    ping_url: str
    healthchecks_url: str | None
    status: Status
    protocol: str
    watched_tenant_count: Count
    affected_tenant_count: Count
    next_due_at: Moment | None
    last_check_in_at: Moment | None
    created_at: Moment


class _Watched(Shape):
    id: Id
    tenant_id: str
    tenant_name: str
    status: Status
    last_success_at: Moment | None
    last_check_in_at: Moment | None
    missed_runs: Count
    consecutive_failures: Count
    next_due_at: Moment | None


class WatchedTenant(_Watched):
    """A tenant with the worst of its streams' states; `tenantId` is its externalId."""


class Stream(_Watched):
    """The check-ins of a job, in an environment, for a tenant; `tenantId` is its externalId."""

    job_key: str
    environment: str


class Run(Shape):
    """One execution; `tenantId` is the externalId. `missedCount`: how many missed runs a row of long silence stands
    for."""

    id: Id
    run_id: str | None
    job_key: str
    tenant_id: str
    environment: str
    outcome: Literal["in_progress", "ok", "error", "missed", "timeout", "unknown"]
    expected_at: Moment | None
    started_at: Moment | None
    finished_at: Moment | None
    duration_ms: int | None
    exit_code: int | None
    message: str | None
    host: str | None
    service: str | None
    project: str | None
    release: str | None
    missed_count: int


class RunEntry(Shape):
    at: Moment
    kind: str
    message: str


class WholeRun(Run):
    timeline: list[RunEntry]


class Receipt(Shape):
    """What became of a ping. `runId`: of the run it belongs to; send it with the result of a start."""

    ping_id: Id
    job_key: str
    tenant_id: str
    status: Literal["success", "failure", "start"]
    received_at: Moment
    deduplicated: bool
    missed_runs: Count
    run_id: str | None
    next_due_at: Moment | None
