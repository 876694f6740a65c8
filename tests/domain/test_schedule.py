"""When a job is expected."""

import pytest

from tocsin.domain.schedule import Interval, Schedule, Unscheduled, distance, early_margin, window


@pytest.mark.parametrize(
    ("schedule", "grace", "expected"),
    [
        (Interval(3600), 300, (3900, 3600, 300)),
        (Interval(3600), 500, (4100, 3600, 360)),  # a tenth of the distance is less than the grace
        (Interval(60), 0, (60, 60, 0)),
        (Interval(9), 5, (14, 9, 0)),
        (Unscheduled(), 300, (None, None, 0)),
    ],
)
def test_window_distance_and_early_margin(
    schedule: Schedule, grace: int, expected: tuple[int | None, int | None, int]
) -> None:
    assert (window(schedule, grace), distance(schedule, 0), early_margin(schedule, grace)) == expected
