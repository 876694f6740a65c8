"""Deadlines that passed: missed, unknown, folded; runs in progress that took too long."""

import pytest

from tests.support.domain import GRACE, INTERVAL, WINDOW, a_job, a_run, a_stream
from tocsin.domain import silence
from tocsin.domain.check_in import succeeded
from tocsin.domain.model import SECOND, Absence, Job, Outcome, Run, Stream
from tocsin.domain.reason import Reason
from tocsin.domain.schedule import Interval
from tocsin.domain.verdict import Verdict

JOB = a_job()
NEW_ID = 77


def _judge(stream: Stream, until: float, job: Job = JOB, *absences: Absence) -> Verdict:
    return silence.judge(job, stream, absences, round(until * SECOND), NEW_ID)


def _away(from_at: float, until_at: float, number: int = 1) -> Absence:
    return Absence(number, round(from_at * SECOND), round(until_at * SECOND))


def _rows(job: Job, stream: Stream, until: float, *absences: Absence) -> tuple[Stream, list[Run]]:
    rows: list[Run] = []
    while (verdict := _judge(stream, until, job, *absences)).reason is not Reason.NOT_DUE:
        rows += [verdict.run] if verdict.run else []
        stream = verdict.stream
    return stream, rows


def test_a_miss_falls_at_every_whole_window() -> None:
    stream, rows = _rows(JOB, a_stream(), 3 * WINDOW)
    assert [(run.outcome, run.at, run.expected_at) for run in rows] == [
        ("missed", k * WINDOW * SECOND, (k * WINDOW - GRACE) * SECOND) for k in (1, 2, 3)
    ]
    assert (stream.missed_runs, stream.consecutive_failures, stream.check_at) == (3, 3, 4 * WINDOW * SECOND)


def test_never_before_the_deadline() -> None:
    assert _judge(a_stream(), WINDOW - 0.000_001).reason is Reason.NOT_DUE
    assert _judge(a_stream(), WINDOW).reason is Reason.MISSED


@pytest.mark.parametrize(
    ("job", "stream"),
    [
        (a_job(is_active=False), a_stream()),
        (JOB, a_stream(is_watched=False)),
        (a_job(is_expected=False), a_stream(a_job(is_expected=False))),
    ],
)
def test_where_nothing_is_waited_for(job: Job, stream: Stream) -> None:
    verdict = _judge(stream, 100 * WINDOW, job)
    assert (verdict.reason, verdict.stream.check_at, silence.next_due_at(job, stream)) == (Reason.NOT_DUE, None, None)
    assert silence.last_deadline(job, stream, 100 * WINDOW * SECOND) is None


def test_the_window_runs_from_the_last_success() -> None:
    stream = succeeded(JOB, a_stream(missed_runs=2, anchor_misses=2), 1000 * SECOND, None, 1000 * SECOND)
    assert silence.next_deadline(JOB, stream) == (1000 + WINDOW) * SECOND
    assert silence.next_due_at(JOB, stream) == (1000 + INTERVAL) * SECOND
    assert silence.last_deadline(JOB, stream, 1000 * SECOND) is None
    assert silence.last_deadline(JOB, stream, 9999 * SECOND) == (1000 + 2 * WINDOW) * SECOND


@pytest.mark.parametrize(
    ("began", "is_reported"),
    [(1, True), (WINDOW, True), (WINDOW + 1, False), (0, True)],  # at 0 expectation began, with this very run
)
def test_a_slot_that_was_reported_counts_without_a_row(began: float, is_reported: bool) -> None:
    verdict = _judge(a_stream(last_began_at=round(began * SECOND)), WINDOW)
    assert (verdict.run is None) is is_reported
    assert verdict.stream.missed_runs == 1
    assert verdict.stream.consecutive_failures == (0 if is_reported else 1)


def test_the_success_before_is_no_run_of_the_next_slot() -> None:
    stream = succeeded(JOB, a_stream(), 0, 0, 0)
    assert _judge(stream, WINDOW).reason is Reason.MISSED


def test_nine_rows_and_then_one_that_counts_them_all() -> None:
    stream, rows = a_stream(), []
    folded = 0
    for k in range(1, 15):
        verdict = silence.judge(JOB, stream, (), k * WINDOW * SECOND, 100 + k)
        stream, folded = verdict.stream, folded + verdict.folded
        rows += [verdict.run] if verdict.run else []
    assert len(rows) == 9
    assert (folded, stream.silence_run_id, stream.missed_runs) == (5, rows[-1].id, 14)


@pytest.mark.parametrize(
    ("gaps", "outcome"),
    [
        ([_away(3300, 3900)], "unknown"),  # the whole span
        ([_away(3000, 3301)], "unknown"),  # touched at its beginning
        ([_away(3899, 5000)], "unknown"),  # touched at its end
        ([_away(1000, 3300)], "missed"),  # over when the span begins
        ([_away(3900, 5000)], "missed"),  # begun when the span was over
        ([], "missed"),
    ],
)
def test_spans_that_absences_touch(gaps: list[Absence], outcome: str) -> None:
    verdict = _judge(a_stream(), WINDOW, JOB, *gaps)
    assert verdict.run is not None
    assert verdict.run.outcome == outcome


