"""What time alone brings about, on both engines: one tick or many at once, over one stream or many."""

import threading
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.support.house import House, at, micros
from tocsin.application.advance_time import Tick
from tocsin.application.pace import steady
from tocsin.domain.model import SECOND
from tocsin.store import due
from tocsin.store.engine import Store
from tocsin.store.schema import alerts, incident_tenants, incidents, job_environments, runs, streams

WINDOW = 3900
#: More than a slice of the house's tick, which is 200.
MANY = 450


@pytest.fixture
def house(store: Store) -> House:
    house = House(store)
    house.make_job(miss_threshold=99, impact_threshold=99)
    return house


def _fill(house: House, number: int = MANY, apart: float = 0) -> None:
    house.record([house.submission("success", f"tenant-{i}", received=i * apart) for i in range(number)])


def _environment(house: House) -> dict[str, Any]:
    return dict(house.rows(job_environments)[0]._mapping)


def test_nothing_is_judged_before_its_deadline(house: House) -> None:
    house.check_in("success")
    house.tick.advance(micros(WINDOW) - 1, micros(WINDOW))
    assert house.runs() == [("ok", 0)]
    house.tick.advance(micros(WINDOW), micros(WINDOW))
    assert house.runs() == [("ok", 0), ("missed", WINDOW)]


def test_a_stream_heard_since_is_only_put_off(house: House) -> None:
    house.check_in("success")
    house.now = 3000
    house.check_in("success")
    assert at(house.stream().check_at) == WINDOW  # a check-in touches no index
    house.pass_time(WINDOW)
    assert at(house.stream().check_at) == 3000 + WINDOW
    assert house.runs() == [("ok", 0), ("ok", 3000)]


def test_more_streams_than_a_slice_fall_silent_together(house: House) -> None:
    house.change_job(impact_threshold=MANY)
    _fill(house)
    house.pass_time(WINDOW)
    incident = house.rows(incidents)[0]
    assert (incident.tenant_count, incident.missed_runs) == (MANY, MANY)
    assert len(house.rows(incident_tenants)) == MANY
    assert house.told() == [("opened", WINDOW)]
    assert _environment(house)["late_count"] == _environment(house)["affected_count"] == MANY


def test_late_ones_are_let_in_when_the_incident_opens(house: House) -> None:
    house.change_job(impact_threshold=3)
    _fill(house, 4, apart=10)
    house.pass_time(WINDOW + 15)
    assert house.rows(incidents) == []
    house.pass_time(WINDOW + 20)
    assert house.rows(incidents)[0].tenant_count == 3
    house.pass_time(WINDOW + 30)
    assert [m.missed_runs for m in house.rows(incident_tenants)] == [1, 1, 1, 1]
    assert house.told() == [("opened", WINDOW + 20), ("blastRadiusExpanded", WINDOW + 30)]


def test_a_late_tick_tells_the_same_as_one_in_time(house: House) -> None:
    house.change_job(miss_threshold=2, failure_threshold=3)
    house.record([house.submission("success", "a"), house.submission("start", "b", received=5)])
    house.tick.advance(micros(20 * WINDOW), micros(20 * WINDOW))
    in_time = House(house.store, house.ids)
    in_time.make_job(miss_threshold=2, failure_threshold=3, impact_threshold=99)
    in_time.record([in_time.submission("success", "a"), in_time.submission("start", "b", received=5)])
    in_time.pass_time(20 * WINDOW)
    assert house.runs() == in_time.runs()
    assert [(s.missed_runs, s.consecutive_failures) for s in house.rows(streams)] == [(20, 20), (19, 19)]
    assert house.timeline() == in_time.timeline() == [(None, "Open", 2 * WINDOW)]


def test_silence_is_folded_from_the_tenth_row_on(house: House) -> None:
    house.check_in("success")
    house.pass_time(500 * WINDOW)
    silent = house.rows(runs, runs.c.outcome == "missed")
    assert [run.missed_count for run in silent] == [1] * 8 + [492]
    assert house.stream().missed_runs == 500


def test_folding_begins_anew_after_a_success(house: House) -> None:
    house.check_in("success")
    house.pass_time(20 * WINDOW + 1)
    house.check_in("success")
    house.pass_time(house.now + 2 * WINDOW)
    assert len(house.rows(runs, runs.c.outcome == "missed")) == 9 + 2


