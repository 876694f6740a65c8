"""What the domain decides about. Plain values: a decision makes a new one, and the store writes it.

Instants are microseconds since 1970 UTC, durations microseconds. The fields of `Stream`, `Run` and `Incident` are the
columns of their tables, in this order: rows are read into them and written from them without renaming.
"""

from enum import StrEnum
from typing import Literal, NamedTuple

from tocsin.domain.attribution import Attribution
from tocsin.domain.rows import cheaply_replaced
from tocsin.domain.schedule import Schedule

SECOND = 1_000_000
DEFAULT_ENVIRONMENT = "production"
DEFAULT_TENANT = "default"

ThresholdMode = Literal["any", "all"]
TenantScope = Literal["seen", "all"]


class CheckInKind(StrEnum):
    START = "start"
    SUCCESS = "success"
    FAILURE = "failure"
    LOG = "log"


class Outcome(StrEnum):
    IN_PROGRESS = "in_progress"
    OK = "ok"
    ERROR = "error"
    MISSED = "missed"
    TIMEOUT = "timeout"
    UNKNOWN = "unknown"


#: Outcomes that count as failures in a row, and those nobody reported.
FAILING = frozenset({Outcome.ERROR, Outcome.TIMEOUT, Outcome.MISSED})
SILENT = frozenset({Outcome.MISSED, Outcome.UNKNOWN})


class IncidentStatus(StrEnum):
    OPEN = "Open"
    RECOVERING = "Recovering"
    CLOSED = "Closed"


class AlertKind(StrEnum):
    OPENED = "opened"
    REOPENED = "reopened"
    RESOLVED = "resolved"
    BLAST_RADIUS_EXPANDED = "blastRadiusExpanded"
    REMINDER = "reminder"
    ACKNOWLEDGED = "acknowledged"
    TEST = "test"


class Absence(NamedTuple):
    """A span in which no node could commit check-ins."""

    id: int
    from_at: int
    until_at: int


class Windows(NamedTuple):
    """A workspace's incident clocks, in microseconds."""

    recovery: int = 300 * SECOND
    close: int = 600 * SECOND
    cooldown: int = 900 * SECOND


class Job(NamedTuple):
    """What the domain needs to know of a job; names as in the API, durations in microseconds."""

    id: int
    workspace_id: int
    key: str
    is_active: bool
    schedule: Schedule
    grace: int
    threshold_mode: ThresholdMode = "any"
    miss_threshold: int = 3
    impact_threshold: int = 3
    failure_threshold: int | None = None
    recovery_threshold: int = 1
    max_runtime: int | None = None


class JobEnvironment(NamedTuple):
    """A job in one environment, with the counters its thresholds are met with.

    `late_count`: streams that count towards the tenant impact threshold. `affected_count`: affected streams.
    `epoch`: how often thresholds began from zero; a stream of an older epoch has not heard of it yet.
    """

    id: int
    workspace_id: int
    job_id: int
    environment: str
    epoch: int = 0
    watched_count: int = 0
    late_count: int = 0
    affected_count: int = 0


@cheaply_replaced
class Stream(NamedTuple):
    """The check-ins of one job, in one environment, for one tenant.

    On `interval`, the deadlines are `anchor_at + k x window`; `anchor_misses` of them have been judged. The anchor is
    the last success, the moment expectation began, or the expected time of a run that is `unknown` because of us.
    `missed_base` and `failures_base` are what thresholds do not count any more (resolved by hand at `epoch`).
    `silence_streak`: silent rows in a row; from the ninth on they are folded into the run `silence_run_id`.
    `unknown_absence_id`: the absence that made the slot before unknown. `unknown_timeout`: likewise the run that ended
    before. The `stored_success_…` fields are the check-in that a duplicate would repeat.
    `check_at` is never later than the true deadline; None where nothing is waited for.

    Where the schedule has slots (`domain.slots`), the next one is `due_at`, and judged at `deadline_at`. On `crontab`
    it is the first occurrence after `anchor_at`, and `anchor_misses` counts slots judged since the last success. On
    `calendar` and `learned` slots are counted from `anchor_at`; the one of number `anchor_misses` was judged last.
    `pending_at`: when a slot whose run failed before its deadline counts. `success_began_at`: the latest beginning of a
    run that succeeded. `rhythm`: what `learned` has learned.
    """

    id: int
    workspace_id: int
    job_environment_id: int
    tenant_id: int
    is_watched: bool
    expected_since_at: int
    anchor_at: int
    anchor_misses: int = 0
    missed_runs: int = 0
    missed_base: int = 0
    consecutive_failures: int = 0
    failures_base: int = 0
    successes_in_row: int = 0
    is_affected: bool = False
    epoch: int = 0
    silence_streak: int = 0
    silence_run_id: int | None = None
    unknown_absence_id: int | None = None
    unknown_timeout: bool = False
    last_began_at: int | None = None
    last_success_at: int | None = None
    last_result_at: int | None = None
    last_check_in_at: int | None = None
    stored_success_id: int | None = None
    stored_success_at: int | None = None
    stored_success_run_id: str | None = None
    stored_success_occurred_at: int | None = None
    open_runs: int = 0
    check_at: int | None = None
    due_at: int | None = None
    deadline_at: int | None = None
    pending_at: int | None = None
    success_began_at: int | None = None
    rhythm: str | None = None


