"""Days, durations that add up, and what is folded."""

from datetime import UTC, datetime, timedelta
from math import ceil
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain import WINDOW, a_job, a_run, a_stream
from tocsin.domain import folding, sketch
from tocsin.domain.days import Days, name_of
from tocsin.domain.model import SECOND
from tocsin.domain.sketch import Sketch
from tocsin.domain.tally import Fold, Notes, Stale, read_notes

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DURATIONS = st.lists(st.integers(0, 10**12), min_size=1, max_size=60)


def moment(text: str) -> int:
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("zone", "at", "day", "begins"),
    [
        ("UTC", "2026-01-05T00:00:00Z", "2026-01-05", "2026-01-05T00:00:00Z"),
        ("UTC", "2026-01-04T23:59:59.999999Z", "2026-01-04", "2026-01-04T00:00:00Z"),
        ("Europe/Vienna", "2026-01-04T23:00:00Z", "2026-01-05", "2026-01-04T23:00:00Z"),
        ("Europe/Vienna", "2026-03-29T12:00:00Z", "2026-03-29", "2026-03-28T23:00:00Z"),  # of 23 hours
        ("Europe/Vienna", "2026-10-25T22:30:00Z", "2026-10-25", "2026-10-24T22:00:00Z"),  # of 25 hours
        ("Asia/Kathmandu", "2026-01-04T18:15:00Z", "2026-01-05", "2026-01-04T18:15:00Z"),
        ("Asia/Kathmandu", "2026-01-04T18:14:59Z", "2026-01-04", "2026-01-03T18:15:00Z"),
        ("Africa/Cairo", "2026-04-23T22:30:00Z", "2026-04-24", "2026-04-23T22:00:00Z"),  # without a midnight
    ],
)
def test_days_are_those_of_the_zone(zone: str, at: str, day: str, begins: str) -> None:
    days = Days(zone)
    number = days.of(moment(at))
    assert name_of(number) == day
    assert days.start(number) == moment(begins)


@given(st.integers(0, 2_000_000_000), st.sampled_from(["Europe/Vienna", "America/St_Johns", "Africa/Cairo", "UTC"]))
def test_every_moment_is_of_one_day(second: int, zone: str) -> None:
    days, at = Days(zone), second * SECOND
    number = days.of(at)
    assert days.start(number) <= at < days.start(number + 1)
    assert name_of(number) == (_EPOCH + timedelta(seconds=second)).astimezone(ZoneInfo(zone)).date().isoformat()


@given(DURATIONS, st.sampled_from([0.01, 0.5, 0.95, 1.0]))
def test_quantiles_are_within_one_percent(durations: list[int], share: float) -> None:
    exact = sorted(durations)[max(ceil(share * len(durations)), 1) - 1]
    found = sketch.quantile(Sketch(map(sketch.bucket_of, durations)), share)
    assert found is not None
    assert abs(found - exact) <= sketch.ERROR * exact + 0.5


@given(DURATIONS, DURATIONS)
def test_sketches_add_up_and_come_back_as_they_were_written(some: list[int], others: list[int]) -> None:
    one, other = Sketch(map(sketch.bucket_of, some)), Sketch(map(sketch.bucket_of, others))
    assert one + other == Sketch(map(sketch.bucket_of, [*some, *others]))
    assert sketch.read(sketch.written(one)) == one
    assert sketch.read(sketch.written(Sketch())) == Sketch()


def test_of_nothing_there_is_no_quantile() -> None:
    assert sketch.quantile(Sketch(), 0.5) is None


def test_misses_that_are_folded_fall_due_one_window_apart() -> None:
    assert folding.folded(a_job(), a_stream(), 1000, 3) == Fold(1, 1, 1, 1000, 3, WINDOW * SECOND)


def test_what_is_drawn_anew_is_taken_back_and_counted_again() -> None:
    gone = [a_run("missed", 100, missed_count=4), a_run("missed", 50)]
    drawn = [a_run("missed", 200, missed_count=2), a_run("unknown", 300, missed_count=7)]
    window = WINDOW * SECOND
    assert folding.redrawn(a_job(), a_stream(), gone, drawn) == [
        Fold(1, 1, 1, 100 * SECOND + window, -3, window),
        Fold(1, 1, 1, 200 * SECOND + window, 1, window),
    ]


def test_notes_come_back_as_they_were_left() -> None:
    notes = Notes((Fold(1, 2, 3, 4, -5, 6),), (Stale(1, 2, 3, 4), Stale(5, 6, 7, 8)))
    assert read_notes(notes.written()) == notes
