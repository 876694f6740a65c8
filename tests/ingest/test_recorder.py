"""Group commit: nothing is answered before it is on the disk, and one that cannot be stored harms nobody else."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import func, select, text

from tests.support.house import House
from tocsin.application.errors import Refused
from tocsin.application.record import Item, Outcome
from tocsin.application.record_check_ins import Receipt
from tocsin.application.record_events import EventSubmission
from tocsin.application.record_events import Recorded as RecordedEvents
from tocsin.clock import SystemClock
from tocsin.domain.ids import IdMaker
from tocsin.ingest.node import Node
from tocsin.ingest.recorder import Recorder
from tocsin.settings import Settings
from tocsin.store import nodes
from tocsin.store.engine import Connection, Store
from tocsin.store.schema import events, intake, rejections, runs
from tocsin.store.schema import nodes as node_table
from tocsin.telemetry.metrics import Metrics

_POISON = {
    "sqlite": (
        "CREATE TRIGGER poison BEFORE INSERT ON runs WHEN new.message = 'poison' BEGIN SELECT RAISE(ABORT, 'no'); END",
    ),
    "postgresql": (
        "CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN IF new.message = 'poison' THEN RAISE EXCEPTION 'no'; END IF; RETURN new; END $$",
        "CREATE TRIGGER poison BEFORE INSERT ON runs FOR EACH ROW EXECUTE FUNCTION poison()",
    ),
}


@pytest.fixture
def house(store: Store) -> House:
    house = House(store, IdMaker(1))
    house.make_job(schedule_type="none", schedule_interval=None)
    return house


def _recorder(house: House, clock: Any = None, node: Any = None, **limits: Any) -> Recorder:
    clock = clock or SystemClock()
    if node is None:
        node = Node(house.store, clock, house.ids, Settings().role)
        node.join()
    sizes: dict[str, Any] = {"queue_limit": 1000, "batch_limit": 100, **limits}
    return Recorder(house.store.write, clock, house.ids, node, Metrics(), **sizes)


@asynccontextmanager
async def _running(recorder: Recorder) -> AsyncIterator[None]:
    recorder.start()
    try:
        yield
    finally:
        await recorder.stop()


def test_a_check_in_is_committed_before_it_is_answered(house: House) -> None:
    async def scene() -> None:
        recorder = _recorder(house)
        async with _running(recorder):
            submission, outcome = await recorder.submit(house.submission("success"))
        assert isinstance(outcome, Receipt)
        assert submission.received_at > 0
        assert house.rows(runs)[0].received_at == submission.received_at

    asyncio.run(scene())


def test_what_was_taken_in_is_committed_before_it_stops(house: House) -> None:
    async def scene() -> None:
        recorder = _recorder(house, batch_limit=7)
        waiting = [recorder.submit(house.submission("failure", f"t{i}")) for i in range(40)]
        assert recorder.depth() == 40
        async with _running(recorder):
            pass
        assert all(isinstance(outcome, Receipt) for _, outcome in await asyncio.gather(*waiting))
        with pytest.raises(Refused, match="stopping"):
            recorder.submit(house.submission("success"))

    asyncio.run(scene())
    assert len(house.rows(runs)) == 40


def test_what_is_committed_is_counted(house: House) -> None:
    """With the next heartbeat, duplicates too; what was refused is not."""

    async def scene() -> None:
        recorder = _recorder(house)
        kinds = [("success", {}), ("success", {}), ("start", {}), ("success", {"job": "nobodys"})]
        waiting = [recorder.submit(house.submission(kind, **more)) for kind, more in kinds]
        async with _running(recorder):
            await asyncio.gather(*waiting)
        with house.store.write() as connection:
            recorder.intake.write(connection, 1)

    asyncio.run(scene())
    assert sum(row.check_ins for row in house.rows(intake)) == 3


def test_a_full_queue_refuses_with_503(house: House) -> None:
    async def scene() -> None:
        recorder = _recorder(house, queue_limit=3)
        waiting = [recorder.submit(house.submission("success", f"t{i}")) for i in range(3)]
        with pytest.raises(Refused) as refused:
            recorder.submit(house.submission("success", "one too many"))
        assert (refused.value.status, refused.value.retry_after) == (503, 1)
        async with _running(recorder):
            await asyncio.gather(*waiting)
            assert isinstance((await recorder.submit(house.submission("success")))[1], Receipt)

    asyncio.run(scene())


def test_one_that_cannot_be_stored_is_put_aside_and_its_neighbours_are_kept(house: House) -> None:
    with house.store.as_owner() as connection:
        for statement in _POISON[connection.dialect.name]:
            connection.execute(text(statement))

    async def scene() -> list[Outcome]:
        recorder = _recorder(house)
        told = ["fine", "poison", "fine too"]
        waiting = [recorder.submit(house.submission("failure", word, message=word)) for word in told]
        async with _running(recorder):
            return [outcome for _, outcome in await asyncio.gather(*waiting)]

    first, poisoned, last = asyncio.run(scene())
    assert isinstance(first, Receipt)
    assert isinstance(last, Receipt)
    assert isinstance(poisoned, Refused)
    assert (poisoned.status, "put aside" in poisoned.message) == (422, True)
    assert sorted(run.message for run in house.rows(runs)) == ["fine", "fine too"]
    (aside,) = house.rows(rejections)
    assert aside.reason.startswith("could_not_be_stored")
    assert "poison" in json.loads(aside.detail).values()


def test_check_ins_and_events_are_committed_together(house: House) -> None:
    async def scene() -> list[Outcome]:
        recorder = _recorder(house)
        several = EventSubmission(tuple(house.event(tenant=f"t{n}") for n in range(3)), is_batch=True)
        items: list[Item] = [
            house.submission("success"),
            several,
            house.submission("failure"),
            EventSubmission((house.event(),)),
        ]
        waiting = [recorder.submit(item) for item in items]
        assert recorder.depth() == 6
        async with _running(recorder):
            done = await asyncio.gather(*waiting)
        assert recorder.depth() == 0
        assert all(item.received_at > 0 for item, _ in done)
        return [outcome for _, outcome in done]

    outcomes = asyncio.run(scene())
    assert [type(outcome) for outcome in outcomes] == [Receipt, RecordedEvents, Receipt, RecordedEvents]
    assert (len(house.rows(runs)), len(house.rows(events))) == (2, 4)


def test_an_event_that_cannot_be_stored_is_put_aside(house: House) -> None:
    with house.store.as_owner() as connection:
        for statement in _POISON[connection.dialect.name]:
            of_events = statement.replace("ON runs", "ON events").replace("new.message", "new.event_type")
            connection.execute(text(of_events))

    async def scene() -> list[Outcome]:
        recorder = _recorder(house)
        items: list[Item] = [EventSubmission((house.event(kind),)) for kind in ("fine", "poison", "fine too")]
        waiting = [recorder.submit(item) for item in [*items, house.submission("success")]]
        async with _running(recorder):
            return [outcome for _, outcome in await asyncio.gather(*waiting)]

    first, poisoned, last, ping = asyncio.run(scene())
    assert [type(outcome) for outcome in (first, last, ping)] == [RecordedEvents, RecordedEvents, Receipt]
    assert isinstance(poisoned, Refused)
    assert (poisoned.status, poisoned.message.startswith("The event could not be recorded")) == (422, True)
    assert sorted(event.event_type for event in house.rows(events)) == ["fine", "fine too"]
    [aside] = house.rows(rejections)
    assert json.loads(aside.detail)[0]["event_type"] == "poison"


def test_a_batch_of_events_counts_as_so_many(house: House) -> None:
    async def scene() -> None:
        recorder = _recorder(house, queue_limit=5)
        many = EventSubmission(tuple(house.event(tenant=f"t{n}") for n in range(5)), is_batch=True)
        waiting = recorder.submit(many)
        with pytest.raises(Refused, match="Too much is waiting"):
            recorder.submit(house.submission("success"))
        async with _running(recorder):
            assert isinstance((await waiting)[1], RecordedEvents)

    asyncio.run(scene())


def test_a_fenced_node_answers_503_and_joins_anew(house: House) -> None:
    if house.store.is_sqlite:
        pytest.skip("on SQLite a node is alone")

    async def scene() -> None:
        recorder = _recorder(house)
        with house.store.write() as connection:
            connection.execute(node_table.update().values(is_fenced=True))
        waiting = recorder.submit(house.submission("success"))
        async with _running(recorder):
            refused = (await waiting)[1]
            again = (await recorder.submit(house.submission("success")))[1]
        assert isinstance(refused, Refused)
        assert refused.status == 503
        assert isinstance(again, Receipt)

    asyncio.run(scene())
    assert len(house.rows(runs)) == 1


def test_the_watermark_never_passes_a_check_in_that_is_not_committed(house: House) -> None:
    """While check-ins come in, whatever is older than a watermark just read is in the database already."""
    seen: list[tuple[int, int]] = []
    is_over = threading.Event()
    older = func.count().label("older")

    def watch(recorder: Recorder) -> None:
        while not is_over.is_set():
            watermark = recorder.watermark()
            with house.store.read() as connection:
                query = select(older).select_from(runs).where(runs.c.received_at < watermark)
                seen.append((watermark, connection.execute(query).scalar_one()))

    async def scene() -> list[int]:
        recorder = _recorder(house, batch_limit=20)
        watcher = threading.Thread(target=watch, args=(recorder,), daemon=True)
        async with _running(recorder):
            watcher.start()
            waiting = []
            for i in range(400):
                waiting.append(recorder.submit(house.submission("success", f"t{i % 9}", run=str(i))))
                if i % 5 == 0:
                    await asyncio.sleep(0)
            done = await asyncio.gather(*waiting)
        is_over.set()
        await asyncio.to_thread(watcher.join, 10)
        return [submission.received_at for submission, _ in done]

    received = asyncio.run(scene())
    assert len(received) == 400
    assert received == sorted(received)
    assert len(seen) > 5
    for watermark, committed in seen:
        assert committed == sum(moment < watermark for moment in received)


class _Interrupted:
    """A clock that, when the recorder's thread asks for the time of a heartbeat, first lets a check-in be queued."""

    def __init__(self) -> None:
        self.moment = 0
        self.asked, self.go_on = threading.Event(), threading.Event()
        self.is_armed = False

    def now(self) -> int:
        if self.is_armed and threading.current_thread().name == "recorder":
            self.is_armed = False
            self.asked.set()
            self.go_on.wait(10)
        self.moment += 1
        return self.moment


