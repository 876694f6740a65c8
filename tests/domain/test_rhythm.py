"""What starts teach: the numbers of the contract, as laws."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.model import SECOND
from tocsin.domain.rhythm import Expectation, Rhythm, as_of, expectation, read, started, starts_of, taught_by, written

MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND
PERIODS = st.sampled_from([MINUTE, 5 * MINUTE, HOUR, 6 * HOUR, DAY, 7 * DAY])


def _taught(starts: list[int]) -> Rhythm:
    rhythm = Rhythm()
    for moment in starts:
        rhythm = started(rhythm, moment)
    return rhythm


def _known(rhythm: Rhythm) -> Expectation:
    known = expectation(rhythm, None)
    assert known is not None
    return known


def test_nothing_before_five_gaps() -> None:
    starts = [k * HOUR for k in range(6)]
    assert expectation(_taught(starts[:5]), None) is None
    assert _known(_taught(starts)) == Expectation(HOUR, HOUR // 4, HOUR + HOUR // 4)


@given(PERIODS, st.lists(st.floats(-0.02, 0.02), min_size=7, max_size=60))
def test_jitter_raises_no_alarm(period: int, jitter: list[float]) -> None:
    starts = [round((k + 1 + j) * period) for k, j in enumerate(jitter)]
    rhythm = _taught(starts[:6])
    for start in starts[6:]:
        assert start < (rhythm.last_at or 0) + _known(rhythm).first
        rhythm = started(rhythm, start)
    assert abs(_known(rhythm).every - period) <= 0.05 * period


def test_runs_that_start_together_leave_no_gap() -> None:
    starts = [k * HOUR for k in range(8)]
    assert _taught([start for start in starts for _ in range(3)]) == _taught(starts)


def test_a_gap_that_later_ones_stood_for_is_known_again_before_them() -> None:
    starts = [k * HOUR for k in range(8)]
    later = [7 * HOUR + k * 65 * MINUTE for k in range(1, 5)]
    assert as_of(_taught(starts + later), starts[-1]) == _taught(starts)


@given(st.sampled_from([MINUTE, HOUR]), st.integers(3, 30), st.integers(6, 30))
def test_a_changed_rhythm_is_learned_from_five_gaps(period: int, factor: int, before: int) -> None:
    starts = [k * period for k in range(before)]
    starts += [starts[-1] + k * factor * period for k in range(1, 6)]
    known = _known(_taught(starts))
    assert known.every == factor * period
    assert known.first <= round(1.5 * known.every) + MINUTE
    back = _taught(starts + [starts[-1] + k * period for k in range(1, 6)])
    assert _known(back).every == period
    assert _known(back).first <= round(1.5 * period) + MINUTE


@given(st.lists(st.floats(0, 0.01), min_size=70, max_size=70))
def test_monday_to_friday_is_known_by_the_fourth_weekend(jitter: list[float]) -> None:
    days = [day for day in range(98) if day % 7 < 5]
    starts = [round((day + j) * DAY) for day, j in zip(days, jitter, strict=True)]
    rhythm = Rhythm()
    for day, start in zip(days, starts, strict=True):
        if day > 3 * 7 + 5:
            assert start < (rhythm.last_at or 0) + _known(rhythm).first
        rhythm = started(rhythm, start)


def test_an_irregular_job_is_not_waited_for_for_ever() -> None:
    gaps = [MINUTE, HOUR, 5 * MINUTE, 3 * HOUR, 2 * MINUTE, 2 * HOUR, 30 * MINUTE]
    starts = [sum(gaps[:k]) for k in range(len(gaps) + 1)]
    assert _known(_taught(starts)).first <= 3 * HOUR + 3 * HOUR // 2


def test_a_jobs_own_grace_is_never_shortened() -> None:
    rhythm = _taught([k * MINUTE for k in range(8)])
    assert expectation(rhythm, 5 * HOUR) == Expectation(MINUTE, 5 * HOUR, MINUTE + 5 * HOUR)


@given(st.lists(st.integers(1, 10_000), min_size=2, max_size=30, unique=True), st.data())
def test_a_late_start_is_learned_as_if_it_had_come_in_time(seconds: list[int], data: st.DataObject) -> None:
    """Unless the rhythm changed meanwhile, and the older starts are forgotten."""
    starts = [second * SECOND for second in sorted(seconds)]
    late = data.draw(st.sampled_from(starts[1:]))
    in_time, delayed = _taught(starts), _taught([s for s in starts if s != late] + [late])
    if len(in_time.gaps) == len(delayed.gaps) == len(starts) - 1:
        assert starts_of(delayed) == starts_of(in_time) == starts


@given(st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_kept_and_read_again(gaps: list[int]) -> None:
    rhythm = _taught([sum(gaps[:k]) * HOUR for k in range(len(gaps) + 1)])
    assert read(written(rhythm)) == rhythm
    assert as_of(rhythm, rhythm.last_at or 0).gaps == rhythm.gaps


@given(st.lists(st.integers(0, 28 * 86_400 * SECOND), unique=True, max_size=45), st.randoms(use_true_random=False))
def test_starts_of_the_past_teach_what_they_would_have_taught_in_their_time(starts: list[int], chance: Random) -> None:
    in_time = _taught(sorted(starts))
    chance.shuffle(starts)
    assert taught_by(starts) == in_time