def test_the_next_moment_is_the_earliest_of_all_that_waits(house: House) -> None:
    def next_moment() -> float | None:
        with house.store.read() as connection:
            return at(due.next_moment(connection))

    assert next_moment() is None
    house.check_in("success")
    assert next_moment() == WINDOW
    house.change_job(max_runtime=60_000_000)
    house.check_in("start", received=100)
    assert next_moment() == 160


def test_counters_equal_counting_after_much(house: House) -> None:
    house.change_job(miss_threshold=2, impact_threshold=5)
    _fill(house, 30, apart=1)
    house.pass_time(WINDOW + 10)
    house.record([house.submission("success", f"tenant-{i}", received=house.now) for i in range(0, 30, 3)])
    house.deactivate("tenant-1")
    house.pass_time(2 * WINDOW + 5)
    kept = _environment(house)
    rows = house.rows(streams, streams.c.is_watched)
    assert kept["watched_count"] == len(rows) == 29
    assert kept["late_count"] == sum(row.missed_runs - row.missed_base >= 1 for row in rows)
    assert kept["affected_count"] == sum(row.is_affected for row in rows)
    incident = house.rows(incidents)[0]
    assert incident.tenant_count == len(house.rows(incident_tenants))


@pytest.mark.parametrize("size", [7, 100, MANY])
def test_the_size_of_a_slice_changes_nothing(house: House, size: int) -> None:
    """Whoever falls silent within a second may be judged in any order; the incident opens with the third of them."""
    house.change_job(miss_threshold=99, impact_threshold=3)
    shuffled = [i * 7919 % MANY for i in range(MANY)]
    house.record(
        [house.submission("success", f"tenant-{i}", received=order / MANY) for i, order in enumerate(shuffled)]
    )
    tick = Tick([house.store.write], house.hot, house.ids, steady(size), "https://tocsin.example")
    tick.advance(micros(WINDOW + 1), micros(WINDOW + 1))
    [incident] = house.rows(incidents)
    assert at(incident.opened_at) == pytest.approx(WINDOW + 2 / MANY)
    assert incident.tenant_count == incident.missed_runs == len(house.rows(incident_tenants)) == MANY
    assert [row.kind for row in house.rows(alerts)] == ["opened", "blastRadiusExpanded"]
    missed = {run.stream_id: (run.outcome, run.at, run.finished_at) for run in house.rows(runs) if run.at > micros(1)}
    for stream in house.rows(streams):
        assert (stream.missed_runs, stream.successes_in_row, stream.due_at, stream.is_affected) == (1, 0, None, True)
        assert missed[stream.id] == ("missed", stream.last_success_at + WINDOW * SECOND, None)


def test_many_ticks_and_check_ins_at_once_make_one_incident(house: House) -> None:
    """Two ticks and two recorders, over streams that fall silent and come back at the same time."""
    house.change_job(miss_threshold=1, impact_threshold=1)
    _fill(house, MANY)
    failures: list[Exception] = []
    barrier = threading.Barrier(4)

    def attempt(work: Any) -> None:
        try:
            barrier.wait(10)
            work()
        except Exception as error:  # noqa: BLE001 -- told by the main thread
            failures.append(error)

    def judge() -> None:
        tick = Tick([house.store.write] * 2, house.hot, house.ids, steady(37), "https://tocsin.example")
        for _ in range(3):
            tick.advance(micros(WINDOW), micros(WINDOW))

    def hear(first: int) -> None:
        for i in range(first, MANY, 2):
            batch = [house.submission("success", f"tenant-{i}", received=WINDOW + 1)]
            house.record(batch)

    work = [judge, judge, lambda: hear(0), lambda: hear(1)]
    threads = [threading.Thread(target=attempt, args=(one,), daemon=True) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert not any(thread.is_alive() for thread in threads)
    assert len(house.rows(incidents)) == 1
    assert len(house.rows(incident_tenants)) == MANY == house.rows(incidents)[0].tenant_count
    with house.store.read() as connection:
        found = connection.execute(select(runs.c.outcome, func.count()).group_by(runs.c.outcome)).all()
    assert {tuple(row) for row in found} == {("ok", 2 * MANY), ("missed", MANY)}
    counted = _environment(house)
    assert (counted["late_count"], counted["affected_count"], counted["watched_count"]) == (0, 0, MANY)
