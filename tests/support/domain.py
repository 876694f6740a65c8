"""Plain values for tests of the domain; moments and durations in seconds from 0."""

from typing import Any

from tocsin.domain.check_in import new_stream
from tocsin.domain.model import SECOND, CheckIn, CheckInKind, Incident, IncidentStatus, Job, Run, Stream
from tocsin.domain.schedule import Interval, Unscheduled

INTERVAL, GRACE = 3600, 300
WINDOW = INTERVAL + GRACE


def a_job(*, is_expected: bool = True, **changes: Any) -> Job:
    schedule = Interval(INTERVAL * SECOND) if is_expected else Unscheduled()
    return Job(1, 1, "daily-report", True, schedule, GRACE * SECOND)._replace(**changes)


def a_stream(job: Job | None = None, **changes: Any) -> Stream:
    """A stream expected from 0 on, never heard."""
    return new_stream(1, job or a_job(), 1, 1, 0)._replace(**changes)


def a_run(outcome: str, at: float, **changes: Any) -> Run:
    return Run(1, 1, 1, 1, None, outcome, round(at * SECOND), None, None, None, 0)._replace(**changes)


def a_check_in(kind: str, at: float, **changes: Any) -> CheckIn:
    values = {"received_at": round(at * SECOND), **changes}
    return CheckIn(1, "daily-report", "acme", "production", CheckInKind(kind), values.pop("received_at"), **values)


def an_incident(**changes: Any) -> Incident:
    """An incident that has not opened yet, with one tenant."""
    new = Incident(1, 1, "job", 1, "k", "n", "production", None, None, None, None, IncidentStatus.OPEN, 0)
    return new._replace(**{"tenant_count": 1, "cycle_tenants": 1, **changes})
