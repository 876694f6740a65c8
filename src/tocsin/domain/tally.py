"""What runs and events amount to: by job and day, by tenant and day, and what failed by hour and by day."""

import json
from collections.abc import Callable, Iterable
from typing import NamedTuple

from tocsin.domain.days import Days, hour_of
from tocsin.domain.model import Outcome
from tocsin.domain.sketch import Sketch, bucket_of

#: Runs that ended so long before they were written are counted anew: the tallier may have been there already.
#: The tallier stays behind by this and as much as a commit may take.
SETTLED_AFTER = 20_000_000
LAG = 40_000_000

#: What is counted, in the order of the columns of its tables. `folded`: misses of a long silence that have no row.
OUTCOMES = ("ok", "error", "timeout", "missed", "unknown", "folded")
_PLACE = {name: place for place, name in enumerate(OUTCOMES)}
_FAILED = frozenset({_PLACE["error"], _PLACE["timeout"], _PLACE["missed"]})
_FOLDED = _PLACE["folded"]


class Fact(NamedTuple):
    """A run that has ended, as it is counted."""

    workspace_id: int
    job_id: int
    tenant_id: int
    at: int
    outcome: str
    duration: int | None


class EventFact(NamedTuple):
    """An event, as it is counted. `pattern_id`: empty where none matched."""

    workspace_id: int
    pattern_id: str
    at: int


class Fold(NamedTuple):
    """Misses that were added to a row written before: `times` of them from `at` on, `step` apart. Negative `times` take
    them back."""

    workspace_id: int
    job_id: int
    tenant_id: int
    at: int
    times: int
    step: int


class Stale(NamedTuple):
    """Something about a run of this moment changed later."""

    workspace_id: int
    job_id: int
    stream_id: int
    at: int


class Notes(NamedTuple):
    """What the writers of runs leave for the tallier."""

    folds: tuple[Fold, ...] = ()
    stale: tuple[Stale, ...] = ()

    def written(self) -> str:
        return json.dumps(self, separators=(",", ":"))


def read_notes(text: str) -> Notes:
    folds, stale = json.loads(text)
    return Notes(tuple([Fold(*one) for one in folds]), tuple([Stale(*one) for one in stale]))


class JobDay(NamedTuple):
    """Runs by outcome, in the order of OUTCOMES, and the durations of those that ended well."""

    workspace_id: int
    outcomes: list[int]
    durations: Sketch


class TenantDay(NamedTuple):
    workspace_id: int
    outcomes: list[int]


class FailureKey(NamedTuple):
    """See `store.schema.failures`."""

    workspace_id: int
    bucket: str
    start: int
    job_id: int
    pattern_id: str


class Tally:
    """Counts up. Keys are (job or tenant, day); `failures` holds [times, folded]."""

    def __init__(self, days_of: Callable[[int], Days]) -> None:
        """`days_of`: the days of a workspace."""
        self._days_of = days_of
        self.jobs: dict[tuple[int, int], JobDay] = {}
        self.tenants: dict[tuple[int, int], TenantDay] = {}
        self.failures: dict[FailureKey, list[int]] = {}

    def job_key(self, fact: Fact) -> tuple[int, int]:
        return fact.job_id, self._days_of(fact.workspace_id).of(fact.at)

    def tenant_key(self, fact: Fact) -> tuple[int, int]:
        return fact.tenant_id, self._days_of(fact.workspace_id).of(fact.at)

    def add_to_job(self, fact: Fact) -> None:
        """Count a run for the day of its job."""
        (job_id, day), place = self.job_key(fact), _PLACE[fact.outcome]
        of_job = self.job(fact.workspace_id, job_id, day)
        of_job.outcomes[place] += 1
        if fact.duration is not None and fact.outcome == Outcome.OK:
            of_job.durations[bucket_of(fact.duration)] += 1
        if place in _FAILED:
            self._fail(fact.workspace_id, "day", day, job_id, "", (1, 0))

    def add_to_hour(self, fact: Fact) -> None:
        """Count a run for the hour of its job, if it failed."""
        if _PLACE[fact.outcome] in _FAILED:
            self._fail(fact.workspace_id, "hour", hour_of(fact.at), fact.job_id, "", (1, 0))

    def add_to_tenant(self, fact: Fact) -> None:
        """Count a run for the day of its tenant."""
        tenant_id, day = self.tenant_key(fact)
        self.tenant(fact.workspace_id, tenant_id, day).outcomes[_PLACE[fact.outcome]] += 1

    def add_fold(self, fold: Fold) -> None:
        """Count each folded miss when it fell due."""
        days = self._days_of(fold.workspace_id)
        sign = 1 if fold.times > 0 else -1
        for n in range(abs(fold.times)):
            at = fold.at + n * fold.step
            day = days.of(at)
            self.job(fold.workspace_id, fold.job_id, day).outcomes[_FOLDED] += sign
            self.tenant(fold.workspace_id, fold.tenant_id, day).outcomes[_FOLDED] += sign
            self._fail(fold.workspace_id, "day", day, fold.job_id, "", (0, sign))
            self._fail(fold.workspace_id, "hour", hour_of(at), fold.job_id, "", (0, sign))

    def add_events(self, facts: Iterable[EventFact]) -> None:
        for workspace_id, pattern_id, at in facts:
            self._fail(workspace_id, "day", self._days_of(workspace_id).of(at), 0, pattern_id, (1, 0))
            self._fail(workspace_id, "hour", hour_of(at), 0, pattern_id, (1, 0))

    def job(self, workspace_id: int, job_id: int, day: int) -> JobDay:
        """The day of a job, if nothing happened on it too."""
        found = self.jobs.get((job_id, day))
        if found is None:
            found = self.jobs[job_id, day] = JobDay(workspace_id, [0] * len(OUTCOMES), Sketch())
        return found

    def tenant(self, workspace_id: int, tenant_id: int, day: int) -> TenantDay:
        """The day of a tenant, if nothing happened on it too."""
        found = self.tenants.get((tenant_id, day))
        if found is None:
            found = self.tenants[tenant_id, day] = TenantDay(workspace_id, [0] * len(OUTCOMES))
        return found

    def _fail(
        self, workspace_id: int, bucket: str, start: int, job_id: int, pattern_id: str, by: tuple[int, int]
    ) -> None:
        counts = self.failures.setdefault(FailureKey(workspace_id, bucket, start, job_id, pattern_id), [0, 0])
        counts[0] += by[0]
        counts[1] += by[1]
