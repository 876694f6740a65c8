"""What one check-in does to its stream, and which of them are duplicates."""

from typing import Any

import pytest

from tests.support.domain import a_check_in, a_job, a_run, a_stream
from tocsin.domain import check_in as checking
from tocsin.domain.check_in import Heard
from tocsin.domain.model import SECOND, CheckIn, Job, Outcome, Run, Stream
from tocsin.domain.reason import Reason
from tocsin.domain.schedule import Interval

JOB = a_job(max_runtime=600 * SECOND)


def _hear(check_in: CheckIn, stream: Stream | None = None, run: Run | None = None, job: Job = JOB) -> Heard:
    return checking.hear(job, a_stream() if stream is None else stream, run, check_in, 9)


def _after(*check_ins: CheckIn, job: Job = JOB) -> Stream:
    stream = a_stream(job)
    for check_in in check_ins:
        stream = _hear(check_in, stream, job=job).stream
    return stream


FIRST = a_check_in("success", 100)


@pytest.mark.parametrize(
    ("before", "check_in", "is_duplicate"),
    [
        ([FIRST], a_check_in("success", 109.999), True),
        ([FIRST], a_check_in("success", 110), False),
        ([FIRST], a_check_in("failure", 101), False),
        ([FIRST], a_check_in("start", 101), False),
        ([FIRST], a_check_in("success", 101, run_id="r"), False),
        ([FIRST], a_check_in("success", 101, occurred_at=100 * SECOND), False),
        ([a_check_in("success", 100, run_id="r")], a_check_in("success", 101, run_id="r"), True),
        ([a_check_in("success", 100, run_id="r")], a_check_in("success", 101), True),
        ([a_check_in("success", 100, run_id="r")], a_check_in("success", 101, run_id="s"), False),
        ([a_check_in("success", 100, occurred_at=9)], a_check_in("success", 101, occurred_at=9), True),
        ([FIRST, a_check_in("failure", 101)], a_check_in("success", 102), False),  # another check-in between
        ([FIRST, a_check_in("start", 101)], a_check_in("success", 102), False),  # it closes the open run
        ([FIRST, a_check_in("success", 105)], a_check_in("success", 109), True),
        ([FIRST, a_check_in("success", 105)], a_check_in("success", 112), False),  # 10 s after the stored one
        ([], FIRST, False),
    ],
)
def test_duplicates(before: list[CheckIn], check_in: CheckIn, is_duplicate: bool) -> None:
    heard = _hear(check_in, _after(*before))
    assert (heard.reason is Reason.DUPLICATE) is is_duplicate
    assert is_duplicate is (heard.run is None)


@pytest.mark.parametrize(
    ("job", "seconds", "is_duplicate"),
    [
        (a_job(schedule=Interval(50 * SECOND)), 4.9, True),
        (a_job(schedule=Interval(50 * SECOND)), 5, False),  # a tenth of the distance
        (a_job(schedule=Interval(5 * SECOND)), 0.5, False),
        (a_job(is_expected=False), 9.9, True),
        (a_job(is_expected=False), 10, False),
    ],
)
def test_a_quick_job_is_never_deduplicated_at_its_own_pace(job: Job, seconds: float, is_duplicate: bool) -> None:
    assert checking.is_duplicate(job, _after(FIRST, job=job), a_check_in("success", 100 + seconds)) is is_duplicate


def test_after_a_miss_or_a_failure_a_success_is_news() -> None:
    """The schedule was lengthened while it was red, or a run timed out: the success says that all is well again."""
    red = _after(FIRST)._replace(missed_runs=1, consecutive_failures=1, silence_streak=1)
    heard = _hear(a_check_in("success", 108), red)
    assert heard.reason is Reason.RUN_RECORDED
    assert (heard.stream.missed_runs, heard.stream.consecutive_failures) == (0, 0)
    told_late = a_check_in("success", 100, occurred_at=9)
    red = _after(told_late)._replace(missed_runs=1)
    assert _hear(a_check_in("success", 101), red).reason is Reason.RUN_RECORDED
    assert _hear(a_check_in("success", 101, occurred_at=9), red).reason is Reason.DUPLICATE  # the same once more


def test_a_duplicate_moves_the_window() -> None:
    stream = _after(FIRST, a_check_in("success", 105))
    assert (stream.last_success_at, stream.anchor_at, stream.last_check_in_at) == (105 * SECOND,) * 3
    assert (stream.stored_success_id, stream.stored_success_at, stream.successes_in_row) == (9, 100 * SECOND, 1)


def test_a_success_resets_what_a_failure_does_not() -> None:
    bad = a_stream(missed_runs=2, anchor_misses=2, consecutive_failures=3, silence_streak=2)
    failed = _hear(a_check_in("failure", 8000), bad).stream
    assert (failed.missed_runs, failed.consecutive_failures, failed.anchor_at, failed.successes_in_row) == (2, 4, 0, 0)
    well = _hear(a_check_in("success", 8001), failed).stream
    assert (well.missed_runs, well.consecutive_failures, well.silence_streak, well.successes_in_row) == (0, 0, 0, 1)
    assert well.anchor_at == 8001 * SECOND


