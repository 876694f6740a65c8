"""What the recorder and the tick read and write: the shape both engines serve with statements of their own."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple, Protocol, cast

from sqlalchemy import Connection

from tocsin.domain.calendar_time import Unit
from tocsin.domain.history import Stretch
from tocsin.domain.model import CheckIn, Job, JobEnvironment, Run, Stream
from tocsin.domain.schedule import Calendar, Crontab, Interval, Learned, Schedule, Unscheduled
from tocsin.domain.zones import UTC
from tocsin.store import raw

#: Columns of `jobs` that make a `Job`, in the order of its fields; the schedule takes four, and the grace.
JOB_COLUMNS = (
    "id",
    "workspace_id",
    "job_key",
    "is_active",
    "schedule_type",
    "schedule_interval",
    "schedule_value",
    "schedule_zone",
    "grace",
    "threshold_mode",
    "miss_threshold",
    "impact_threshold",
    "failure_threshold",
    "recovery_threshold",
    "max_runtime",
)


#: Columns of `streams` that indexes hang on, or that the recorder seldom changes; those that a silent deadline changes,
#: and those it leaves alone.
_INDEXED = ("check_at", "is_affected", "epoch", "is_watched", "expected_since_at")
_JUDGED = (
    "anchor_at",
    "anchor_misses",
    "missed_runs",
    "consecutive_failures",
    "successes_in_row",
    "is_affected",
    "silence_streak",
    "silence_run_id",
    "unknown_absence_id",
    "check_at",
    "due_at",
    "deadline_at",
)
_NOT_JUDGED = tuple(name for name in Stream._fields if name not in ("id", *_JUDGED))
_indexed = itemgetter(*(Stream._fields.index(name) for name in _INDEXED))
_not_judged = itemgetter(*(Stream._fields.index(name) for name in _NOT_JUDGED))


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
    #: By id: what the database has of a stream, and what it is to have.
    changed_streams: dict[int, tuple[Stream, Stream]] = field(default_factory=dict)
    new_runs: dict[int, Run] = field(default_factory=dict)
    changed_runs: dict[int, Run] = field(default_factory=dict)
    removed_runs: list[int] = field(default_factory=list)
    folds: dict[int, int] = field(default_factory=dict)

    def put(self, first: Stream, after: Stream) -> None:
        """A stream is to be written; `first` is what the database has of it."""
        if after.id in self.new_streams:
            self.new_streams[after.id] = after
        else:
            self.changed_streams[after.id] = (first, after)

    def streams(self) -> dict[int, Stream]:
        """Every stream that is written, by its id."""
        return self.new_streams | {after.id: after for _, after in self.changed_streams.values()}


class HotStore(Protocol):
    """The statements of the hot path on one engine, on the raw cursor of the transaction's connection."""

    def find(self, connection: Connection, check_ins: Sequence[CheckIn]) -> list[Found]: ...

    def live_keys(self, connection: Connection, key_ids: Iterable[int]) -> Callable[[], set[int]]:
        """What tells, when it is called, which of the keys hold."""
        ...

    def open_runs(self, connection: Connection, stream_ids: Sequence[int]) -> list[Run]: ...

    def claim(self, connection: Connection, until_at: int, span: int, limit: int) -> list[int]:
        """Ids of the streams that have waited longest, in that order; none waits `span` less than the first."""
        ...

    def due_streams(self, connection: Connection, stream_ids: Sequence[int], until_at: int) -> list[Due]:
        """Those of the claimed that are still due, locked, in no particular order."""
        ...

    def due_runs(self, connection: Connection, until_at: int, limit: int) -> list[Due]: ...

    def stretch(self, connection: Connection, stream_id: int, from_at: int, to_at: int, successes: int) -> Stretch: ...

    def write(self, connection: Connection, changes: Changes) -> None: ...


@lru_cache(maxsize=10_000)
def schedule_of(kind: str, count: int | None, value: str | None, zone: str | None, grace: int | None) -> Schedule:
    if kind == "interval" and count is not None:
        return Interval(count)
    if kind == "crontab" and value is not None:
        return Crontab(value, zone or UTC)
    if kind == "calendar" and count is not None:
        return Calendar(count, cast(Unit, value), zone or UTC)
    return Learned(grace) if kind == "learned" else Unscheduled()


