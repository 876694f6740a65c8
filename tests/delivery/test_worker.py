"""The whole way out: outbox, worker, a real HTTP receiver."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

from sqlalchemy import select, update
from standardwebhooks.webhooks import Webhook as Oracle
from structlog.testing import capture_logs

from tests.support.alerting import Desk
from tests.support.receiver import LOOPBACK, Receiver, answering, hanging, receiver
from tests.support.stations import site
from tocsin.clock import SystemClock
from tocsin.delivery.channels import PROVIDERS, providers
from tocsin.delivery.safe_http import SafeHttp
from tocsin.delivery.sender import Sender
from tocsin.delivery.worker import DeliveryWorker
from tocsin.domain.ids import IdMaker, to_uuid
from tocsin.domain.model import AlertKind
from tocsin.secret_box import SecretBox
from tocsin.store.engine import Store
from tocsin.store.schema import channels, deliveries, delivery_attempts

SIGNING = "whsec_a2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="
OPENED, RESOLVED = AlertKind.OPENED, AlertKind.RESOLVED


class Works:
    """A worker at work on a store, with what a test puts in and looks at."""

    def __init__(self, store: Store, one: Receiver, http: SafeHttp) -> None:
        self.store, self.receiver = store, one
        self.clock, self.ids = SystemClock(), IdMaker()
        self.secrets = SecretBox([b"k" * 32])
        sender = Sender(http, providers(site(one.url)))
        self.worker = DeliveryWorker(
            store, sender, self.secrets, self.clock, self.ids, jitter=lambda: 0.0, drain_seconds=0.3
        )
        self.stop = asyncio.Event()
        with store.write() as connection:
            self.workspace = self._desk(connection).workspace()

    def channel(self, path: str = "/hook", provider: str = "webhook") -> int:
        url = self.receiver.url + path
        config = {"webhookUrl": url} if provider == "slack" else {"url": url, "secret": SIGNING}
        config = {"routingKey": "0" * 32} if provider == "pagerduty" else config
        with self.store.write() as connection:
            channel_id = self._desk(connection).channel(self.workspace, provider, path)
            sealed = self.secrets.encrypt(json.dumps(config).encode(), f"channels|{channel_id}|config")
            connection.execute(update(channels).where(channels.c.id == channel_id).values(config=sealed))
        return channel_id

    def incident(self) -> int:
        with self.store.write() as connection:
            return self._desk(connection).incident(self.workspace)

    def put(self, channel: int, kind: AlertKind = OPENED, incident: int | None = None) -> int:
        incident = incident or self.incident()
        with self.store.write() as connection:
            return self._desk(connection).delivery(self.workspace, incident, channel, kind)

    def row(self, delivery_id: int) -> Any:
        with self.store.read() as connection:
            return connection.execute(select(deliveries).where(deliveries.c.id == delivery_id)).one()

    def attempts(self, delivery_id: int) -> list[Any]:
        with self.store.read() as connection:
            query = select(delivery_attempts).where(delivery_attempts.c.delivery_id == delivery_id)
            return list(connection.execute(query.order_by(delivery_attempts.c.id)))

    async def until(self, is_so: Callable[[], bool], seconds: float = 5.0) -> None:
        async with asyncio.timeout(seconds):
            while not is_so():  # noqa: ASYNC110 -- what is waited for is in a database
                await asyncio.sleep(0.01)

    async def settled(self, *delivery_ids: int, seconds: float = 5.0) -> None:
        await self.until(lambda: all(self.row(one).settled_at for one in delivery_ids), seconds)

    def _desk(self, connection: Any) -> Desk:
        return Desk(connection, self.ids, self.clock.now())


Story = Callable[[Works], Coroutine[Any, Any, None]]


def _play(store: Store, story: Story, seconds: float = 5.0) -> None:
    async def run() -> None:
        async with receiver() as one, SafeHttp(LOOPBACK, seconds=seconds) as http:
            works = Works(store, one, http)
            running = asyncio.create_task(works.worker.run(works.stop))
            try:
                await story(works)
            finally:
                works.stop.set()
                await asyncio.wait_for(running, 5)

    asyncio.run(run())


def test_a_delivery_arrives_at_once_and_is_recorded(store: Store) -> None:
    async def story(works: Works) -> None:
        delivery = works.put(works.channel())
        await works.settled(delivery, seconds=2)
        (posted,) = works.receiver.received
        body = Oracle(SIGNING).verify(posted.body, posted.headers)
        assert body["id"] == posted.headers["webhook-id"] == to_uuid(delivery)
        assert works.row(delivery).state == "delivered"
        (attempt,) = works.attempts(delivery)
        assert (attempt.outcome, attempt.arrival, attempt.status_code) == ("delivered", "yes", 200)
        assert 0 < attempt.duration < 2_000_000

    _play(store, story)


def test_what_is_being_sent_is_not_sent_beside_itself_after_a_standstill(store: Store) -> None:
    """Its lease runs out while the process stands still; a second attempt could arrive after what follows it."""

    async def story(works: Works) -> None:
        works.receiver.answer = hanging
        slow = works.put(works.channel("/slow"))
        await works.until(lambda: len(works.receiver.received) == 1)
        with works.store.write() as connection:
            connection.execute(update(deliveries).values(lease_until_at=works.clock.now() - 1))
        works.receiver.answer = answering(200, "ok")
        await works.settled(works.put(works.channel("/other")))
        assert [one.path for one in works.receiver.received] == ["/slow", "/other"]
        assert len(works.attempts(slow)) == 1

    _play(store, story)


def test_a_receiver_that_fails_is_tried_again_under_the_same_id(store: Store) -> None:
    async def story(works: Works) -> None:
        works.receiver.answer = answering(503, "later")
        delivery = works.put(works.channel())
        await works.until(lambda: bool(works.receiver.received))
        works.receiver.answer = None
        await works.settled(delivery)
        first, second = works.receiver.received
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert first.body == second.body
        assert [attempt.outcome for attempt in works.attempts(delivery)] == ["retry", "delivered"]

    _play(store, story)


def test_a_receiver_that_hangs_delays_nobody_else(sqlite_store: Store) -> None:
    async def story(works: Works) -> None:
        async def answer(request: Any) -> Any:
            return await (hanging if request.path == "/hangs" else answering(200, "ok"))(request)

        works.receiver.answer = answer
        hung, well = works.channel("/hangs"), works.channel("/well")
        for _ in range(30):
            works.put(hung)
        await works.until(lambda: bool(works.receiver.received))
        await works.settled(*[works.put(well) for _ in range(10)], seconds=2)
        assert len([posted for posted in works.receiver.received if posted.path == "/hangs"]) <= 8

    _play(sqlite_store, story, seconds=30)


def test_one_incident_is_told_in_order(store: Store) -> None:
    async def story(works: Works) -> None:
        channel, incident = works.channel(), works.incident()
        told = [works.put(channel, kind, incident) for kind in (OPENED, RESOLVED, AlertKind.REOPENED, RESOLVED)]
        await works.settled(*told)
        assert [posted.headers["webhook-id"] for posted in works.receiver.received] == [to_uuid(one) for one in told]

    _play(store, story)


def test_a_pager_is_not_called_for_what_is_over(sqlite_store: Store) -> None:
    async def story(works: Works) -> None:
        works.receiver.answer = answering(429, "slow down", {"Retry-After": "1"})
        channel, incident = works.channel(provider="pagerduty"), works.incident()
        trigger = works.put(channel, OPENED, incident)
        await works.until(lambda: works.row(trigger).reason == "rate_limited")
        resolve = works.put(channel, RESOLVED, incident)
        works.receiver.answer = answering(202, '{"status": "success"}')
        await works.settled(trigger, resolve)
        states = [(works.row(one).state, works.row(one).reason) for one in (trigger, resolve)]
        assert states == [("dropped", "superseded")] * 2
        assert len(works.receiver.received) == 1

    _play(sqlite_store, story)


def test_a_key_that_is_not_here_yet_is_waited_for(sqlite_store: Store) -> None:
    async def story(works: Works) -> None:
        channel = works.channel()
        other = SecretBox([b"n" * 32])
        sealed = other.encrypt(json.dumps({"url": "x"}).encode(), f"channels|{channel}|config")
        with works.store.write() as connection:
            connection.execute(update(channels).where(channels.c.id == channel).values(config=sealed))
        delivery = works.put(channel)
        await works.until(lambda: works.row(delivery).reason == "key_missing")
        assert works.row(delivery).state == "pending"

    _play(sqlite_store, story)


def test_a_refusal_for_good_does_not_block_the_next(sqlite_store: Store) -> None:
    async def story(works: Works) -> None:
        works.receiver.answer = answering(404, "no such hook")
        channel, incident = works.channel(), works.incident()
        first = works.put(channel, OPENED, incident)
        await works.settled(first)
        works.receiver.answer = None
        second = works.put(channel, RESOLVED, incident)
        await works.settled(second)
        assert (works.row(first).state, works.row(first).reason) == ("failed", "receiver_refused")
        assert works.row(second).state == "delivered"
        assert works.attempts(first)[0].detail == "HTTP 404: no such hook"

    _play(sqlite_store, story)


def test_stopping_does_not_wait_for_a_receiver_that_hangs(store: Store) -> None:
    delivery = 0

    async def story(works: Works) -> None:
        nonlocal delivery
        works.receiver.answer = hanging
        delivery = works.put(works.channel())
        await works.until(lambda: bool(works.receiver.received))

    async def again(works: Works) -> None:
        row = works.row(delivery)
        assert (row.state, row.reason, row.lease_until_at) == ("pending", "stopped", None)
        assert works.attempts(delivery)[0].arrival == "maybe"

    _play(store, story, seconds=30)
    _play(store, again)


def test_what_cannot_be_made_into_a_message_harms_nobody_else(sqlite_store: Store) -> None:
    async def story(works: Works) -> None:
        broken, sealed_elsewhere, well = works.channel("/a"), works.channel("/b"), works.channel("/c")
        with works.store.write() as connection:
            nothing = works.secrets.encrypt(b"{}", f"channels|{broken}|config")
            spoilt = channels.c.id.in_([broken, sealed_elsewhere])
            connection.execute(update(channels).where(spoilt).values(config=nothing))
        bad, unreadable, good = works.put(broken), works.put(sealed_elsewhere), works.put(well)
        await works.settled(unreadable, good)
        await works.until(lambda: works.row(bad).reason == "internal_error")
        assert works.row(good).state == "delivered"
        assert (works.row(unreadable).state, works.row(unreadable).reason) == ("failed", "config_unreadable")
        assert works.row(bad).state == "pending"

    _play(sqlite_store, story)


def test_log_lines_name_the_reason_and_no_secret(sqlite_store: Store) -> None:
    async def story(works: Works) -> None:
        works.receiver.answer = answering(403, "invalid_token for /services/T000/B000/s3cr3t")
        await works.settled(works.put(works.channel("/services/T000/B000/s3cr3t", "slack")))

    with capture_logs() as lines:
        _play(sqlite_store, story)
    (line,) = lines
    assert (line["reason"], line["arrival"], line["status"]) == ("receiver_refused", "no", 403)
    assert "s3cr3t" not in repr(lines)


def test_a_hundred_alerts_go_out_at_the_channels_pace(sqlite_store: Store) -> None:
    assert PROVIDERS["webhook"].pace.burst >= 100

    async def story(works: Works) -> None:
        channel = works.channel()
        told = [works.put(channel) for _ in range(100)]
        await works.settled(*told)
        assert sorted(posted.headers["webhook-id"] for posted in works.receiver.received) == sorted(map(to_uuid, told))

    _play(sqlite_store, story)


def test_a_database_that_fails_is_outlived(sqlite_store: Store) -> None:
    with capture_logs() as lines:

        async def story(works: Works) -> None:
            with works.store.write() as connection:
                connection.exec_driver_sql("ALTER TABLE deliveries RENAME TO elsewhere")
            await works.until(lambda: bool(lines))
            with works.store.write() as connection:
                connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO deliveries")
            await works.settled(works.put(works.channel()))

        _play(sqlite_store, story)
    assert lines[0]["reason"] == "claim_failed"
