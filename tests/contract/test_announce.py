"""Wording on both engines: which alerts, for whom, to which channels."""

import json
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from tests.support.alerting import MINUTE, NOON, Desk
from tocsin.application.announce import LONGEST_WAIT, TENANTS, word_alerts
from tocsin.clock import ManualClock
from tocsin.domain.ids import IdMaker, to_uuid
from tocsin.domain.model import AlertKind
from tocsin.store.engine import Store
from tocsin.store.schema import alerts, channels, deliveries, transitions

OPENED, REOPENED, RESOLVED = AlertKind.OPENED, AlertKind.REOPENED, AlertKind.RESOLVED
EXPANDED = AlertKind.BLAST_RADIUS_EXPANDED
URL = "https://tocsin.example"


class House:
    """A workspace with a webhook and an incident."""

    def __init__(self, store: Store, clock: ManualClock, ids: IdMaker) -> None:
        self.store, self.clock, self.ids = store, clock, ids
        self.workspace = self.put(Desk.workspace)
        self.channel = self.put(Desk.channel, self.workspace)
        self.incident = self.put(Desk.incident, self.workspace)

    def put(self, what: Any, *arguments: Any, **values: Any) -> int:
        with self.store.write() as connection:
            made: int = what(Desk(connection, self.ids, self.clock.now()), *arguments, **values)
            return made

    def alert(self, kind: AlertKind = OPENED, **values: Any) -> int:
        return self.put(Desk.alert, self.workspace, self.incident, kind, **values)

    def affect(self, *external_ids: str, **values: Any) -> None:
        for external_id in external_ids:
            self.put(Desk.affected, self.workspace, self.incident, external_id, **values)

    def word(self, horizon: int | None = None) -> int:
        now = self.clock.now()
        with self.store.write() as connection:
            return word_alerts(connection, self.ids, now, now if horizon is None else horizon, URL)

    def sent(self) -> list[tuple[str, int]]:
        with self.store.read() as connection:
            rows = connection.execute(select(deliveries.c.kind, deliveries.c.channel_id).order_by(deliveries.c.id))
            return [(row.kind, row.channel_id) for row in rows]

    def content(self, alert_id: int) -> dict[str, Any]:
        with self.store.read() as connection:
            text = connection.execute(select(alerts.c.content).where(alerts.c.id == alert_id)).scalar_one()
            content: dict[str, Any] = json.loads(text)
            return content


@pytest.fixture
def house(store: Store, clock: ManualClock, ids: IdMaker) -> House:
    return House(store, clock, ids)


def test_an_alert_becomes_one_delivery_a_channel(house: House) -> None:
    second = house.put(Desk.channel, house.workspace, "slack")
    house.put(Desk.channel, house.workspace, "slack", "off", is_enabled=False)
    foreign = house.put(Desk.workspace)
    house.put(Desk.channel, foreign)
    house.alert()
    assert house.word() == 1
    assert house.sent() == [("opened", house.channel), ("opened", second)]
    assert house.word() == 0


def test_the_content_tells_everything_once(house: House) -> None:
    house.affect("acme", "globex")
    with house.store.write() as connection:
        said = {"to_status": "Open", "reason": "threshold_met", "sentence": "2 tenants missed daily-report"}
        connection.execute(
            insert(transitions).values(
                id=1, workspace_id=house.workspace, incident_id=house.incident, occurred_at=NOON, **said
            )
        )
    content = house.content(_worded(house))
    assert content["kind"] == "opened"
    assert content["at"] == "2026-01-05T12:00:00Z"
    assert content["incident"]["jobKey"] == content["job"]["jobKey"] == "daily-report"
    assert content["reason"] == "2 tenants missed daily-report"
    assert (content["missedRuns"], content["tenantCount"]) == (2, 2)
    assert sorted(tenant["externalId"] for tenant in content["affectedTenants"]) == ["acme", "globex"]
    assert content["url"] == f"{URL}/incidents/{to_uuid(house.incident)}"


