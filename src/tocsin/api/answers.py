"""What answers are made of: every object of the API, for the OpenAPI document.

Nothing is serialized through these: the views make the objects, and the tests hold both together.
"""

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

T = TypeVar("T")
Id = Annotated[str, Field(json_schema_extra={"format": "uuid"})]
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-01-05T12:00:40Z"])]
Count = Annotated[int, Field(ge=0)]
Status = Literal["new", "up", "late", "down", "paused"]


class Shape(BaseModel):
    """An object in camelCase, all of whose fields are always there."""

    model_config = ConfigDict(alias_generator=to_camel, serialize_by_alias=True)


class Answer(Shape, Generic[T]):
    """The envelope of a success."""

    is_success: Literal[True]
    error_code: Literal[0]
    message: str
    data: T


class Items(Shape, Generic[T]):
    """A page of a list."""

    items: list[T]
    page: int
    page_size: int
    total: Count


class Nothing(Shape):
    """The envelope of a success that has nothing to tell."""

    is_success: Literal[True]
    error_code: Literal[0]
    message: str
    data: None


# --- accounts -----------------------------------------------------------------------------------------------------


class User(Shape):
    id: Id
    email: str
    name: str
    created_at: Moment


class Membership(Shape):
    """A workspace of a user, and what they are in it."""

    id: Id
    name: str
    role: Literal["owner", "admin", "member", "viewer"]


class Token(Shape):
    token: str
    expires_at: Moment


class Registered(Token):
    user: User


class TokenOfWorkspace(Token):
    workspace: Membership | None


class Session(TokenOfWorkspace):
    refresh_token: str
    user: User
    workspaces: list[Membership]


class Routes(Shape):
    """What a channel takes; a list that is not there takes all."""

    model_config = ConfigDict(json_schema_extra={"required": []})

    jobs: list[str] = []
    integrations: list[str] = []
    tags: list[str] = []
    tenants: list[str] = []
    kinds: list[str] = []


class Channel(Shape):
    """`config` has its secrets masked, but for those just made, which are shown once."""

    id: Id
    provider: str
    name: str
    config: dict[str, Any]
    is_enabled: bool
    routes: Routes
    delay_seconds: Count
    remind_every_seconds: int | None
    broken_reason: str | None
    created_at: Moment


class TestOutcome(Shape):
    """What came of a test alert. `detail` is what the receiver said."""

    delivered: bool
    reason: str
    may_retry: bool
    status_code: int | None
    detail: str


class Workspace(Shape):
    """Of its API key the prefix; the key itself is shown once, when it is made."""

    id: Id
    name: str
    api_key_prefix: str | None
    is_active: bool
    recovery_window_seconds: Count
    close_window_seconds: Count
    cooldown_window_seconds: Count
    auto_create_tenants: Literal["events", "all", "none"]
    timezone: str
    created_at: Moment


class WholeWorkspace(Workspace):
    channels: list[Channel]
    sentry_dsn: str | None
    ping_key: str | None


class NewKey(Shape):
    workspace: Workspace
    api_key: str


class Tenant(Shape):
    id: Id
    external_id: str
    name: str | None
    is_active: bool
    created_at: Moment


# --- watching -----------------------------------------------------------------------------------------------------


class Schedule(Shape):
    """Its `type`, and what else belongs to it: `seconds`, `value`, `unit`, `timezone`."""

    model_config = ConfigDict(extra="allow")

    type: Literal["interval", "crontab", "calendar", "learned", "none"]


class Job(Shape):
    id: Id
    job_key: str
    name: str
    expected_interval_seconds: int | None
    schedule: Schedule
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
    is_active: bool
    ping_url: str
    status: Status
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


# --- alerting -----------------------------------------------------------------------------------------------------


class AffectedTenant(Shape):
    """`tenantId` is our id, `tenantName` the name or, without one, the externalId."""

    tenant_id: Id
    tenant_name: str
    external_id: str
    event_count: Count
    missed_runs: Count
    first_seen_at: Moment
    last_seen_at: Moment


class Incident(Shape):
    """`eventCount` is, of a job, its missed runs. `affectedTenants` are the newest 100, `tenantCount` is complete."""

    id: Id
    workspace_id: Id
    kind: Literal["job", "integration"]
    integration_key: str | None
    job_key: str | None
    job_name: str | None
    environment: str | None
    pattern_id: str | None
    pattern_name: str | None
    status: Literal["Open", "Recovering", "Closed"]
    confidence: str | None
    opened_at: Moment
    recovering_at: Moment | None
    closed_at: Moment | None
    reopened_at: Moment | None
    reopen_count: Count
    event_count: Count
    missed_runs: Count
    tenant_count: Count
    is_chronic: bool
    affected_tenants: list[AffectedTenant]


class StateChange(Shape):
    from_status: Literal["Open", "Recovering", "Closed"] | None
    to_status: Literal["Open", "Recovering", "Closed"]
    reason: str
    occurred_at: Moment


class Attempt(Shape):
    """`arrival`: whether the receiver got it, `maybe` where it was sent and no answer came."""

    at: Moment
    duration_ms: Count
    outcome: Literal["sending", "delivered", "retry", "refused"]
    arrival: Literal["yes", "no", "maybe"]
    status_code: int | None
    detail: str


class Delivery(Shape):
    """A shared one has no `incidentId`, and each of its incidents a delivery of its own with `sharedIn`."""

    id: Id
    alert_id: Id
    incident_id: Id | None
    incident_count: Count
    incident_ids: list[Id]
    shared_in: Id | None
    kind: Literal["opened", "reopened", "resolved", "blastRadiusExpanded", "reminder", "test"]
    provider: str
    channel_name: str
    state: Literal["pending", "delivered", "failed", "dropped"]
    reason: str
    due_at: Moment
    created_at: Moment
    next_attempt_at: Moment | None
    settled_at: Moment | None
    attempts: list[Attempt]


class Rejection(Shape):
    id: Id
    at: Moment
    reason: str
    detail: str
