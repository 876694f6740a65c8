"""Deliveries on both engines: claimed once, in order, and never lost."""

from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import select, update

from tests.support.alerting import MINUTE, Desk
from tocsin.clock import ManualClock
from tocsin.domain.ids import IdMaker
from tocsin.domain.model import AlertKind
from tocsin.store import claims, outbox
from tocsin.store.claims import Claimed
from tocsin.store.engine import Store
from tocsin.store.outbox import Result
from tocsin.store.schema import channels, deliveries, delivery_attempts

OPENED, REOPENED, RESOLVED = AlertKind.OPENED, AlertKind.REOPENED, AlertKind.RESOLVED
LEASE = MINUTE
DELIVERED = Result("delivered", "yes", "delivered", "HTTP 200: ok", 5_000, 200)
REFUSED = Result("refused", "no", "receiver_refused", "HTTP 404.", 5_000, 404)


class Post:
    """A workspace with one channel, and the outbox as a worker uses it."""

    def __init__(self, store: Store, clock: ManualClock, ids: IdMaker, provider: str = "webhook") -> None:
        self.store, self.clock, self.ids = store, clock, ids
        with store.write() as connection:
            desk = Desk(connection, ids, clock.now())
            self.workspace = desk.workspace()
            self.channel = desk.channel(self.workspace, provider)
            self.incident = desk.incident(self.workspace)

    def put(
        self, kind: AlertKind = OPENED, *, incident: int | None = None, channel: int | None = None, **values: Any
    ) -> int:
        with self.store.write() as connection:
            desk = Desk(connection, self.ids, self.clock.now())
            return desk.delivery(self.workspace, incident or self.incident, channel or self.channel, kind, **values)

    def another_channel(self, name: str, **values: Any) -> int:
        with self.store.write() as connection:
            return Desk(connection, self.ids, self.clock.now()).channel(self.workspace, name=name, **values)

    def another_incident(self) -> int:
        with self.store.write() as connection:
            return Desk(connection, self.ids, self.clock.now()).incident(self.workspace)

    def claim(self, limit: int = 10, room: int = 10, **options: Any) -> list[Claimed]:
        now = self.clock.now()
        with self.store.write() as connection:
            return claims.claim(connection, self.ids, now, now + LEASE, limit, lambda *_: room, **options)

    def settle(self, claimed: Claimed, result: Result) -> None:
        with self.store.write() as connection:
            outbox.settle(connection, claimed, result, self.clock.now())

    def retry(self, claimed: Claimed, arrival: str = "no", pause: int | None = MINUTE) -> None:
        again = None if pause is None else self.clock.now() + pause
        self.settle(claimed, Result("retry", arrival, "timeout", "No answer.", 1, None, again))  # type: ignore[arg-type]

    def state(self, delivery_id: int) -> tuple[str, str]:
        with self.store.read() as connection:
            row = connection.execute(select(deliveries).where(deliveries.c.id == delivery_id)).one()
            return row.state, row.reason

    def attempts(self, delivery_id: int) -> list[tuple[str, str, int | None]]:
        with self.store.read() as connection:
            query = select(delivery_attempts).where(delivery_attempts.c.delivery_id == delivery_id)
            rows = connection.execute(query.order_by(delivery_attempts.c.id))
            return [(row.outcome, row.arrival, row.status_code) for row in rows]

    def channel_row(self) -> Any:
        with self.store.read() as connection:
            return connection.execute(select(channels).where(channels.c.id == self.channel)).one()


def _ids(claimed: list[Claimed]) -> list[int]:
    return [one.id for one in claimed]


@pytest.fixture
def post(store: Store, clock: ManualClock, ids: IdMaker) -> Post:
    return Post(store, clock, ids)


def test_a_claim_carries_what_sending_needs(post: Post) -> None:
    delivery = post.put()
    (claimed,) = post.claim()
    assert (claimed.id, claimed.channel_id, claimed.provider) == (delivery, post.channel, "webhook")
    assert (claimed.config, claimed.kind, claimed.attempts) == (b"sealed", "opened", 1)
    assert claimed.queued_at == claimed.moment_at == post.clock.now()
    assert "daily-report" in claimed.content


def test_what_is_claimed_is_claimed_once(post: Post) -> None:
    post.put()
    assert len(post.claim()) == 1
    assert post.claim() == []