@cheaply_replaced
class Run(NamedTuple):
    """One execution, reported or judged; see `store.schema.runs`."""

    id: int
    workspace_id: int
    job_id: int
    stream_id: int
    client_run_id: str | None
    outcome: str
    at: int
    expected_at: int | None
    started_at: int | None
    finished_at: int | None
    received_at: int
    duration: int | None = None
    exit_code: int | None = None
    message: str | None = None
    metrics: str | None = None
    missed_count: int = 1
    check_at: int | None = None

    @property
    def began_at(self) -> int:
        """Its first moment: the start, unless that is told to be after the result, or for a lone result its moment
        minus its duration."""
        if self.started_at is not None:
            return min(self.started_at, self.at)
        return self.at - (self.duration or 0) if self.outcome not in SILENT else self.at


class CheckIn(NamedTuple):
    """One message from a job, as every protocol hands it on.

    `is_step`: the check-ins of a run are steps, said in order (see `domain.steps`).
    """

    workspace_id: int
    job_key: str
    tenant: str
    environment: str
    kind: CheckInKind
    received_at: int
    run_id: str | None = None
    occurred_at: int | None = None
    duration: int | None = None
    exit_code: int | None = None
    message: str | None = None
    metrics: str | None = None
    attribution: Attribution | None = None
    is_step: bool = False

    @property
    def moment(self) -> int:
        """When it happened: `occurredAt`, never ahead of the receipt; else the receipt."""
        return self.received_at if self.occurred_at is None else min(self.occurred_at, self.received_at)


@cheaply_replaced
class Incident(NamedTuple):
    """One ongoing problem: of a job in an environment, or of an integration under a pattern.

    `cycle` counts openings and reopenings; `cycle_tenants` who was affected in this one. `calm_since_at`: since when
    no stream has been affected, or when the last event came. `was_alerted`: it has sent anything; `is_announced`: an
    `opened` or `reopened` is not yet answered by a `resolved`. `alerted_tenants`, `last_alert_at`, `expansions`: what
    the blast radius rule counts; `alerted_tenants` is 0 while a cycle that began silently has not been told of.
    """

    id: int
    workspace_id: int
    kind: str
    job_environment_id: int | None
    job_key: str | None
    job_name: str | None
    environment: str | None
    integration_key: str | None
    pattern_id: str | None
    pattern_name: str | None
    confidence: str | None
    status: str
    opened_at: int
    recovering_at: int | None = None
    closed_at: int | None = None
    reopened_at: int | None = None
    reopen_count: int = 0
    cycle: int = 1
    event_count: int = 0
    missed_runs: int = 0
    tenant_count: int = 0
    cycle_tenants: int = 0
    calm_since_at: int | None = None
    was_alerted: bool = False
    is_announced: bool = False
    alerted_tenants: int = 0
    last_alert_at: int | None = None
    expansions: int = 0
    check_at: int | None = None

    @property
    def is_chronic(self) -> bool:
        return self.reopen_count >= 3


class Membership(NamedTuple):
    """One tenant's part in an incident."""

    incident_id: int
    tenant_id: int
    workspace_id: int
    cycle: int
    event_count: int
    missed_runs: int
    first_seen_at: int
    last_seen_at: int
    cycle_seen_at: int


class Transition(NamedTuple):
    """One state change of an incident: a row of its timeline."""

    incident_id: int
    from_status: str | None
    to_status: str
    reason: str
    sentence: str
    occurred_at: int


class Alert(NamedTuple):
    """Something people should be told, due at `moment_at`."""

    incident_id: int
    kind: AlertKind
    cycle: int
    moment_at: int
