"""What the recorder and the tick read and write: the shape both engines serve with statements of their own."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Connection

from tocsin.domain.history import Stretch
from tocsin.domain.model import CheckIn, Job, JobEnvironment, Run, Stream
from tocsin.domain.schedule import Interval, Schedule, Unscheduled

#: Columns of `jobs` that make a `Job`, in the order of its fields; the schedule takes two.
JOB_COLUMNS = (
    "id",
    "workspace_id",
    "job_key",
    "is_active",
    "schedule_type",
    "schedule_interval",
    "grace",
    "threshold_mode",
    "miss_threshold",
    "impact_threshold",
    "failure_threshold",
    "recovery_threshold",
    "max_runtime",
)


class Found(NamedTuple):
    """What a check-in concerns, as far as it exists. `run` is the one its run id names."""

    job: Job | None
    tenant_id: int | None
    tenant_is_active: bool
    environment: JobEnvironment | None
    stream: Stream | None
    run: Run | None


class Due(NamedTuple):
    """A stream whose `check_at` has come; `run`: the run in progress that is due, where it is that."""

    job: Job
    environment: JobEnvironment
    stream: Stream
    run: Run | None = None


@dataclass(slots=True)
class Changes:
    """Everything one transaction writes about streams and runs, each row once."""

    new_environments: list[JobEnvironment] = field(default_factory=list)
    new_streams: dict[int, Stream] = field(default_factory=dict)
    #: Streams whose `check_at`, affectedness, epoch and watching are as they were: no index is touched.
    heard_streams: dict[int, Stream] = field(default_factory=dict)
    moved_streams: dict[int, Stream] = field(default_factory=dict)
    new_runs: dict[int, Run] = field(default_factory=dict)
    changed_runs: dict[int, Run] = field(default_factory=dict)
    removed_runs: list[int] = field(default_factory=list)
    folds: dict[int, int] = field(default_factory=dict)


class HotStore(Protocol):
    """The statements of the hot path on one engine, on the raw cursor of the transaction's connection."""

    def find(self, connection: Connection, check_ins: Sequence[CheckIn]) -> list[Found]: ...

    def live_keys(self, connection: Connection, key_ids: Iterable[int]) -> set[int]: ...

    def open_runs(self, connection: Connection, stream_ids: Sequence[int]) -> list[Run]: ...

    def due_streams(self, connection: Connection, until_at: int, limit: int) -> list[Due]: ...

    def due_runs(self, connection: Connection, until_at: int, limit: int) -> list[Due]: ...

    def stretch(self, connection: Connection, stream_id: int, from_at: int, to_at: int, successes: int) -> Stretch: ...

    def write(self, connection: Connection, changes: Changes) -> None: ...


@lru_cache(maxsize=10_000)
def schedule_of(kind: str, interval: int | None) -> Schedule:
    return Interval(interval) if kind == "interval" and interval is not None else Unscheduled()


def job_of(row: Sequence[Any]) -> Job:
    """A `Job` from the values of JOB_COLUMNS."""
    return Job(row[0], row[1], row[2], bool(row[3]), schedule_of(row[4], row[5]), *row[6:13])


def columns(prefix: str, names: Iterable[str]) -> str:
    return ", ".join(f"{prefix}.{name}" for name in names)
