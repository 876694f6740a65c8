from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.model import SECOND, AlertKind
from tocsin.domain.sharing import SINGLES, SPAN, Gathering, Topic, gather, topic_of


def _tell(moments: list[int]) -> tuple[list[int], dict[int, list[int]], dict[int, int]]:
    """The moments told one by one; by shared delivery, the moments it takes in; by shared delivery, when it goes."""
    gathering, singles, shared, sent_at = Gathering(), [], {}, {}  # type: ignore[var-annotated]
    for number, now in enumerate(moments):
        gathering = gather(gathering, now, number)
        if gathering.until_at <= now:
            singles.append(now)
        else:
            assert gathering.delivery_id is not None
            shared.setdefault(gathering.delivery_id, []).append(now)
            sent_at[gathering.delivery_id] = gathering.until_at
    return singles, shared, sent_at


def test_twenty_at_once_are_five_and_one_for_the_rest() -> None:
    singles, shared, sent_at = _tell([7] * 20)
    assert singles == [7] * 5
    assert [len(moments) for moments in shared.values()] == [15]
    assert list(sent_at.values()) == [7 + SPAN]


def test_five_in_half_a_minute_go_one_by_one_again_and_again() -> None:
    moments = [burst * SPAN + at for burst in range(10) for at in range(5)]
    assert _tell(moments)[0] == moments


def test_a_storm_that_goes_on_is_gathered_again() -> None:
    singles, shared, _ = _tell([second * SECOND for second in range(120)])
    assert len(singles) == 20
    assert [len(moments) for moments in shared.values()] == [25] * 4


@given(st.lists(st.integers(0, 20 * SECOND), max_size=200).map(lambda gaps: list(accumulate(gaps))))
def test_never_more_than_five_one_by_one_and_nothing_lost_or_long_held(moments: list[int]) -> None:
    singles, shared, sent_at = _tell(moments)
    for first, sixth in zip(singles, singles[SINGLES:], strict=False):
        assert sixth - first >= SPAN
    told = sorted([*singles, *(at for taken in shared.values() for at in taken)])
    assert told == moments
    for delivery_id, taken in shared.items():
        assert all(at < sent_at[delivery_id] <= at + SPAN for at in taken)


@pytest.mark.parametrize(
    ("kind", "topic"),
    [
        (AlertKind.OPENED, Topic.OPENING),
        (AlertKind.REOPENED, Topic.OPENING),
        (AlertKind.RESOLVED, Topic.ENDING),
        (AlertKind.REMINDER, Topic.REMINDER),
        (AlertKind.BLAST_RADIUS_EXPANDED, None),
        (AlertKind.TEST, None),
    ],
)
def test_what_is_shared_says_one_thing(kind: AlertKind, topic: Topic | None) -> None:
    assert topic_of(kind) == topic
