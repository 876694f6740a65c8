from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.model import SECOND
from tocsin.domain.rate import MINUTE, pay, price, wait


def _taken(per_minute: int, moments: list[int]) -> int:
    paid_at = taken = 0
    for now in moments:
        if wait(paid_at, now, price(per_minute)) == 0:
            paid_at = pay(paid_at, now, price(per_minute))
            taken += 1
    return taken


def test_a_minutes_allowance_at_once_and_then_evenly() -> None:
    assert _taken(600, [MINUTE] * 1_000) == 600
    assert _taken(600, [MINUTE] * 1_000 + [MINUTE + SECOND] * 1_000) == 610


@given(st.integers(1, 100_000), st.lists(st.integers(0, 5 * MINUTE), max_size=300))
def test_never_more_than_a_burst_and_the_rate(per_minute: int, gaps: list[int]) -> None:
    moments = [MINUTE + gap for gap in sorted(gaps)]
    allowed = per_minute + (moments[-1] - moments[0]) / price(per_minute) if moments else 0
    assert _taken(per_minute, moments) <= allowed + 1


@given(st.integers(1, 100_000), st.integers(0, 10 * MINUTE), st.integers(0, 10 * MINUTE))
def test_who_waits_as_long_as_they_were_told_is_taken(per_minute: int, paid_at: int, now: int) -> None:
    cost = price(per_minute)
    assert wait(paid_at, now + wait(paid_at, now, cost), cost) == 0


def test_one_that_is_larger_than_all_of_it_is_taken_when_all_before_is_paid() -> None:
    assert wait(0, MINUTE, 2 * MINUTE) == 0
    assert wait(MINUTE + 1, MINUTE, 2 * MINUTE) == 1