def test_a_start_opens_a_run_and_misses_are_as_they_were() -> None:
    heard = _hear(a_check_in("start", 100), a_stream(missed_runs=1))
    assert heard.run is not None
    assert (heard.run.outcome, heard.run.started_at, heard.run.check_at) == ("in_progress", 100 * SECOND, 700 * SECOND)
    assert (heard.stream.open_runs, heard.stream.missed_runs, heard.stream.anchor_at) == (1, 1, 0)


IN_PROGRESS = a_run("in_progress", 100, started_at=100 * SECOND)
TIMED_OUT = a_run("timeout", 700, started_at=100 * SECOND)
OK = a_run("ok", 150, started_at=100 * SECOND, finished_at=150 * SECOND, duration=50 * SECOND)


@pytest.mark.parametrize(
    ("run", "check_in", "reason", "outcome", "at"),
    [
        (IN_PROGRESS, a_check_in("success", 160), Reason.RUN_CLOSED, Outcome.OK, 160),
        (IN_PROGRESS, a_check_in("failure", 160), Reason.RUN_CLOSED, Outcome.ERROR, 160),
        (TIMED_OUT, a_check_in("success", 800), Reason.DURATION_ADDED, Outcome.TIMEOUT, 700),
        (TIMED_OUT, a_check_in("success", 800, occurred_at=650 * SECOND), Reason.RUN_CORRECTED, Outcome.OK, 650),
        (TIMED_OUT._replace(outcome="unknown"), a_check_in("failure", 800), Reason.RUN_CORRECTED, Outcome.ERROR, 800),
        (OK, a_check_in("failure", 170), Reason.RUN_CORRECTED, Outcome.ERROR, 170),
        (OK, a_check_in("failure", 170, occurred_at=150 * SECOND), Reason.RUN_CORRECTED, Outcome.ERROR, 150),
        (OK, a_check_in("success", 170, occurred_at=150 * SECOND), Reason.OLDER_RESULT, None, None),
        (OK, a_check_in("failure", 170, occurred_at=140 * SECOND), Reason.OLDER_RESULT, None, None),
        (OK, a_check_in("start", 170, occurred_at=90 * SECOND), Reason.START_ADDED, Outcome.OK, 150),
        (OK, a_check_in("start", 170), Reason.START_ADDED, None, None),
        (
            a_run("ok", 900, finished_at=900 * SECOND),
            a_check_in("start", 950, occurred_at=SECOND),
            Reason.START_ADDED,
            Outcome.TIMEOUT,
            601,
        ),
    ],
)
def test_what_a_check_in_does_to_its_run(
    run: Run, check_in: CheckIn, reason: Reason, outcome: Outcome | None, at: int | None
) -> None:
    heard = _hear(check_in, a_stream(open_runs=1, last_result_at=150 * SECOND), run)
    assert heard.reason is reason
    assert (heard.run.outcome if heard.run else None) == outcome
    assert (heard.run.at // SECOND if heard.run else None) == at


@pytest.mark.parametrize(
    ("changes", "duration"),
    [({}, 60), ({"duration": 5 * SECOND}, 5)],
)
def test_the_duration_is_what_the_client_measured_or_what_we_see(changes: dict[str, Any], duration: int) -> None:
    heard = _hear(a_check_in("success", 160, **changes), a_stream(open_runs=1), IN_PROGRESS)
    assert heard.run is not None
    assert heard.run.duration == duration * SECOND


@pytest.mark.parametrize(
    ("check_in", "is_late"),
    [
        (a_check_in("success", 200), False),
        (a_check_in("success", 200, occurred_at=151 * SECOND), False),
        (a_check_in("success", 200, occurred_at=150 * SECOND), True),  # no later than the last result
        (a_check_in("failure", 200, occurred_at=100 * SECOND), True),
        (a_check_in("start", 200, occurred_at=100 * SECOND), True),
        (a_check_in("success", 200, occurred_at=900 * SECOND), False),  # ahead of its receipt: the receipt
    ],
)
def test_what_tells_of_the_past(check_in: CheckIn, is_late: bool) -> None:
    heard = _hear(check_in, a_stream(last_result_at=150 * SECOND, last_success_at=150 * SECOND))
    assert heard.is_late is is_late
    assert heard.run is not None
    assert heard.run.at == check_in.moment <= check_in.received_at


def test_a_stream_watched_no_more_begins_anew() -> None:
    left = a_stream(is_watched=False, missed_runs=5, anchor_misses=5, check_at=None)
    heard = _hear(a_check_in("failure", 50_000), left)
    assert heard.stream.is_watched
    assert (heard.stream.missed_runs, heard.stream.anchor_at) == (0, 50_000 * SECOND)
    assert heard.stream.check_at == 53_900 * SECOND