def _worded(house: House) -> int:
    alert = house.alert()
    house.word()
    return alert


def test_only_tenants_of_its_cycle_and_moment_are_in_it(house: House) -> None:
    house.affect("before", cycle=1)
    house.affect("now", cycle=2)
    house.affect("later", cycle=2, at=NOON + 1)
    alert = house.alert(REOPENED, cycle=2)
    house.word()
    assert [tenant["externalId"] for tenant in house.content(alert)["affectedTenants"]] == ["now"]


def test_the_newest_hundred_are_named_and_all_are_counted(house: House) -> None:
    for number in range(TENANTS + 20):
        house.affect(f"t{number}", at=NOON - 1000 + number)
    alert = house.alert()
    house.word()
    content = house.content(alert)
    assert content["tenantCount"] == TENANTS + 20
    assert [tenant["externalId"] for tenant in content["affectedTenants"]][:2] == ["t119", "t118"]
    assert len(content["affectedTenants"]) == TENANTS


def test_an_alert_waits_for_the_deadlines_of_its_moment_but_not_for_ever(house: House) -> None:
    house.alert()
    assert house.word(horizon=NOON - 1) == 0
    house.clock.moment += LONGEST_WAIT
    assert house.word(horizon=NOON - 1) == 1


def test_an_alert_does_not_overtake_an_earlier_one_of_its_incident(house: House) -> None:
    house.alert(OPENED, moment_at=NOON + MINUTE)
    house.alert(RESOLVED, moment_at=NOON)
    assert house.word(horizon=NOON) == 0
    assert house.word(horizon=NOON + MINUTE) == 2
    assert [kind for kind, _ in house.sent()] == ["opened", "resolved"]


def test_resolved_goes_only_where_the_opening_went(house: House) -> None:
    house.alert(OPENED)
    house.word()
    house.put(Desk.channel, house.workspace, "slack")
    house.alert(RESOLVED)
    house.word()
    assert [channel for kind, channel in house.sent() if kind == "resolved"] == [house.channel]


def test_a_channel_that_came_later_begins_with_what_comes_and_hears_the_end(house: House) -> None:
    house.affect("acme")
    house.alert(OPENED)
    house.word()
    late = house.put(Desk.channel, house.workspace, "slack")
    house.alert(EXPANDED)
    house.alert(RESOLVED)
    house.word()
    assert [kind for kind, channel in house.sent() if channel == late] == ["opened", "resolved"]


def test_opened_and_resolved_may_be_worded_together(house: House) -> None:
    house.alert(OPENED)
    house.alert(RESOLVED)
    house.word()
    assert [kind for kind, _ in house.sent()] == ["opened", "resolved"]


def test_after_a_resolved_only_a_new_opening_counts(house: House) -> None:
    late = house.put(Desk.channel, house.workspace, "slack", is_enabled=False)
    house.alert(OPENED)
    house.alert(RESOLVED)
    house.word()
    with house.store.write() as connection:
        connection.execute(update(channels).where(channels.c.id == house.channel).values(is_enabled=False))
        connection.execute(update(channels).where(channels.c.id == late).values(is_enabled=True))
    house.alert(REOPENED, cycle=2)
    house.word()
    with house.store.write() as connection:
        connection.execute(update(channels).values(is_enabled=True))
    house.alert(RESOLVED, cycle=2)
    house.word()
    assert house.sent()[-2:] == [("opened", late), ("resolved", late)]  # the first that this one hears of it


def test_a_workspace_without_channels_words_nothing_and_is_done(house: House) -> None:
    with house.store.write() as connection:
        connection.execute(update(channels).values(is_enabled=False))
    house.alert()
    assert house.word() == 1
    assert house.word() == 0
    assert house.sent() == []


def test_the_job_of_a_deleted_job_is_what_the_incident_remembers(house: House) -> None:
    alert = _worded(house)
    assert house.content(alert)["job"] == {
        "jobKey": "daily-report",
        "name": "Daily Report",
        "environment": "production",
    }
