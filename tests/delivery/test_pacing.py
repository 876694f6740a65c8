from tocsin.delivery.channel import Pace
from tocsin.delivery.pacing import Pacer

SLOW = Pace(per_second=1, burst=5)
FAST = Pace(per_second=100, burst=100)


def _send(pacer: Pacer, pace: Pace, now: float) -> int:
    """As many as there is room for, each answered at once."""
    room = pacer.room(1, pace, now)
    for _ in range(room):
        pacer.begin(1, pace, now)
    for _ in range(room):
        pacer.end(1)
    return room


def test_a_burst_and_then_one_a_second() -> None:
    pacer = Pacer()
    assert [_send(pacer, SLOW, second) for second in (0, 0.5, 1, 2, 2.5, 4, 100)] == [5, 0, 1, 1, 0, 2, 5]


def test_a_channel_that_hangs_takes_no_more_than_its_share() -> None:
    pacer = Pacer()
    for _ in range(FAST.at_once):
        pacer.begin(1, FAST, 0)
    assert pacer.room(1, FAST, 99) == 0
    assert pacer.full(99) == [1]
    assert pacer.room(2, FAST, 99) == FAST.at_once
    pacer.end(1)
    assert pacer.room(1, FAST, 99) == 1


def test_a_kind_of_channel_may_want_less_at_once() -> None:
    pacer, one_by_one = Pacer(), Pace(per_second=100, burst=100, at_once=1)
    pacer.begin(1, one_by_one, 0)
    assert pacer.room(1, one_by_one, 99) == 0
    assert pacer.full(99) == [1]


def test_channels_at_rest_are_forgotten() -> None:
    pacer = Pacer()
    _send(pacer, SLOW, 0)
    assert pacer.full(0) == [1]
    assert pacer.full(60) == []
    assert vars(pacer) == {"_in_flight": {}, "_arrives": {}}
