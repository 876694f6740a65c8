"""Figures: of the workspace, its trends, a tenant and a job."""

from typing import Annotated, Literal

from pydantic import Field

from tocsin.api.answers.shapes import Count, Id, Moment, Shape, Status

Ratio = Annotated[float, Field(ge=0, le=1)]
Milliseconds = Annotated[int, Field(ge=0)]
Day = Annotated[str, Field(json_schema_extra={"format": "date"}, examples=["2026-01-05"])]


class MeanAndMedian(Shape):
    mean: float | None
    median: float | None


class TopPattern(Shape):
    pattern_id: str
    pattern_name: str
    incident_count: Count
    event_count: Count


class TopJob(Shape):
    """`failedRuns`: missed, failed, or timed out."""

    job_key: str
    job_name: str
    incident_count: Count
    failed_runs: Count


class TopTenant(Shape):
    tenant_id: Id
    external_id: str
    tenant_name: str
    incident_count: Count


class WorkspaceStats(Shape):
    """Of incidents that were not closed before `from`. `mttrSeconds`: from opening to closing. `reopenRate`: of all of
    them, those that were reopened."""

    days: int
    timezone: str
    since: Moment = Field(alias="from")
    until: Moment = Field(alias="to")
    open: Count
    recovering: Count
    closed: Count
    chronic: Count
    mttr_seconds: MeanAndMedian
    reopen_rate: Ratio | None
    top_patterns: list[TopPattern]
    top_jobs: list[TopJob]
    top_tenants: list[TopTenant]
    check_in_count: int
    event_count: int


class TrendBucket(Shape):
    """`eventCount`: events of a pattern; of a job, runs that were missed, failed, or timed out."""

    start: Moment
    incident_count: Count
    event_count: Count


class Trend(Shape):
    """`slope`: how many more incidents each bucket has than the one before, by a straight line."""

    direction: Literal["rising", "falling", "steady"]
    slope: float
    incident_count: Count
    event_count: Count
    buckets: list[TrendBucket]


class PatternTrend(Trend):
    pattern_id: str
    pattern_name: str


class JobTrend(Trend):
    job_key: str
    job_name: str


class Trends(Shape):
    days: int
    bucket: Literal["hour", "day"]
    timezone: str
    since: Moment = Field(alias="from")
    until: Moment = Field(alias="to")
    patterns: list[PatternTrend]
    jobs: list[JobTrend]


class Outcomes(Shape):
    ok: Count
    error: Count
    timeout: Count
    missed: Count
    unknown: Count


class Durations(Shape):
    """Of runs that went well, within 1 %."""

    median: Milliseconds | None
    p95: Milliseconds | None


class JobDay(Shape):
    day: Day
    start: Moment
    run_count: Count
    success_rate: Ratio | None
    outcomes: Outcomes
    duration_ms: Durations


class JobStats(Shape):
    """`successRate`: of the runs that were judged, those that went well; runs that are unknown say nothing."""

    job_key: str
    days: int
    timezone: str
    since: Moment = Field(alias="from")
    until: Moment = Field(alias="to")
    run_count: Count
    success_rate: Ratio | None
    outcomes: Outcomes
    duration_ms: Durations
    by_day: list[JobDay]


class JobOfTenant(Shape):
    job_key: str
    job_name: str
    environment: str
    status: Status
    missed_runs: Count
    consecutive_failures: Count
    last_success_at: Moment | None
    last_check_in_at: Moment | None
    next_due_at: Moment | None


class IntegrationOfTenant(Shape):
    """Down while an open incident has the tenant."""

    integration_key: str
    status: Literal["up", "recovering", "down"]
    last_event_at: Moment | None
    incident_id: Id | None


class IncidentOfTenant(Shape):
    """`openedAt`, `closedAt`: of the incident; `firstSeenAt`, `lastSeenAt`: of the tenant in it."""

    id: Id
    kind: Literal["job", "integration"]
    job_key: str | None
    job_name: str | None
    integration_key: str | None
    pattern_id: str | None
    status: Literal["Open", "Recovering", "Closed"]
    opened_at: Moment
    closed_at: Moment | None
    first_seen_at: Moment
    last_seen_at: Moment
    tenant_count: Count


class DayOfTenant(Shape):
    """`state`: the worst of the day; `none` where nothing was expected."""

    day: Day
    start: Moment
    state: Literal["error", "timeout", "missed", "unknown", "ok", "none"]
    outcomes: Outcomes
    incident_count: Count


class TenantHealth(Shape):
    """`uptimeRatio`: of the runs that were judged, those that went well. `jobs` holds the worst 200, `integrations`
    100, `incidents` the newest 25 of the period; the counts are complete."""

    tenant_id: Id
    external_id: str
    tenant_name: str
    is_active: bool
    status: Status
    days: int
    timezone: str
    since: Moment = Field(alias="from")
    until: Moment = Field(alias="to")
    uptime_ratio: Ratio | None
    run_count: Count
    jobs: list[JobOfTenant]
    job_count: Count
    integrations: list[IntegrationOfTenant]
    incidents: list[IncidentOfTenant]
    incident_count: Count
    history: list[DayOfTenant]
