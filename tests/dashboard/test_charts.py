"""Sparklines: from zero at the bottom to the largest at the top."""

import pytest

from tocsin.dashboard.charts import sparkline


@pytest.mark.parametrize(
    ("values", "heights"),
    [
        ([0, 5, 10], [30.0, 16.5, 3.0]),
        ([7, 7, 7], [16.5, 16.5, 16.5]),
        ([0, 0], [30.0, 30.0]),
        ([], [30.0]),
    ],
)
def test_what_never_changes_runs_along_the_middle(values: list[float], heights: list[float]) -> None:
    points = sparkline(values).line.removeprefix("M").split("L")
    assert [float(point.split()[1]) for point in points] == heights
