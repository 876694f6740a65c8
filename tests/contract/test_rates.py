"""The rate of ingest on both engines: charged in the batch's own transaction, and exact over several nodes."""

import asyncio
import json
from typing import Any

import pytest

from tests.support.house import House, micros
from tests.support.statements import statements
from tocsin.application.access import Principal
from tocsin.application.errors import Refused
from tocsin.application.record_check_ins import Receipt
from tocsin.application.record_events import EventSubmission
from tocsin.application.request_rate import RequestRate
from tocsin.application.toll import Overdrawn, Tariff, Toll
from tocsin.clock import SystemClock
from tocsin.domain.event import Event
from tocsin.domain.ids import IdMaker
from tocsin.ingest.node import Node
from tocsin.ingest.recorder import Recorder
from tocsin.settings import Settings
from tocsin.store import accounts
from tocsin.store.engine import Connection, Store
from tocsin.store.schema import api_keys, rate_buckets, rejections
from tocsin.telemetry.metrics import Metrics


@pytest.fixture
def house(store: Store) -> House:
    house = House(store, IdMaker(1))
    house.make_job(schedule_type="none", schedule_interval=None)
    return house


def _key(house: House) -> int:
    return int(house.rows(api_keys)[0].id)


def _batch(house: House, size: int) -> list[Any]:
    return [house.submission("success", key_id=_key(house), run=f"r{i}") for i in range(size)]


def _toll(house: House, connection: Connection, size: int, per_minute: int = 60) -> tuple[Toll, list[Refused | None]]:
    batch = _batch(house, size)
    toll = Toll(connection, batch, micros(house.now), Tariff(per_minute))
    return toll, [toll.refuse(one) for one in batch]


def _taken(house: House, size: int, per_minute: int = 60) -> int:
    with house.store.write() as connection:
        toll, refusals = _toll(house, connection, size, per_minute)
        toll.settle(house.ids)
    return refusals.count(None)


def test_a_minutes_allowance_may_come_at_once(house: House) -> None:
    assert _taken(house, 50) == 50
    assert _taken(house, 50) == 10
    house.now = 5
    assert _taken(house, 50) == 5


def test_a_refusal_says_how_long_to_wait(house: House) -> None:
    with house.store.write() as connection:
        _, refusals = _toll(house, connection, 4, per_minute=2)
    last = refusals[-1]
    assert last is not None
    assert (last.status, last.retry_after, last.message) == (429, 30, "Rate limit exceeded. Try again in 30 seconds.")


def test_zero_is_no_limit_and_costs_nothing(house: House) -> None:
    assert _taken(house, 500, per_minute=0) == 500
    assert house.rows(rate_buckets) == []


def test_a_workspace_may_choose_fewer(house: House) -> None:
    with house.store.write() as connection:
        accounts.update_workspace(connection, house.workspace_id, {"ingest_rate": 3})
    assert _taken(house, 10) == 3


def test_nobody_chooses_more_than_the_operator_allows_now(house: House) -> None:
    with house.store.write() as connection:
        accounts.update_workspace(connection, house.workspace_id, {"ingest_rate": 100})
    assert _taken(house, 200) == 60


def test_the_limit_is_never_below_twice_the_streams(house: House) -> None:
    for number in range(40):
        house.check_in("success", f"tenant-{number}")
    assert _taken(house, 100) == 80


def test_a_flood_of_refused_is_a_row_a_minute_with_their_number(house: House) -> None:
    for now in (0.0, 1.0, 59.0):
        house.now = now
        _taken(house, 300)
    (row,) = house.rows(rejections)
    assert (row.reason, row.times) == ("rate_limited", 3 * 300 - 60 - 59)
    assert json.loads(row.detail)["job_key"] == "the-job"
    house.now = 61
    _taken(house, 100)
    assert len(house.rows(rejections)) == 2


def test_each_event_of_a_report_counts(house: House) -> None:
    events = tuple(Event(house.workspace_id, "billing", "auth_failed", f"t{i}", micros(0)) for i in range(40))
    reports: list[Any] = [EventSubmission(events, _key(house), is_batch=True) for _ in range(2)]
    with house.store.write() as connection:
        toll = Toll(connection, reports, micros(house.now), Tariff(60))
        told = [toll.refuse(one) for one in reports]
        toll.settle(house.ids)
    assert [refusal is None for refusal in told] == [True, False]
    (row,) = house.rows(rejections)
    assert row.times == 40
    assert [one["tenant"] for one in json.loads(row.detail)] == ["t0"]  # one stands for all


def test_a_users_check_in_costs_no_question_of_its_own(house: House) -> None:
    rate, user = RequestRate(house.store, 2), Principal(house.workspace_id, None, 7, "member")
    with statements() as said:
        for _ in range(2):
            rate.check(user, micros(0), is_ingest=True)
        with pytest.raises(Refused, match="Try again in 30 seconds"):
            rate.check(user, micros(0), is_ingest=True)
    assert said == []


def test_what_is_given_back_is_not_charged(house: House) -> None:
    with house.store.write() as connection:
        toll, _ = _toll(house, connection, 60)
        for one in _batch(house, 30):
            toll.give_back(one)
        toll.settle(house.ids)
    assert _taken(house, 60) == 30


@pytest.mark.postgresql
@pytest.mark.parametrize(("each", "is_too_much"), [(31, False), (45, True)])
def test_what_another_node_took_meanwhile_is_noticed(house: House, each: int, is_too_much: bool) -> None:
    if house.store.is_sqlite:
        pytest.skip("there is one node")
    with house.store.write() as one:
        mine, _ = _toll(house, one, each)
        with house.store.write() as other:
            theirs, _ = _toll(house, other, each)
            theirs.settle(house.ids)
        if is_too_much:
            with pytest.raises(Overdrawn):
                mine.settle(house.ids)
        else:
            mine.settle(house.ids)


def test_the_recorder_refuses_what_is_too_much_and_records_the_rest(house: House) -> None:
    async def scene() -> None:
        clock = SystemClock()
        node = Node(house.store, clock, house.ids, Settings().role)
        node.join()
        limits: dict[str, Any] = {"queue_limit": 1000, "batch_limit": 100, "ingest_rate": 20}
        recorder = Recorder(house.store.write, clock, house.ids, node, Metrics(), **limits)
        waiting = [recorder.submit(one) for one in _batch(house, 50)]
        recorder.start()
        outcomes = [outcome for _, outcome in await asyncio.gather(*waiting)]
        await recorder.stop()
        assert [isinstance(outcome, Receipt) for outcome in outcomes] == [True] * 20 + [False] * 30
        refused = outcomes[-1]
        assert isinstance(refused, Refused)
        assert refused.status == 429

    asyncio.run(scene())
    assert len(house.runs()) == 20
    assert house.rows(rejections)[0].times == 30
