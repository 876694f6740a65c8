"""A job as requests write it, and as its row keeps it."""

import json
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from tocsin.api.wire import LONGEST, Name, Seconds, WebAddress, Wire, example
from tocsin.application.dependencies import Parent
from tocsin.application.errors import invalid
from tocsin.domain import calendar_time, crontab, zones
from tocsin.domain.model import SECOND, TenantScope, ThresholdMode
from tocsin.domain.zones import UTC

_KEY = re.compile(r"[A-Za-z0-9._-]{1,100}")


def _job_key(text: str) -> str:
    # A path segment of dots alone is resolved away by every HTTP client.
    if not _KEY.fullmatch(text) or text in {".", ".."}:
        raise ValueError("must be 1 to 100 characters of a-z, A-Z, 0-9, '.', '_' and '-'.")
    return text


class IntervalSchedule(Wire):
    type: Literal["interval"]
    seconds: Seconds


def _crontab(text: str) -> str:
    crontab.check(text, UTC)
    return text.strip()


def _zone(name: str) -> str:
    if name not in zones.names():
        raise ValueError("must be a time zone of the IANA database, as Europe/Vienna is.")
    return name


Crontab = Annotated[str, Field(max_length=256), AfterValidator(_crontab)]
Zone = Annotated[str, Field(max_length=64), AfterValidator(_zone)]


class CrontabSchedule(Wire):
    type: Literal["crontab"]
    value: Crontab
    timezone: Zone = UTC


class CalendarSchedule(Wire):
    type: Literal["calendar"]
    value: int = Field(ge=1, le=1_000)
    unit: calendar_time.Unit
    timezone: Zone = UTC

    @model_validator(mode="after")
    def _fits_a_century(self) -> "CalendarSchedule":
        if self.unit == "year" and self.value > 100:
            raise ValueError("must be at most 100 years.")
        return self


class LearnedSchedule(Wire):
    type: Literal["learned"]


class NoSchedule(Wire):
    type: Literal["none"]


Schedule = Annotated[
    IntervalSchedule | CrontabSchedule | CalendarSchedule | LearnedSchedule | NoSchedule, Field(discriminator="type")
]
JobKey = Annotated[
    str,
    AfterValidator(_job_key),
    Field(json_schema_extra={"pattern": r"^(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}$"}, examples=["daily-report"]),
]
Threshold = Annotated[int, Field(ge=1, le=1_000_000)]
Tag = Annotated[str, Field(min_length=1, max_length=100)]


class ParentWish(Wire):
    """What a job depends on: while that has an open incident, the job's alerts are held."""

    kind: Literal["job", "integration"]
    value: Annotated[str, Field(min_length=1, max_length=300)]


class _Options(Wire):
    """What may be left out, with its defaults; PATCH looks only at what was given."""

    expected_interval_seconds: Seconds | None = None
    schedule: Schedule | None = None
    #: None: 60 s, or on a learned schedule what is learned.
    grace_period_seconds: int | None = Field(None, ge=0, le=LONGEST)
    tenant_impact_threshold: Threshold = 3
    consecutive_miss_threshold: Threshold = 3
    threshold_mode: ThresholdMode = "any"
    failure_threshold: Threshold | None = None
    recovery_threshold: Threshold = 1
    max_runtime_seconds: Seconds | None = None
    tenant_scope: TenantScope = "seen"
    tags: list[Tag] = Field(default_factory=list, max_length=50)
    description: str = Field("", max_length=5_000)
    runbook_url: WebAddress | None = None
    depends_on: ParentWish | None = None
    is_active: bool = True


class NewJob(_Options):
    """`POST /jobs`."""

    model_config = example(
        jobKey="nightly-invoices",
        name="Nightly invoices",
        expectedIntervalSeconds=86_400,
        gracePeriodSeconds=900,
        tags=["billing"],
    )

    job_key: JobKey
    name: Name


class JobChanges(_Options):
    """`PATCH /jobs/{jobKey}`: any of a job's fields."""

    model_config = example(gracePeriodSeconds=1_800, maxRuntimeSeconds=7_200)

    job_key: JobKey = ""
    name: Name = ""


#: Field of a request -> column of `jobs`, and how its value is kept.
_COLUMNS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "job_key": ("job_key", str),
    "name": ("name", str),
    "grace_period_seconds": ("grace", lambda seconds: None if seconds is None else seconds * SECOND),
    "tenant_impact_threshold": ("impact_threshold", int),
    "consecutive_miss_threshold": ("miss_threshold", int),
    "threshold_mode": ("threshold_mode", str),
    "failure_threshold": ("failure_threshold", lambda number: number),
    "recovery_threshold": ("recovery_threshold", int),
    "max_runtime_seconds": ("max_runtime", lambda seconds: None if seconds is None else seconds * SECOND),
    "tenant_scope": ("tenant_scope", str),
    "tags": ("tags", lambda tags: json.dumps(list(dict.fromkeys(tags)))),
    "description": ("description", str),
    "runbook_url": ("runbook_url", lambda url: url or ""),
    "is_active": ("is_active", bool),
}


def parent_of(options: _Options) -> Parent | None:
    """What the job is to depend on."""
    wish = options.depends_on
    return None if wish is None else Parent(wish.kind, wish.value)


def new_row(job: NewJob) -> dict[str, Any]:
    """The columns of a new job; refuses it without a schedule."""
    schedule = _schedule(job)
    if not schedule:
        raise invalid("expectedIntervalSeconds is required (or a schedule instead).")
    return {column: keep(getattr(job, field)) for field, (column, keep) in _COLUMNS.items()} | schedule


def changed_columns(changes: JobChanges) -> dict[str, Any]:
    """The columns that a PATCH sets."""
    given = changes.given()
    return {_COLUMNS[field][0]: _COLUMNS[field][1](given[field]) for field in given if field in _COLUMNS} | _schedule(
        changes
    )


def _schedule(options: _Options) -> dict[str, Any]:
    seconds, schedule = options.expected_interval_seconds, options.schedule
    if seconds is not None and schedule is not None:
        raise invalid("Give expectedIntervalSeconds or schedule, not both.")
    if seconds is not None:
        schedule = IntervalSchedule(type="interval", seconds=seconds)
    return {} if schedule is None else schedule_columns(schedule)


def schedule_columns(schedule: Schedule) -> dict[str, Any]:
    """The columns of `jobs` that keep a schedule."""
    count: int | None = None
    value: str | None = None
    zone: str | None = None
    if isinstance(schedule, IntervalSchedule):
        count = schedule.seconds * SECOND
    elif isinstance(schedule, CrontabSchedule):
        value, zone = schedule.value, schedule.timezone
    elif isinstance(schedule, CalendarSchedule):
        count, value, zone = schedule.value, schedule.unit, schedule.timezone
    return {
        "schedule_type": schedule.type,
        "schedule_interval": count,
        "schedule_value": value,
        "schedule_zone": zone,
    }
