"""Storms on both engines: many incidents in few messages, none of them lost or told twice."""

from collections import Counter
from threading import Barrier, Thread
from typing import Any

import pytest

from tests.support.alerting import Desk
from tests.support.office import HABITS, Office, content_of, incidents_of
from tocsin.application.announce import word_alerts
from tocsin.clock import ManualClock
from tocsin.domain.ids import IdMaker, from_uuid
from tocsin.domain.model import AlertKind
from tocsin.store.claims import Claimed
from tocsin.store.engine import Store
from tocsin.store.outbox import Result

OPENED, REOPENED, RESOLVED = AlertKind.OPENED, AlertKind.REOPENED, AlertKind.RESOLVED
REFUSED = Result("refused", "no", "receiver_refused", "HTTP 404.", 5_000, 404)


@pytest.fixture
def office(store: Store, clock: ManualClock, ids: IdMaker) -> Office:
    return Office(store, clock, ids)


def _again(office: Office) -> Result:
    return Result("retry", "no", "timeout", "No answer.", 1, None, office.clock.now())


def test_five_go_one_by_one_and_the_others_together(office: Office) -> None:
    office.channel()
    opened = [office.open() for _ in range(20)]
    first = office.send()
    assert [incident for one in first for incident in incidents_of(one)] == opened[:5]
    office.pass_time(29.9)
    assert office.send() == []
    office.pass_time(0.1)
    (shared,) = office.send()
    assert (shared.kind, content_of(shared)["incidentCount"]) == ("opened", 15)
    assert incidents_of(shared) == opened[5:]
    office.pass_time(3600)
    assert office.send() == []


def test_machines_get_each(office: Office) -> None:
    for provider in ("pager", "webhook"):
        office.channel(provider)
    for _ in range(20):
        office.open()
    assert office.kinds() == ["opened"] * 40


def test_the_end_of_a_storm_is_told_together_too(office: Office) -> None:
    office.channel()
    opened = [office.open() for _ in range(20)]
    office.pass_time(30)
    office.send()
    for incident in opened:
        office.resolve(incident)
    assert office.kinds() == ["resolved"] * 5
    office.pass_time(30)
    (shared,) = office.send()
    assert (shared.kind, incidents_of(shared)) == ("resolved", opened[5:])


def test_one_end_alone_of_what_began_together_is_told_at_once(office: Office) -> None:
    office.channel()
    opened = [office.open() for _ in range(20)]
    office.pass_time(30)
    office.send()
    office.resolve(opened[-1])
    assert office.kinds() == ["resolved"]


def test_what_opens_and_ends_within_the_half_minute_is_told_in_order(office: Office) -> None:
    office.channel()
    opened = [office.open() for _ in range(12)]
    for incident in reversed(opened):
        office.resolve(incident)
    told: list[Claimed] = []
    for _ in range(3):
        told += office.send()
        office.pass_time(30)
    heard = Counter((content_of(one)["kind"], incident) for one in told for incident in incidents_of(one))
    assert heard == Counter((kind, incident) for kind in ("opened", "resolved") for incident in opened)
    for incident in opened:
        assert [content_of(one)["kind"] for one in told if incident in incidents_of(one)] == ["opened", "resolved"]
    assert len(told) <= 5 + 1 + 5 + 5 + 1


def test_one_left_over_is_told_as_itself(office: Office) -> None:
    office.channel()
    for _ in range(6):
        office.open()
    assert office.kinds() == ["opened"] * 5
    office.pass_time(30)
    assert office.kinds() == ["opened"]


def test_reminders_of_a_storm_are_shared(office: Office) -> None:
    office.channel(every=60)
    opened = [office.open() for _ in range(12)]
    office.pass_time(30)
    office.send()
    office.pass_time(30)
    while office.remind():
        pass
    assert office.kinds() == ["reminder"] * 5
    office.become(opened[-1], "Recovering")
    office.pass_time(30)
    assert office.kinds() == ["reminder x 6"]
    assert office.rows(opened[-1])[-1] == ("reminder", "dropped", "not_open_any_more")


def test_a_delayed_storm_tells_what_is_left_of_it(office: Office) -> None:
    office.channel(delay=600)
    opened = [office.open() for _ in range(20)]
    for incident in [*opened[:3], *opened[5:9]]:
        office.resolve(incident)
    office.become(opened[9], "Recovering")
    office.pass_time(600)
    assert office.kinds() == ["opened"] * 2
    office.pass_time(30)
    (shared,) = office.send()
    assert incidents_of(shared) == opened[10:]
    assert office.rows(opened[5]) == [(kind, "dropped", "resolved_within_delay") for kind in ("opened", "resolved")]
    assert office.rows(opened[9]) == [("opened", "pending", "incident_recovering")]
    office.become(opened[9], "Open")
    office.pass_time(5)
    assert office.kinds() == ["opened"]


