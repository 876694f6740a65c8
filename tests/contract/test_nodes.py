"""Leases, watermarks and absences on both engines."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.house import House, at, micros
from tocsin.domain.ids import NODE_LIMIT
from tocsin.domain.model import Absence
from tocsin.store import nodes
from tocsin.store.engine import Connection, Store
from tocsin.store.nodes import Fenced, Lease, NoFreeNodeError
from tocsin.store.schema import log_entries, runs


@contextmanager
def _writing(store: Store) -> Iterator[Connection]:
    with store.write() as connection:
        yield connection


def _join(store: Store, now: float, token: str = "one", *, is_ingesting: bool = True) -> Lease:
    with _writing(store) as connection:
        return nodes.register(connection, micros(now), token, "all", is_ingesting=is_ingesting)


def _beat(store: Store, lease: Lease, now: float, watermark: float | None = None) -> Absence | None:
    with _writing(store) as connection:
        passed = micros(now if watermark is None else watermark)
        return nodes.beat(connection, lease, micros(now), passed, is_ingesting=True)


def _horizon(store: Store, now: float) -> float | None:
    with _writing(store) as connection:
        return at(nodes.horizon(connection, micros(now)))


def _absences(store: Store) -> list[tuple[float | None, float | None]]:
    with _writing(store) as connection:
        return [(at(a.from_at), at(a.until_at)) for a in nodes.all_absences(connection)]


def test_each_node_takes_a_number_of_its_own(store: Store) -> None:
    assert [_join(store, 0, token).number for token in ("one", "two", "three")] == [0, 1, 2]


def test_the_number_of_a_stopped_or_dead_node_is_free_again(store: Store) -> None:
    first, second = _join(store, 0, "one"), _join(store, 0, "two")
    with _writing(store) as connection:
        nodes.stop(connection, first, micros(1))
    assert _join(store, 2, "three").number == first.number
    _beat(store, Lease(0, "three"), 11)
    assert _join(store, 11, "four").number == second.number


def test_there_is_an_end_of_numbers(store: Store) -> None:
    for i in range(NODE_LIMIT):
        _join(store, 0, str(i))
    with pytest.raises(NoFreeNodeError):
        _join(store, 0, "one too many")


def test_the_horizon_is_the_slowest_watermark(store: Store) -> None:
    one, two = _join(store, 0, "one"), _join(store, 0, "two")
    _beat(store, one, 3, watermark=2)
    _beat(store, two, 3, watermark=2.5)
    assert _horizon(store, 3) == 2
    with _writing(store) as connection:
        others = [nodes.others_horizon(connection, lease) for lease in (one, two)]
        nodes.stop(connection, one, micros(3.5))
    assert [at(moment) for moment in others] == [2.5, 2]
    assert _horizon(store, 4) == 2.5


def test_the_horizon_is_never_ahead_of_now_and_waits_for_no_worker(store: Store) -> None:
    assert _horizon(store, 1) == 1
    _join(store, 0, "worker", is_ingesting=False)
    assert _horizon(store, 5) == 5
    one = _join(store, 5, "one")
    _beat(store, one, 6, watermark=7)
    assert _horizon(store, 6) == 6


def test_a_dead_node_is_fenced_and_not_waited_for(store: Store) -> None:
    dead, alive = _join(store, 0, "dead"), _join(store, 0, "alive")
    for second in (3, 6, 9, 10.5):
        _beat(store, alive, second)
    assert _horizon(store, 10) == 0
    assert _horizon(store, 10.5) == 10.5
    with pytest.raises(Fenced):
        _beat(store, dead, 10.6)
    with pytest.raises(Fenced), _writing(store) as connection:
        nodes.confirm(connection, dead)()
    with _writing(store) as connection:
        nodes.confirm(connection, alive)()


def test_a_successor_of_its_number_fences_a_node(store: Store) -> None:
    old = _join(store, 0, "old")
    assert _join(store, 11, "new").number == old.number
    with pytest.raises(Fenced):
        _beat(store, old, 12)


def test_over_five_seconds_without_a_heartbeat_are_an_absence(store: Store) -> None:
    house = House(store)
    lease = _join(store, 0)
    assert _beat(store, lease, 5) is None
    gap = _beat(store, lease, 10.1)
    assert gap is not None
    assert (at(gap.from_at), at(gap.until_at)) == (5, 10.1)
    assert _beat(store, lease, 11) is None
    assert _absences(store) == [(5, 10.1)]
    entry = house.rows(log_entries)[-1]
    assert (entry.kind, at(entry.at)) == ("system", 10.1)


def test_nobody_is_away_while_another_node_commits(store: Store) -> None:
    one, two = _join(store, 0, "one"), _join(store, 0, "two")
    _beat(store, two, 4)
    _beat(store, two, 8)
    assert _beat(store, one, 9) is None
    assert _absences(store) == []


def test_an_orderly_stop_records_its_exact_moment(store: Store) -> None:
    lease = _join(store, 0)
    _beat(store, lease, 1)
    with _writing(store) as connection:
        nodes.stop(connection, lease, micros(1.25))
    _join(store, 5, "worker", is_ingesting=False)
    _join(store, 60, "next")
    assert _absences(store) == [(1.25, 60)]


def test_a_short_restart_is_no_absence(store: Store) -> None:
    lease = _join(store, 0)
    with _writing(store) as connection:
        nodes.stop(connection, lease, micros(1))
    _join(store, 6, "next")
    assert _absences(store) == []


def test_a_worker_that_beats_does_not_hide_that_nobody_could_report(store: Store) -> None:
    _join(store, 0, "ingest")
    worker = _join(store, 0, "worker", is_ingesting=False)
    with _writing(store) as connection:
        nodes.beat(connection, worker, micros(60), micros(60), is_ingesting=False)
    _join(store, 61, "again")
    assert _absences(store) == [(0, 61)]


def test_nothing_after_the_last_commit_is_judged_while_no_ingesting_node_lives(store: Store) -> None:
    """Whoever joins next may find that we were away since then."""
    lease = _join(store, 0, "ingest")
    _beat(store, lease, 4, watermark=3.5)
    _join(store, 5, "worker", is_ingesting=False)
    assert [_horizon(store, now) for now in (5, 13, 15, 60)] == [3.5, 3.5, 4, 4]
    again = _join(store, 61, "again")
    assert _horizon(store, 61) == 61
    with _writing(store) as connection:
        nodes.stop(connection, again, micros(62))
    assert _horizon(store, 70) == 62


@pytest.mark.parametrize("is_orderly", [True, False])
def test_a_worker_that_starts_before_any_ingesting_node_alarms_nobody(store: Store, is_orderly: bool) -> None:
    """A thousand runs fall due while nobody could report them."""
    house = House(store)
    house.make_job(miss_threshold=1, impact_threshold=1)
    lease = _join(store, 0, "ingest")
    house.record([house.submission("success", f"tenant-{i}", received=i / 1000) for i in range(1000)])
    house.now = 3895
    _beat(store, lease, house.now)
    if is_orderly:
        with _writing(store) as connection:
            nodes.stop(connection, lease, micros(house.now))
    _join(store, 3896, "worker", is_ingesting=False)

    def tick(now: float) -> int:
        until_at = _horizon(store, now)
        assert until_at is not None
        return house.tick.advance(micros(until_at), micros(now))

    assert [tick(3896 + second) for second in range(0, 20, 3)] == [0] * 7
    _join(store, 3916, "again")
    assert tick(3916) == 1000
    assert {row.outcome for row in house.rows(runs)} == {"ok", "unknown"}
    assert house.told() == []
