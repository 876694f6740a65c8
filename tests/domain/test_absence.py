"""What an absence of ours does to spans and clocks."""

import pytest

from tocsin.domain.absence import covers, due_at, forgiving, overlapping
from tocsin.domain.model import Absence

FIRST, SECOND_ONE, THIRD = Absence(1, 10, 20), Absence(2, 30, 40), Absence(3, 40, 50)
ALL = [FIRST, SECOND_ONE, THIRD]


@pytest.mark.parametrize(
    ("span", "ids"),
    [((0, 10), []), ((0, 11), [1]), ((19, 30), [1]), ((20, 30), []), ((15, 45), [1, 2, 3]), ((12, 13), [1])],
)
def test_absences_that_share_time_with_a_span(span: tuple[int, int], ids: list[int]) -> None:
    assert [absence.id for absence in overlapping(ALL, *span)] == ids


@pytest.mark.parametrize(
    ("span", "is_covered"),
    [((10, 20), True), ((9, 20), False), ((10, 21), False), ((30, 50), True), ((35, 45), True), ((15, 35), False)],
)
def test_spans_inside_absences(span: tuple[int, int], is_covered: bool) -> None:
    assert covers(ALL, *span) is is_covered


@pytest.mark.parametrize(
    ("span", "before", "forgiver"),
    [
        ((0, 10), None, None),  # none touches it
        ((5, 15), None, 1),  # touched, and the slot before was heard or missed
        ((5, 15), 1, 1),  # the same absence still
        ((25, 35), 1, None),  # touched by a different one: a nightly restart cannot forgive for ever
        ((31, 39), 1, 2),  # inside another one: nobody could report at all
        ((32, 48), 1, 3),  # inside two that meet
        ((15, 35), 1, 1),  # touched by the same and another
        ((20, 30), 1, None),
    ],
)
def test_who_forgives_a_span(span: tuple[int, int], before: int | None, forgiver: int | None) -> None:
    assert forgiving(ALL, *span, before) == forgiver


@pytest.mark.parametrize(
    ("start", "duration", "due"),
    [
        (0, 10, 10),  # over when the absence begins
        (0, 11, 21),
        (15, 5, 25),  # begun while we were away
        (20, 10, 30),
        (0, 25, 55),  # three absences, two of which meet
        (50, 5, 55),
        (0, 0, 0),
    ],
)
def test_clocks_stand_still_while_we_are_away(start: int, duration: int, due: int) -> None:
    assert due_at(start, duration, ALL) == due
    assert due_at(start, duration, [THIRD, FIRST, SECOND_ONE]) == due