def test_the_rhythm_goes_on_from_the_expected_time() -> None:
    verdict = _judge(a_stream(missed_runs=2, consecutive_failures=3, is_affected=True), WINDOW, JOB, _away(3300, 3900))
    stream = verdict.stream
    assert silence.next_deadline(JOB, stream) == (INTERVAL + WINDOW) * SECOND
    assert (stream.missed_runs, stream.consecutive_failures, stream.is_affected, verdict.missed) == (2, 3, True, 0)


def test_another_absence_forgives_no_second_slot_in_a_row() -> None:
    touched_twice = (_away(3500, 3520), _away(7300, 7320, 2), _away(11_000, 11_020, 3))
    _, rows = _rows(JOB, a_stream(), 11_500, *touched_twice)
    assert [(run.outcome, run.at // SECOND) for run in rows] == [
        ("unknown", 3900),
        ("missed", 7500),
        ("unknown", 11_400),
    ]


def test_one_long_absence_forgives_as_long_as_it_lasts() -> None:
    _, rows = _rows(JOB, a_stream(), 20_000, _away(3500, 12_000))
    outcomes = [(run.outcome, run.at // SECOND) for run in rows]
    assert outcomes == [
        ("unknown", 3900),
        ("unknown", 7500),
        ("unknown", 11_100),
        ("missed", 14_700),
        ("missed", 18_600),
    ]


@pytest.mark.parametrize(
    ("every", "grace", "max_runtime", "expected"),
    [(3600, 300, None, 7800), (60, 60, None, 3600), (3600, 300, 90, 90), (None, 60, None, None), (None, 60, 90, 90)],
)
def test_how_long_a_run_may_take(every: int | None, grace: int, max_runtime: int | None, expected: int | None) -> None:
    job = a_job(is_expected=every is not None)
    if every is not None:
        job = job._replace(schedule=Interval(every * SECOND))
    limit = None if max_runtime is None else max_runtime * SECOND
    job = job._replace(grace=grace * SECOND, max_runtime=limit)
    assert silence.timeout_after(job, a_stream(job), 0) == (None if expected is None else expected * SECOND)


class TestRunsInProgress:
    job = a_job(max_runtime=600 * SECOND)
    run = a_run("in_progress", 100, started_at=100 * SECOND)
    stream = a_stream(open_runs=1)

    def judge(self, until: float, *absences: Absence, job: Job = job, stream: Stream = stream) -> Verdict:
        return silence.judge_run(job, stream, self.run, absences, round(until * SECOND))

    def outcome(self, verdict: Verdict) -> tuple[Reason, str, int]:
        assert verdict.run is not None
        return verdict.reason, verdict.run.outcome, verdict.run.at // SECOND

    def test_in_time(self) -> None:
        verdict = self.judge(699)
        assert verdict.reason is Reason.NOT_DUE
        assert verdict.run is not None
        assert verdict.run.check_at == 700 * SECOND

    def test_timed_out_at_its_deadline(self) -> None:
        verdict = self.judge(5000)
        assert self.outcome(verdict) == (Reason.TIMED_OUT, Outcome.TIMEOUT, 700)
        assert (verdict.stream.consecutive_failures, verdict.stream.open_runs, verdict.stream.missed_runs) == (1, 0, 0)

    def test_unknown_while_paused(self) -> None:
        verdict = self.judge(700, job=self.job._replace(is_active=False))
        assert self.outcome(verdict) == (Reason.UNKNOWN_PAUSED, Outcome.UNKNOWN, 700)
        assert (verdict.stream.consecutive_failures, verdict.stream.open_runs) == (0, 0)

    @pytest.mark.parametrize(
        ("gap", "is_forgiven"), [((50, 100), False), ((50, 101), True), ((699, 800), True), ((700, 800), False)]
    )
    def test_unknown_where_an_absence_overlaps(self, gap: tuple[int, int], is_forgiven: bool) -> None:
        verdict = self.judge(700, _away(*gap))
        assert (verdict.reason is Reason.UNKNOWN_WE_WERE_AWAY) is is_forgiven
        assert verdict.stream.unknown_timeout is is_forgiven

    def test_not_twice_in_a_row(self) -> None:
        verdict = self.judge(700, _away(200, 210), stream=self.stream._replace(unknown_timeout=True))
        assert verdict.reason is Reason.TIMED_OUT
        assert verdict.stream.unknown_timeout is False

    def test_a_timeout_before_a_known_success_is_history(self) -> None:
        verdict = self.judge(900, stream=self.stream._replace(last_success_at=800 * SECOND))
        assert verdict.is_late
        assert verdict.stream.consecutive_failures == 0


@pytest.mark.parametrize(
    ("began", "streak", "misses", "is_told"),
    [
        (100, 1, 1, True),  # its slot is the missed one
        (WINDOW, 1, 1, True),
        (WINDOW + 1, 1, 1, False),  # it began after it
        (100, 1, 2, False),  # its own slot had been reported, the next one is missed
        (WINDOW + 1, 1, 2, True),
        (100, 2, 2, True),
        (100, 0, 1, False),
    ],
)
def test_whether_a_late_run_is_a_failure_told_already(began: float, streak: int, misses: int, is_told: bool) -> None:
    stream = a_stream(silence_streak=streak, anchor_misses=misses)
    assert silence.is_missed_row_of(JOB, stream, round(began * SECOND)) is is_told
