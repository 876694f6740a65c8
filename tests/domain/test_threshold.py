"""When a stream is affected, and what opens an incident."""

from typing import Any

import pytest

from tests.support.domain import a_job, a_stream
from tocsin.domain import threshold
from tocsin.domain.model import SECOND, Job, JobEnvironment
from tocsin.domain.reason import Reason

ANY = a_job(miss_threshold=3, impact_threshold=2)
ALL = ANY._replace(threshold_mode="all")
FAILING = a_job(miss_threshold=99, impact_threshold=99, failure_threshold=2)
NONE = a_job(is_expected=False, miss_threshold=99, impact_threshold=99)


@pytest.mark.parametrize(
    ("job", "state", "late", "reason"),
    [
        (ANY, {"missed_runs": 0}, 5, None),
        (ANY, {"missed_runs": 1}, 1, None),
        (ANY, {"missed_runs": 1}, 2, Reason.IMPACT_THRESHOLD_MET),
        (ANY, {"missed_runs": 3}, 1, Reason.MISS_THRESHOLD_MET),
        (ANY, {"missed_runs": 5, "missed_base": 3}, 1, None),  # resolved by hand after three
        (ANY, {"missed_runs": 3, "is_watched": False}, 5, None),
        (ALL, {"missed_runs": 2}, 5, None),
        (ALL, {"missed_runs": 3}, 1, None),
        (ALL, {"missed_runs": 3}, 2, Reason.IMPACT_THRESHOLD_MET),
        (FAILING, {"consecutive_failures": 1}, 0, None),
        (FAILING, {"consecutive_failures": 2}, 0, Reason.FAILURE_THRESHOLD_MET),
        (FAILING, {"consecutive_failures": 3, "failures_base": 2}, 0, None),
        (FAILING._replace(failure_threshold=None), {"consecutive_failures": 50}, 0, None),
        (NONE, {"consecutive_failures": 1}, 0, Reason.FAILURE_THRESHOLD_MET),  # 1, where nothing else could
        (NONE._replace(failure_threshold=2), {"consecutive_failures": 1}, 0, None),
        (ANY._replace(is_active=False), {"missed_runs": 9}, 9, None),
    ],
)
def test_why_an_incident_opens(job: Job, state: dict[str, Any], late: int, reason: Reason | None) -> None:
    assert threshold.why_open(job, a_stream(job, **state), late) == reason


@pytest.mark.parametrize(
    ("job", "before", "after", "is_affected"),
    [
        (ANY, {}, {"missed_runs": 1}, True),
        (ALL, {}, {"missed_runs": 1}, False),
        (ALL, {"missed_runs": 2}, {"missed_runs": 3}, True),
        (FAILING, {"consecutive_failures": 1}, {"consecutive_failures": 2}, True),
        # It stays so until it is well, however it came to be.
        (ANY, {"missed_runs": 1, "is_affected": True}, {"missed_runs": 2}, True),
        (ANY, {"missed_runs": 1, "is_affected": True}, {"successes_in_row": 1}, False),
        (ANY._replace(recovery_threshold=2), {"is_affected": True}, {"successes_in_row": 1}, True),
        (ANY._replace(recovery_threshold=2), {"is_affected": True}, {"successes_in_row": 2}, False),
        (ANY, {"is_affected": True}, {"missed_runs": 0}, True),  # a fresh window is no success
        # Nothing got worse: bad since before a pause, a deactivation, or our absence.
        (FAILING, {"consecutive_failures": 2}, {"consecutive_failures": 2}, False),
        (FAILING, {"consecutive_failures": 2}, {"consecutive_failures": 3}, True),
    ],
)
def test_who_is_affected(job: Job, before: dict[str, Any], after: dict[str, Any], is_affected: bool) -> None:
    assert threshold.assess(job, a_stream(job, **before), a_stream(job, **after)).is_affected is is_affected


def test_thresholds_from_zero_at_a_new_epoch() -> None:
    stream = a_stream(missed_runs=4, consecutive_failures=5, is_affected=True)
    now = threshold.current(stream, JobEnvironment(1, 1, 1, "production", epoch=2))
    assert (now.epoch, now.missed_base, now.failures_base, now.is_affected, now.missed_runs) == (2, 4, 5, False, 4)
    assert threshold.current(now, JobEnvironment(1, 1, 1, "production", epoch=2)) is now


@pytest.mark.parametrize(("job", "seconds"), [(ANY, 4 * 3900), (a_job(miss_threshold=1), 2 * 3900), (NONE, 0)])
def test_the_least_cooldown(job: Job, seconds: int) -> None:
    assert threshold.least_cooldown(job, a_stream(job), 0) == seconds * SECOND