def job_of(row: Sequence[Any]) -> Job:
    """A `Job` from the values of JOB_COLUMNS."""
    return Job(row[0], row[1], row[2], bool(row[3]), schedule_of(*row[4:9]), row[8] or 0, *row[9:15])


_REMOVE_RUNS = "DELETE FROM runs WHERE id IN (SELECT c0 FROM v)"
_FIXED = ("workspace_id", "job_environment_id", "tenant_id")
_NOT_HEARD = (*_FIXED, *_INDEXED)
_FIXED_OF_RUN = ("workspace_id", "job_id", "stream_id", "client_run_id")
_E = len(JOB_COLUMNS)
_S = _E + len(JobEnvironment._fields)
_R = _S + len(Stream._fields)
_T = _R + len(Run._fields)


def found_of(rows: Iterable[Sequence[Any]]) -> list[Found]:
    """What check-ins concern, from rows of [job…, environment…, stream…, run…, tenant id, tenant is active]."""
    jobs: dict[int, Job] = {}
    environments: dict[int, JobEnvironment] = {}
    found = []
    for row in rows:
        # A batch is of few jobs: each is made once. (1.5 µs a check-in.)
        job = None if row[0] is None else jobs.get(row[0]) or jobs.setdefault(row[0], job_of(row))
        environment = None
        if row[_E] is not None:
            environment = environments.get(row[_E])
            if environment is None:
                environment = environments[row[_E]] = JobEnvironment._make(row[_E:_S])
        stream = None if row[_S] is None else Stream._make(row[_S:_R])
        run = None if row[_R] is None else Run._make(row[_R:_T])
        found.append(Found(job, row[_T], bool(row[_T + 1]), environment, stream, run))
    return found


def due_of(row: Sequence[Any]) -> Due:
    """The run that is due, from a row of [job…, environment…, stream…, run…]."""
    return Due(job_of(row), JobEnvironment._make(row[_E:_S]), Stream._make(row[_S:_R]), Run._make(row[_R:_T]))


def due_streams_of(streams: Sequence[Stream], jobs: Iterable[Sequence[Any]]) -> list[Due]:
    """The streams that are due with their jobs and environments, from rows of [job…, environment…]."""
    known = {row[_E]: (job_of(row), JobEnvironment._make(row[_E:_S])) for row in jobs}
    return [Due(*known[stream.job_environment_id], stream) for stream in streams]


def write_changes(connection: Connection, changes: Changes) -> None:
    """Each table once."""
    raw.insert(connection, "job_environments", JobEnvironment._fields, changes.new_environments)
    raw.insert(connection, "streams", Stream._fields, changes.new_streams.values())
    _update_streams(connection, changes.changed_streams.values())
    raw.for_each(connection, _REMOVE_RUNS, 1, [(run_id,) for run_id in changes.removed_runs])
    raw.insert(connection, "runs", Run._fields, changes.new_runs.values())
    raw.update(connection, "runs", Run._fields, changes.changed_runs.values(), _FIXED_OF_RUN)
    raw.add(connection, "runs", ("missed_count",), changes.folds.items())


def _update_streams(connection: Connection, changed: Iterable[tuple[Stream, Stream]]) -> None:
    """A stream that was only heard leaves the columns alone that indexes hang on: SQLite would write the index anew,
    whether the value changed or not. One that was only judged leaves most: 5.2 µs, where the whole row takes 8."""
    heard: list[Stream] = []
    judged: list[Stream] = []
    moved: list[Stream] = []
    for first, after in changed:
        if _indexed(first) == _indexed(after):
            heard.append(after)
        elif _not_judged(first) == _not_judged(after):
            judged.append(after)
        else:
            moved.append(after)
    raw.update(connection, "streams", Stream._fields, heard, _NOT_HEARD)
    raw.update(connection, "streams", Stream._fields, judged, _NOT_JUDGED)
    raw.update(connection, "streams", Stream._fields, moved, _FIXED)


def columns(prefix: str, names: Iterable[str]) -> str:
    return ", ".join(f"{prefix}.{name}" for name in names)