def test_delivered_is_recorded_with_its_attempt(post: Post) -> None:
    delivery = post.put()
    post.settle(post.claim()[0], DELIVERED)
    assert post.state(delivery) == ("delivered", "delivered")
    assert post.attempts(delivery) == [("delivered", "yes", 200)]
    post.clock.moment += 100 * MINUTE
    assert post.claim() == []


def test_a_retry_comes_back_when_it_is_due(post: Post) -> None:
    delivery = post.put()
    post.retry(post.claim()[0])
    assert post.claim() == []
    post.clock.moment += MINUTE
    (again,) = post.claim()
    assert (again.id, again.attempts) == (delivery, 2)
    assert post.attempts(delivery) == [("retry", "no", None), ("sending", "maybe", None)]


def test_what_nobody_can_deliver_is_given_up(post: Post) -> None:
    delivery = post.put()
    post.retry(post.claim()[0], pause=None)
    assert post.state(delivery) == ("failed", "gave_up")


def test_a_killed_workers_delivery_is_sent_again_under_the_same_id(post: Post) -> None:
    delivery = post.put()
    post.claim()
    post.clock.moment += LEASE - 1
    assert post.claim() == []
    post.clock.moment += 1
    assert _ids(post.claim()) == [delivery]
    assert post.attempts(delivery)[0] == ("sending", "maybe", None)


def test_a_lease_that_is_renewed_holds(post: Post) -> None:
    delivery = post.put()
    post.claim()
    with post.store.write() as connection:
        claims.renew(connection, [delivery], post.clock.now() + 2 * LEASE)
    post.clock.moment += LEASE
    assert post.claim() == []


def test_of_two_outcomes_the_first_stands_and_both_are_recorded(post: Post) -> None:
    delivery = post.put()
    (first,) = post.claim()
    post.clock.moment += LEASE
    (second,) = post.claim()
    post.settle(second, DELIVERED)
    post.retry(first, "maybe")
    assert post.state(delivery) == ("delivered", "delivered")
    assert post.attempts(delivery) == [("retry", "maybe", None), ("delivered", "yes", 200)]


def test_within_an_incident_and_channel_one_goes_after_the_other(post: Post) -> None:
    first, second, third = post.put(OPENED), post.put(RESOLVED), post.put(REOPENED)
    order = []
    for _ in range(3):
        (claimed,) = post.claim()
        order.append(claimed.id)
        post.settle(claimed, DELIVERED)
    assert order == [first, second, third]


def test_a_waiting_delivery_holds_back_its_own_incident_and_channel_only(post: Post) -> None:
    held = post.put(OPENED)
    post.retry(post.claim()[0])
    post.put(RESOLVED)
    elsewhere = post.put(incident=post.another_incident())
    other = post.put(RESOLVED, channel=post.another_channel("other"))
    assert sorted(_ids(post.claim())) == [elsewhere, other]
    assert post.state(held)[0] == "pending"


@pytest.mark.parametrize("result", [REFUSED, Result("retry", "no", "timeout", "", 1)])
def test_a_failed_delivery_blocks_nothing(post: Post, result: Result) -> None:
    post.put(OPENED)
    second = post.put(RESOLVED)
    post.settle(post.claim()[0], result)
    assert _ids(post.claim()) == [second]


def test_a_channel_gets_no_more_than_it_has_room_for(post: Post) -> None:
    busy = [post.put(incident=post.another_incident()) for _ in range(5)]
    other = post.put(channel=post.another_channel("other"))
    assert sorted(_ids(post.claim(room=2))) == sorted([*busy[:2], other])
    assert post.claim(full=[post.channel]) == []


def test_the_longest_waiting_go_first(post: Post) -> None:
    late = post.put(incident=post.another_incident(), next_attempt_at=post.clock.now() - 1)
    early = post.put(incident=post.another_incident(), next_attempt_at=post.clock.now() - 2)
    assert [_ids(post.claim(limit=1)), _ids(post.claim(limit=1))] == [[early], [late]]


def test_a_disabled_channel_is_sent_nothing(post: Post) -> None:
    off = post.another_channel("off", is_enabled=False)
    delivery = post.put(channel=off)
    assert post.claim() == []
    assert post.state(delivery) == ("dropped", "channel_disabled")


def test_has_due_sees_what_a_claim_would(post: Post) -> None:
    def has_due() -> bool:
        with post.store.read() as connection:
            return claims.has_due(connection, post.clock.now())

    assert not has_due()
    post.put(next_attempt_at=post.clock.now() + 1)
    assert not has_due()
    post.clock.moment += 1
    assert has_due()
    post.claim()
    assert not has_due()