class _Beating:
    """A node that only listens to its heartbeats."""

    beat_every = 1000
    horizon = None
    absences: tuple[()] = ()

    def __init__(self, clock: _Interrupted) -> None:
        self.clock = clock
        self.watermarks: list[int] = []
        self.is_due = True

    def is_beat_due(self, _: int) -> bool:
        due, self.is_due = self.is_due, False
        self.clock.is_armed = due
        return due or bool(not self.watermarks)

    def beat(self, _: Connection, __: int, watermark: int) -> None:
        self.watermarks.append(watermark)

    def confirm(self, _: Connection) -> None:
        pass


def test_a_heartbeat_does_not_pass_a_check_in_queued_beside_it(sqlite_store: Store) -> None:
    house = House(sqlite_store)
    house.make_job()
    clock = _Interrupted()
    node = _Beating(clock)

    async def scene() -> int:
        recorder = _recorder(house, clock, node)
        async with _running(recorder):
            assert await asyncio.to_thread(clock.asked.wait, 10)
            waiting = recorder.submit(house.submission("success"))
            clock.go_on.set()
            return (await waiting)[0].received_at

    received_at = asyncio.run(scene())
    assert node.watermarks[0] <= received_at


def test_the_lease_is_confirmed_in_the_transaction(store: Store) -> None:
    with store.write() as connection:
        lease = nodes.register(connection, 1, "token", "all", is_ingesting=True)
        nodes.confirm(connection, lease)()
        with pytest.raises(nodes.Fenced):
            nodes.confirm(connection, lease._replace(token="other"))()
