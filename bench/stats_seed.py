"""A workspace with a past: jobs, tenants, runs, events and incidents of 90 days, written as their rows.

One job is of every tenant, with a third of all runs; one tenant has every job: each figure is asked where it is worst.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from tocsin.application.accounts import create_workspace
from tocsin.clock import SystemClock
from tocsin.domain.ids import IdMaker
from tocsin.domain.model import SECOND
from tocsin.domain.pattern import BUILT_IN
from tocsin.store import raw
from tocsin.store.engine import Store
from tocsin.store.migrations import migrate

DAY = 86_400 * SECOND
DAYS = 90
_EVERY = 3600 * SECOND
_CHUNK = 20_000
_OUTCOMES = ("ok", "error", "missed", "timeout", "unknown")
_WEIGHTS = (0.96, 0.015, 0.015, 0.005, 0.005)


class Size(NamedTuple):
    """How much there is."""

    jobs: int = 10_000
    tenants: int = 1_000
    runs: int = 1_000_000
    events: int = 1_000_000
    incidents: int = 10_000


class Past(NamedTuple):
    """What the questions are about; ids of the job and the tenant with the most."""

    workspace_id: int
    job_id: int
    job_ids: list[int]
    tenant_id: int
    tenant_ids: list[int]
    now: int


def seed(store: Store, size: Size) -> Past:
    """Brings the database to its schema, and fills it."""
    migrate(store)
    now, ids, chance = SystemClock().now(), IdMaker(), random.Random(1)
    began = now - DAYS * DAY
    with store.write() as connection:
        workspace_id = create_workspace(connection, ids, began, "Benchmark").id
    tenants = [ids.new(began) for _ in range(size.tenants)]
    jobs = [ids.new(began) for _ in range(size.jobs)]
    environments = [ids.new(began) for _ in range(size.jobs)]
    streams = list(_streams(ids, began, tenants, environments, chance))
    writing = _Writing(store, workspace_id)
    writing.tenants(tenants, began)
    writing.jobs(jobs, environments, began)
    writing.streams(streams, now)
    of_big_job = streams[: size.tenants]
    others = streams[size.tenants :]
    moments = sorted(chance.randrange(began, now) for _ in range(size.runs))
    writing.runs(
        (ids.new(at), _job_of(one, environments, jobs), one[0], at)
        for at, one in ((at, chance.choice(of_big_job if chance.random() < 1 / 3 else others)) for at in moments)
    )
    # Ids grow with the moments they are made of, and so does each maker's.
    writing.events(IdMaker(1), tenants, size.events, began, now)
    writing.incidents(IdMaker(2), tenants, environments, size.incidents, began, now)
    return Past(workspace_id, jobs[0], jobs, tenants[0], tenants, now)


def _streams(
    ids: IdMaker, began: int, tenants: Sequence[int], environments: Sequence[int], chance: random.Random
) -> Iterator[tuple[int, int, int]]:
    """(stream, environment, tenant): of the first job everybody, of the others the first tenant and a few more."""
    for tenant in tenants:
        yield ids.new(began), environments[0], tenant
    for environment in environments[1:]:
        for tenant in {tenants[0], *chance.choices(tenants, k=6)}:
            yield ids.new(began), environment, tenant


_JOB_OF: dict[int, int] = {}


def _job_of(stream: tuple[int, int, int], environments: Sequence[int], jobs: Sequence[int]) -> int:
    if not _JOB_OF or environments[0] not in _JOB_OF:
        _JOB_OF.update(zip(environments, jobs, strict=True))
    return _JOB_OF[stream[1]]


class _Writing:
    """Whole rows, some thousands in a transaction."""

    def __init__(self, store: Store, workspace_id: int) -> None:
        self._store = store
        self._owner = workspace_id
        self._chance = random.Random(2)

    def tenants(self, tenants: Sequence[int], at: int) -> None:
        names = ("id", "workspace_id", "external_id", "created_at")
        self._write("tenants", names, ((one, self._owner, f"tenant-{i}", at) for i, one in enumerate(tenants)))

    def jobs(self, jobs: Sequence[int], environments: Sequence[int], at: int) -> None:
        names = ["id", "workspace_id", "job_key", "name", "schedule_type", "schedule_interval", "grace"]
        names += ("threshold_mode", "miss_threshold", "impact_threshold", "recovery_threshold", "tenant_scope")
        terms = ("interval", _EVERY, 300 * SECOND, "any", 3, 3, 1, "seen", at)
        rows = ((one, self._owner, f"job-{i}", f"Job {i}", *terms) for i, one in enumerate(jobs))
        self._write("jobs", [*names, "created_at"], rows)
        pairs = zip(environments, jobs, strict=True)
        self._write(
            "job_environments",
            ("id", "workspace_id", "job_id", "environment"),
            ((one, self._owner, job, "production") for one, job in pairs),
        )

    def streams(self, streams: Sequence[tuple[int, int, int]], now: int) -> None:
        names = ["id", "workspace_id", "job_environment_id", "tenant_id", "is_watched", "expected_since_at"]
        names += ("anchor_at", "last_success_at", "last_check_in_at", "check_at")
        rows = (
            (one, self._owner, environment, tenant, True, now, now, now, now, now + DAY)
            for one, environment, tenant in streams
        )
        self._write("streams", names, rows)

    def runs(self, runs: Iterable[tuple[int, int, int, int]]) -> None:
        names = ("id", "workspace_id", "job_id", "stream_id", "outcome", "at", "received_at", "expected_at", "duration")
        outcomes = iter(lambda: self._chance.choices(_OUTCOMES, _WEIGHTS)[0], None)
        rows = (
            (one, self._owner, job, stream, outcome, at, at, at, self._lasted(outcome))
            for (one, job, stream, at), outcome in zip(runs, outcomes, strict=False)
        )
        self._write("runs", names, rows)

    def events(self, ids: IdMaker, tenants: Sequence[int], times: int, began: int, now: int) -> None:
        names = ("id", "workspace_id", "tenant_id", "integration_key", "event_type", "pattern_id")
        patterns = [*(pattern.id for pattern in BUILT_IN), None]
        moments = sorted(self._chance.randrange(began, now) for _ in range(times))
        choose = self._chance.choice
        rows = (
            (ids.new(at), self._owner, choose(tenants), f"integration-{at % 20}", "failed", choose(patterns), at, at)
            for at in moments
        )
        self._write("events", (*names, "occurred_at", "received_at"), rows)

    def incidents(
        self, ids: IdMaker, tenants: Sequence[int], environments: Sequence[int], times: int, began: int, now: int
    ) -> None:
        """Half of them of jobs. Closed but for the last few, each with 1 to 40 tenants, the first in every third."""
        names = ["id", "workspace_id", "kind", "job_environment_id", "job_key", "job_name", "integration_key"]
        names += ("pattern_id", "pattern_name", "status", "opened_at", "closed_at", "reopen_count", "tenant_count")
        rows, members = [], []
        for number, at in enumerate(sorted(self._chance.randrange(began, now) for _ in range(times))):
            incident, affected = ids.new(at), set(self._chance.choices(tenants, k=self._chance.randrange(1, 40)))
            affected |= {tenants[0]} if number % 3 == 0 else set()
            closed_at = min(at + self._chance.randrange(1, 7200) * SECOND, now)
            of_job = number % 2 == 0
            about = self._of_job(environments, number) if of_job else self._of_integration(number)
            rows.append((incident, self._owner, *about, "Closed", at, closed_at, number % 5, len(affected)))
            members += [(one, incident, self._owner, 1, 1, 1, at, closed_at, at) for one in affected]
        self._write("incidents", names, rows)
        names = ["tenant_id", "incident_id", "workspace_id", "cycle", "event_count", "missed_runs", "first_seen_at"]
        self._write("incident_tenants", (*names, "last_seen_at", "cycle_seen_at"), members)

    def _of_job(self, environments: Sequence[int], number: int) -> tuple[Any, ...]:
        place = number * 7 % len(environments)
        return "job", environments[place], f"job-{place}", f"Job {place}", None, None, None

    def _of_integration(self, number: int) -> tuple[Any, ...]:
        pattern = BUILT_IN[number % len(BUILT_IN)]
        return "integration", None, None, None, f"integration-{number % 20}", pattern.id, pattern.name

    def _lasted(self, outcome: str) -> int | None:
        return None if outcome in {"missed", "unknown"} else round(self._chance.lognormvariate(1, 1) * SECOND)

    def _write(self, table: str, names: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
        left = iter(rows)
        while chunk := list(islice(left, _CHUNK)):
            with self._store.write() as connection:
                raw.insert(connection, table, names, chunk)
