"""A tick that comes late, on both engines: an incident's clock never runs ahead of what nobody has judged yet."""

from typing import Any

import pytest
from sqlalchemy import select

from tests.support.house import House, at, micros
from tocsin.domain.model import SECOND
from tocsin.store import raw
from tocsin.store.engine import Store
from tocsin.store.schema import incident_tenants, streams

WINDOW = 3900
RECOVERY, CLOSE = 300, 600


@pytest.fixture
def house(store: Store) -> House:
    house = House(store)
    house.make_job(failure_threshold=1)
    return house


def _tick(house: House, moment: float) -> None:
    """The first since whatever happened last."""
    house.now = moment
    house.tick.advance(micros(moment), micros(moment))


def _fail_and_get_well(house: House, well: float) -> None:
    """Acme's incident is open, and its recovery clock runs from `well` on; globex is watched since the beginning."""
    house.record([house.submission("success", "acme"), house.submission("success", "globex")])
    _tick(house, 3000)
    house.check_in("failure", "acme", received=3000)
    _tick(house, well)
    house.check_in("success", "acme", received=well)


def test_a_check_in_lets_no_incident_recover_past_a_deadline_that_nobody_judged(house: House) -> None:
    _fail_and_get_well(house, WINDOW - 100)  # would recover 200 s after globex falls silent
    house.check_in("failure", "acme", received=WINDOW + 250)
    assert house.timeline() == [(None, "Open", 3000)]
    _tick(house, WINDOW + 260)
    assert house.timeline() == [(None, "Open", 3000)]
    assert house.told() == [("opened", 3000), ("blastRadiusExpanded", WINDOW)]
    assert len(house.rows(incident_tenants)) == 2


def test_a_check_in_closes_no_incident_past_a_deadline_that_nobody_judged(house: House) -> None:
    _fail_and_get_well(house, WINDOW - 500)
    _tick(house, WINDOW - 50)
    house.check_in("failure", "acme", received=WINDOW + 450)  # it would have closed 400 s after globex fell silent
    _tick(house, WINDOW + 460)
    assert house.timeline() == [
        (None, "Open", 3000),
        ("Open", "Recovering", WINDOW - 200),
        ("Recovering", "Open", WINDOW + 450),
    ]
    assert house.told() == [("opened", 3000), ("reopened", WINDOW + 450)]


def test_of_one_batch_a_deadline_found_by_the_second_check_in_comes_before_the_first(house: House) -> None:
    _fail_and_get_well(house, WINDOW - 100)
    acme = house.submission("failure", "acme", received=WINDOW + 250)
    globex = house.submission("success", "globex", received=WINDOW + 251)
    house.record([acme, globex])
    assert house.timeline() == [(None, "Open", 3000)]
    assert house.told() == [("opened", 3000), ("blastRadiusExpanded", WINDOW)]


def test_a_stream_that_was_heard_in_time_stops_no_clock(house: House) -> None:
    """The tick has not looked at it since, but nothing is due of it."""
    _fail_and_get_well(house, WINDOW - 100)
    house.check_in("success", "globex", received=WINDOW - 50)
    assert at(house.stream("globex").check_at) == WINDOW
    house.check_in("failure", "acme", received=WINDOW + 250)
    assert house.timeline() == [
        (None, "Open", 3000),
        ("Open", "Recovering", WINDOW + 200),
        ("Recovering", "Open", WINDOW + 250),
    ]


def test_a_run_that_nobody_has_judged_yet_stops_the_clock(house: House) -> None:
    house.change_job(max_runtime=900 * SECOND)
    house.check_in("success", "acme")
    house.check_in("start", "globex", received=2500)  # times out at 3400
    house.check_in("failure", "acme", received=3000)
    house.check_in("success", "acme", received=3200)  # would recover at 3500
    house.check_in("failure", "acme", received=3600)
    assert house.timeline() == [(None, "Open", 3000)]
    _tick(house, 3601)
    assert house.told() == [("opened", 3000), ("blastRadiusExpanded", 3400)]


def test_nobody_pays_for_it_while_no_clock_runs_out(house: House) -> None:
    _fail_and_get_well(house, WINDOW - 100)
    asked: list[str] = []
    with house.store.write() as connection:
        driver: Any = connection.connection.driver_connection
        if raw.is_sqlite(connection):
            driver.set_trace_callback(asked.append)
    house.check_in("failure", "acme", received=WINDOW - 50)
    if asked:
        driver.set_trace_callback(None)
    assert not any("of_streams" in statement for statement in asked)


def test_resolving_by_hand_closes_what_could_not_recover(house: House) -> None:
    _fail_and_get_well(house, WINDOW - 500)
    _tick(house, WINDOW - 50)
    house.now = WINDOW + 450
    house.resolve(house.rows(incident_tenants)[0].incident_id)
    assert house.timeline()[-1] == ("Recovering", "Closed", WINDOW + 450)


def test_a_late_tick_goes_on_when_all_is_judged(house: House) -> None:
    _fail_and_get_well(house, WINDOW - 500)
    house.check_in("success", "globex", received=WINDOW - 400)
    _tick(house, 2 * WINDOW - 600)
    assert house.timeline() == [
        (None, "Open", 3000),
        ("Open", "Recovering", WINDOW - 200),
        ("Recovering", "Closed", WINDOW + 400),
    ]


def test_streams_are_judged_in_the_order_of_their_deadlines_not_of_their_last_look(house: House) -> None:
    house.check_in("success", "acme")
    house.check_in("success", "globex", received=2000)
    house.check_in("success", "acme", received=3000)  # to be looked at before globex, and due after it
    _tick(house, 3 * WINDOW)
    assert house.timeline() == [(None, "Open", 2000 + WINDOW)]
    assert house.told() == [("opened", 2000 + WINDOW), ("blastRadiusExpanded", 3000 + WINDOW)]


def test_a_run_times_out_before_what_falls_due_after_it(house: House) -> None:
    house.change_job(max_runtime=900 * SECOND)
    house.check_in("success", "acme")
    house.check_in("start", "globex", received=100)
    _tick(house, WINDOW + 10)
    assert house.timeline() == [(None, "Open", 1000)]
    assert house.told() == [("opened", 1000), ("blastRadiusExpanded", WINDOW)]


def test_what_another_node_has_in_hand_stops_the_clock(house: House) -> None:
    _fail_and_get_well(house, WINDOW - 100)
    with house.store.write() as connection:
        if raw.is_sqlite(connection):
            pytest.skip("one node")
        globex = select(streams.c.id).where(streams.c.id == house.stream("globex").id)
        connection.execute(globex.with_for_update())
        _tick(house, WINDOW + 250)
        assert house.timeline() == [(None, "Open", 3000)]
    _tick(house, WINDOW + 250)
    assert house.told() == [("opened", 3000), ("blastRadiusExpanded", WINDOW)]
    assert house.timeline() == [(None, "Open", 3000)]


def test_what_another_node_may_have_heard_stops_the_clock(house: House) -> None:
    """Its watermark says how far it has committed."""
    _fail_and_get_well(house, WINDOW - 700)
    at_recovery = WINDOW - 700 + RECOVERY
    batch = [house.submission("failure", "acme", received=at_recovery + 2)]
    house.record(batch, horizon=micros(at_recovery - 1))
    assert house.timeline() == [(None, "Open", 3000)]
