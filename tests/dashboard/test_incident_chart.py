"""How an incident's course is drawn: everything within the picture, in order, and nothing upon anything else."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.dashboard.incident_chart import GROUND, TOP, Chart, Turn, draw
from tocsin.domain.model import SECOND

NOON = 1_763_380_800 * SECOND
HOUR = 3_600 * SECOND


def _draw(*turns: tuple[int, str], joined: list[tuple[int, int]] | None = None, now: int = NOON + 4 * HOUR) -> Chart:
    return draw(
        [Turn(at, status) for at, status in turns], joined or [], [(turns[0][0], "Open")], [], now, "Europe/Vienna"
    )


def test_it_ends_now_while_it_lives() -> None:
    chart = _draw((NOON, "Open"), joined=[(NOON, 17), (NOON + HOUR, 14)])
    assert [(s.state, s.word, round(s.x + s.width)) for s in chart.stretches] == [("open", "Open", 100)]
    assert [step.tenants for step in chart.steps] == [17, 31]
    assert chart.steps[-1].x + chart.steps[-1].width == 100


def test_each_state_is_a_stretch_and_an_opening_after_the_first_says_so() -> None:
    chart = _draw((NOON, "Open"), (NOON + HOUR, "Recovering"), (NOON + 2 * HOUR, "Open"), now=NOON + 3 * HOUR)
    assert [(s.state, s.word) for s in chart.stretches] == [
        ("open", "Open"),
        ("recovering", "Recovering"),
        ("open", "Open again"),
    ]


def test_between_closing_and_reopening_there_is_nothing() -> None:
    chart = _draw((NOON, "Open"), (NOON + HOUR, "Closed"), (NOON + 2 * HOUR, "Open"), now=NOON + 3 * HOUR)
    first, second = chart.stretches
    assert first.x + first.width < second.x


def test_a_state_too_short_for_its_word_has_none() -> None:
    chart = _draw((NOON, "Open"), (NOON + 100 * HOUR, "Recovering"), now=NOON + 101 * HOUR)
    assert [s.word for s in chart.stretches] == ["Open", ""]


@pytest.mark.parametrize("later", [0, 7, SECOND // 2 - 1, SECOND - 1])
def test_ticks_fall_on_whole_hours_of_the_viewer(later: int) -> None:
    chart = draw([Turn(NOON + later, "Open")], [], [], [], NOON + 4 * HOUR + later, "Asia/Kathmandu")
    assert chart.ticks
    assert {(tick.at + 45 * 60 * SECOND) % HOUR for tick in chart.ticks} <= {0, HOUR // 2}


moments = st.integers(NOON, NOON + 90 * 24 * HOUR)


@given(
    st.lists(st.tuples(moments, st.sampled_from(["Open", "Recovering", "Closed"])), min_size=1, max_size=12),
    st.lists(st.tuples(moments, st.integers(1, 100_000)), max_size=300),
    st.integers(0, 10**12),
)
def test_everything_lies_within_the_picture(
    turns: list[tuple[int, str]], joined: list[tuple[int, int]], later: int
) -> None:
    turns, joined = sorted(turns), sorted(joined)
    chart = _draw(*turns, joined=joined, now=turns[-1][0] + later)
    assert all(0 <= s.x <= 100 and 0 <= s.width <= 100 for s in chart.stretches)
    assert all(0 <= s.x <= 100 and TOP <= s.y <= GROUND for s in chart.steps)
    assert sum(count for _, count in joined) == (chart.steps[-1].tenants if chart.steps else 0)
    assert len(chart.steps) <= 62
    assert 1 <= len(chart.levels) <= 2
    assert len(chart.ticks) <= 8
    told = [s.x for s in chart.steps if s.is_told]
    assert all(b - a >= 9 for a, b in pairwise(told))


def test_the_latest_number_stands_at_its_end_where_it_is_too_new_for_its_beginning() -> None:
    chart = _draw((NOON, "Open"), joined=[(NOON, 17), (NOON + 4 * HOUR - 60 * SECOND, 3)])
    assert [(s.tenants, s.is_told, s.is_at_end) for s in chart.steps] == [(17, True, False), (20, True, True)]