def test_a_pager_is_spared_what_is_over(store: Store, clock: ManualClock, ids: IdMaker) -> None:
    post = Post(store, clock, ids, "pager")
    trigger = post.put(OPENED)
    post.retry(post.claim(state_keepers=["pager"])[0], "no")
    resolve = post.put(RESOLVED)
    clock.moment += MINUTE
    assert post.claim(state_keepers=["pager"]) == []
    assert post.state(trigger) == post.state(resolve) == ("dropped", "superseded")


def test_a_pager_that_may_have_been_triggered_hears_the_end(store: Store, clock: ManualClock, ids: IdMaker) -> None:
    post = Post(store, clock, ids, "pager")
    trigger = post.put(OPENED)
    post.retry(post.claim(state_keepers=["pager"])[0], "maybe")
    resolve = post.put(RESOLVED)
    clock.moment += MINUTE
    (first,) = post.claim(state_keepers=["pager"])
    post.settle(first, DELIVERED)
    assert [first.id, *_ids(post.claim(state_keepers=["pager"]))] == [trigger, resolve]


def test_a_pager_whose_trigger_was_being_sent_when_we_were_killed_hears_the_end(
    store: Store, clock: ManualClock, ids: IdMaker
) -> None:
    post = Post(store, clock, ids, "pager")
    trigger = post.put(OPENED)
    post.claim(state_keepers=["pager"])
    post.put(RESOLVED)
    clock.moment += LEASE
    assert _ids(post.claim(state_keepers=["pager"])) == [trigger]


def test_other_channels_hear_all_of_it(post: Post) -> None:
    trigger = post.put(OPENED)
    post.retry(post.claim(state_keepers=["pager"])[0], "no")
    post.put(RESOLVED)
    post.clock.moment += MINUTE
    assert _ids(post.claim(state_keepers=["pager"])) == [trigger]


def test_a_broken_channel_is_marked_and_a_delivery_heals_it(post: Post) -> None:
    post.put(OPENED)
    post.settle(post.claim()[0], REFUSED._replace(breaks_channel=True))
    assert post.channel_row().broken_reason == "HTTP 404."
    assert post.channel_row().is_enabled
    post.put(RESOLVED)
    post.settle(post.claim()[0], DELIVERED)
    assert post.channel_row().broken_reason is None


def test_a_receiver_that_wants_no_more_disables_its_channel(post: Post) -> None:
    post.put(OPENED)
    post.settle(post.claim()[0], REFUSED._replace(breaks_channel=True, disables_channel=True))
    assert not post.channel_row().is_enabled


def test_resend_begins_anew_under_the_same_id(post: Post) -> None:
    delivery = post.put()
    post.retry(post.claim()[0], pause=None)
    post.clock.moment += 5000 * MINUTE
    with post.store.write() as connection:
        assert outbox.resend(connection, post.workspace, delivery, post.clock.now()) == "queued"
        assert outbox.resend(connection, post.workspace, delivery, post.clock.now()) == "pending"
    (again,) = post.claim()
    assert (again.id, again.attempts, again.queued_at) == (delivery, 1, post.clock.now())
    assert len(post.attempts(delivery)) == 2


def test_resend_knows_what_it_cannot_do(post: Post) -> None:
    delivery = post.put()
    post.settle(post.claim()[0], DELIVERED)
    with post.store.write() as connection:
        assert outbox.resend(connection, post.workspace + 1, delivery, post.clock.now()) == "not_found"
        assert outbox.resend(connection, post.workspace, delivery + 1, post.clock.now()) == "not_found"
        connection.execute(update(channels).values(is_enabled=False))
        assert outbox.resend(connection, post.workspace, delivery, post.clock.now()) == "channel_disabled"


def test_the_oldest_undelivered_is_known(post: Post) -> None:
    def oldest() -> int | None:
        with post.store.read() as connection:
            return outbox.oldest_undelivered(connection)

    assert oldest() is None
    queued_at = post.clock.now()
    post.put()
    post.clock.moment += MINUTE
    post.put()
    assert oldest() == queued_at


def test_workers_side_by_side_claim_each_delivery_once(post: Post) -> None:
    expected = {post.put(incident=post.another_incident()) for _ in range(40)}
    barrier = Barrier(4)
    got: list[int] = []

    def work() -> None:
        barrier.wait()
        while claimed := post.claim(limit=3, room=3):
            got.extend(_ids(claimed))

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    got += _ids(post.claim(limit=50, room=50))  # a worker that found only locked rows went home
    assert len(got) == 40
    assert set(got) == expected
