"""Rates, times to recover, and the direction of a trend."""

import pytest

from tocsin.domain import statistics
from tocsin.domain.statistics import Direction, Recovery


@pytest.mark.parametrize(
    ("counts", "direction", "slope"),
    [
        ([], "steady", 0.0),
        ([5], "steady", 0.0),
        ([0, 0, 0, 0], "steady", 0.0),
        ([0, 1, 2, 3, 4], "rising", 1.0),
        ([4, 3, 2, 1, 0], "falling", -1.0),
        ([3, 3, 3, 3, 3], "steady", 0.0),
        ([10, 11, 10, 11, 10], "steady", 0.2),  # a little up and down
        ([1, 0, 0, 0, 0], "steady", -0.3),  # two or fewer tell nothing
        ([5, 5, 5, 5, 0], "steady", 0.0),  # today has only just begun
        ([5, 5, 5, 5, 4], "steady", 0.0),
        ([0, 0, 0, 0, 6], "rising", 1.2),  # but it may say by now that it is bad
        ([6, 4, 2, 0, 1], "falling", -2.0),
    ],
)
def test_the_direction_of_a_trend(counts: list[int], direction: Direction, slope: float) -> None:
    found = statistics.trend(counts)
    assert found.direction == direction
    assert found.slope == pytest.approx(slope)


@pytest.mark.parametrize(
    ("minutes", "mean", "median"),
    [
        ([], None, None),
        ([10], 600.0, 600.0),
        ([10, 20], 900.0, 900.0),
        ([1, 2, 57], 1200.0, 120.0),  # one long night does not move the median
    ],
)
def test_times_to_recover(minutes: list[int], mean: float | None, median: float | None) -> None:
    assert statistics.recovery([one * 60_000_000 for one in minutes]) == Recovery(mean, median)


@pytest.mark.parametrize(("part", "whole", "share"), [(0, 0, None), (0, 4, 0.0), (1, 4, 0.25), (4, 4, 1.0)])
def test_a_share_of_nothing_is_none(part: int, whole: int, share: float | None) -> None:
    assert statistics.share(part, whole) == share
