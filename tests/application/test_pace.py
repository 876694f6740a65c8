"""How many rows a slice takes."""

import pytest

from tocsin.application.pace import Pace, steady


@pytest.mark.parametrize(
    ("is_awaited", "rows", "milliseconds", "size"),
    [
        (True, 500, 62.5, 500),  # as it should be
        (True, 500, 125, 250),
        (True, 500, 10, 1000),  # never more than twice as many
        (True, 500, 10_000, 100),  # never fewer than the least
        (False, 500, 125, 1000),  # nobody waits: four times as long
        (True, 0, 1000, 500),  # an empty slice teaches nothing
    ],
)
def test_the_next_slice_fills_its_span(is_awaited: bool, rows: int, milliseconds: float, size: int) -> None:
    pace = Pace()
    pace.took(rows, round(milliseconds * 1000), is_awaited=is_awaited)
    assert pace.size == size


def test_a_slice_never_grows_beyond_the_most() -> None:
    pace = Pace(most=2_000)
    for _ in range(10):
        pace.took(pace.size, 1)
    assert pace.size == 2_000


def test_a_steady_pace_stays() -> None:
    pace = steady(37)
    pace.took(37, 1)
    pace.took(37, 10**9)
    assert pace.size == 37