def test_a_delayed_storm_that_is_over_is_not_told(office: Office) -> None:
    office.channel(delay=600)
    for incident in [office.open() for _ in range(8)]:
        office.resolve(incident)
    office.pass_time(630)
    assert office.send() == []
    assert {(state, reason) for _, state, reason in office.rows()} == {
        ("dropped", "resolved_within_delay"),
        ("dropped", "nothing_left"),
    }


def test_a_retry_tells_the_same_under_the_same_id(office: Office) -> None:
    office.channel()
    for _ in range(9):
        office.open()
    office.send()
    office.pass_time(30)
    (first,) = office.claim()
    office.settle(first, _again(office))
    office.open()
    (again,) = [one for one in office.claim() if one.is_shared]
    assert (again.id, again.content, again.attempts) == (first.id, first.content, 2)


def test_a_worker_whose_clock_is_ahead_shuts_nobody_out(office: Office) -> None:
    office.channel()
    opened = [office.open() for _ in range(8)]
    office.send()
    office.pass_time(30)
    (taken,) = office.claim()
    office.pass_time(-1)
    opened.append(office.open())
    office.settle(taken)
    office.pass_time(31)
    (late,) = office.send()
    assert incidents_of(taken) == opened[5:8]
    assert incidents_of(late) == opened[8:]


@pytest.mark.parametrize(("result", "state"), [(REFUSED, "failed"), (None, "dropped")])
def test_the_parts_share_its_fate(office: Office, result: Result | None, state: str) -> None:
    channel = office.channel()
    opened = [office.open() for _ in range(9)]
    office.send()
    office.pass_time(30)
    if result is None:
        office.change(channel, is_enabled=False)
        assert office.claim() == []
        office.change(channel, is_enabled=True)
    else:
        office.settle(office.claim()[0], result)
    assert {office.rows(incident)[0][1] for incident in opened[5:]} == {state}
    office.resolve(opened[5])
    assert office.kinds() == ["resolved"]


def test_sent_again_by_hand_it_tells_all_of_them_again(office: Office) -> None:
    office.channel()
    opened = [office.open() for _ in range(9)]
    office.send()
    office.pass_time(30)
    (shared,) = office.send()
    assert office.resend(shared.id) == "queued"
    (again,) = office.send()
    assert (again.id, incidents_of(again)) == (shared.id, opened[5:])
    part = next(row for row in office.listed(incident_id=opened[-1]))
    assert office.resend(from_uuid(part["id"]) or 0) == "queued"
    (alone,) = office.send()
    assert incidents_of(alone) == opened[-1:]


def test_deliveries_show_what_is_shared(office: Office) -> None:
    office.channel()
    opened = [office.open() for _ in range(8)]
    (shared,) = [row for row in office.listed() if row["incidentId"] is None]
    assert [from_uuid(one) for one in shared["incidentIds"]] == opened[5:]
    assert (shared["incidentCount"], shared["state"], shared["reason"]) == (3, "pending", "shared")
    (part,) = office.listed(incident_id=opened[6])
    assert (part["sharedIn"], part["incidentIds"]) == (shared["id"], [part["incidentId"]])
    office.pass_time(30)
    office.send()
    assert {row["state"] for row in office.listed()} == {"delivered"}


def test_workers_side_by_side_lose_and_double_nothing(office: Office) -> None:
    """Four nodes word, claim and settle what two hundred incidents caused; a third of the attempts fail."""
    office.channel()
    office.channel("slack", "second")
    with office.store.write() as connection:
        desk = Desk(connection, office.ids, office.clock.now())
        opened = [desk.incident(office.workspace) for _ in range(200)]
        for incident in opened:
            desk.alert(office.workspace, incident, OPENED)
    told: list[Claimed] = []
    barrier = Barrier(4)
    faults: list[BaseException] = []

    def word() -> bool:
        now = office.clock.now()
        with office.store.write() as connection:
            return word_alerts(connection, office.ids, now, now, "https://tocsin.example", HABITS) > 0

    def work() -> None:
        barrier.wait()
        try:
            while word():
                for one in office.claim():
                    told.append(one)
                    office.settle(one, _again(office) if one.id % 3 == 0 and one.attempts == 1 else _delivered())
        except BaseException as error:
            faults.append(error)
            raise

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    office.pass_time(30)
    while claimed := office.claim():
        for one in claimed:
            told.append(one)
            office.settle(one)
    messages: dict[int, Any] = {one.id: one for one in told}
    for channel in {one.channel_id for one in told}:
        mine = [one for one in messages.values() if one.channel_id == channel]
        assert sum(not one.is_shared for one in mine) == 5

        counted = sum(content_of(one).get("incidentCount", 1) for one in mine)
        assert counted == 200
    assert {state for _, state, _ in office.rows()} == {"delivered"}


def _delivered() -> Result:
    return Result("delivered", "yes", "delivered", "HTTP 200: ok", 5_000, 200)
