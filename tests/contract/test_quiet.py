"""Quiet where it meets deliveries, on both engines: what was queued before it began, and what pagers are told."""

import json

import pytest

from tests.support.office import Office, content_of
from tocsin.application import attending, holding, manage_quiets
from tocsin.application.attending import Deed
from tocsin.application.manage_quiets import Target
from tocsin.clock import ManualClock
from tocsin.delivery.channel import OutboundRequest
from tocsin.delivery.channels.opsgenie import Opsgenie
from tocsin.delivery.channels.pagerduty import PagerDuty
from tocsin.delivery.message import compose
from tocsin.domain.ids import IdMaker
from tocsin.domain.model import SECOND, AlertKind
from tocsin.domain.quiet import TargetKind
from tocsin.store.engine import Store

EVERYTHING = Target(TargetKind.WORKSPACE, "")


@pytest.fixture
def office(store: Store, clock: ManualClock, ids: IdMaker) -> Office:
    return Office(store, clock, ids)


def mute(office: Office, seconds: int) -> int:
    now = office.clock.now()
    with office.store.write() as connection:
        return manage_quiets.mute(
            connection, office.ids, now, office.workspace, EVERYTHING, now + seconds * SECOND, "", "ann"
        )


def acknowledge(office: Office, incident: int, note: str | None = None) -> None:
    deed = Deed(office.ids, office.clock.now(), office.workspace, incident, "ann@example.com")
    with office.store.write() as connection:
        attending.acknowledge(connection, deed, note, None)
    office.word()


def let_quiets_end(office: Office) -> None:
    now = office.clock.now()
    with office.store.write() as connection:
        holding.end_quiets(connection, office.ids, now, now)
    office.word()


def told(office: Office) -> list[tuple[str, int]]:
    return [(one.kind, one.channel_id) for one in office.send()]


def test_pagers_are_told_of_an_acknowledgement_in_order_and_once_a_cycle(office: Office) -> None:
    pager = office.channel("pager")
    office.channel("slack")
    incident = office.open("acme", alerted_tenants=1)
    acknowledge(office, incident, "On it.")
    acknowledge(office, incident, "Still on it.")
    claimed = [one for one in office.send() if one.channel_id == pager]
    assert [one.kind for one in claimed] == ["opened", "acknowledged"]
    assert content_of(claimed[1])["acknowledgement"] == {
        "by": "ann@example.com",
        "note": "On it.",
        "owner": None,
    }
    office.resolve(incident)
    assert ("resolved", pager) in told(office)


def test_what_pagers_are_sent(office: Office) -> None:
    office.channel("pager")
    incident = office.open("acme", alerted_tenants=1)
    acknowledge(office, incident, "On it.")
    content = json.loads(office.send()[1].content)
    message = compose("delivery", content, office.clock.now(), office.clock.now())
    sent = PagerDuty().request({"routingKey": "k" * 32}, message, 0)
    assert isinstance(sent, OutboundRequest)
    assert json.loads(sent.body) == {
        "routing_key": "k" * 32,
        "dedup_key": content["incident"]["id"],
        "event_action": "acknowledge",
    }
    genie = Opsgenie().request({"apiKey": "key", "region": "us"}, message, 0)
    path = f"/v2/alerts/{content['incident']['id']}/acknowledge?identifierType=alias"
    assert genie.url.endswith(path)
    assert json.loads(genie.body)["note"] == "Acknowledged: Daily Report\nAcknowledged by ann@example.com.\nOn it."


def test_what_was_queued_before_a_mute_is_held_and_told_after_it(office: Office) -> None:
    pager, delayed = office.channel("pager"), office.channel("webhook", delay=60)
    incident = office.open("acme", alerted_tenants=1)
    muted_for = 600
    mute(office, muted_for)
    office.pass_time(100)
    assert told(office) == []
    assert office.rows(incident) == [("opened", "dropped", "held")] * 2
    office.pass_time(muted_for)
    let_quiets_end(office)
    assert sorted(told(office)) == sorted([("opened", pager), ("opened", delayed)])
    office.resolve(incident)
    assert sorted(told(office)) == sorted([("resolved", pager), ("resolved", delayed)])


def test_what_is_over_before_it_was_sent_is_never_told(office: Office) -> None:
    office.channel("webhook")
    incident = office.open("acme", alerted_tenants=1)
    office.resolve(incident)
    mute(office, 600)
    assert told(office) == []
    assert {state for _, state, _ in office.rows()} == {"dropped"}


def test_what_was_begun_is_ended(office: Office) -> None:
    channel = office.channel("webhook")
    incident = office.open("acme", alerted_tenants=1)
    (claimed,) = office.claim()
    mute(office, 600)
    office.settle(claimed)
    office.resolve(incident)
    assert told(office) == [("resolved", channel)]


def test_nobody_is_reminded_while_it_is_quiet_or_somebody_is_at_it(office: Office) -> None:
    channel = office.channel("webhook", every=100)
    incident = office.open("acme", alerted_tenants=1)
    assert told(office) == [("opened", channel)]
    mute(office, 150)
    for seconds, expected in ((100, []), (100, [("reminder", channel)])):
        office.pass_time(seconds)
        office.remind()
        assert told(office) == expected
    acknowledge(office, incident)
    office.pass_time(100)
    assert office.remind() == 1
    assert told(office) == []


def test_a_storm_that_was_held_comes_gathered(office: Office) -> None:
    office.channel("slack")
    mute(office, 600)
    for number in range(12):
        office.open(f"tenant-{number}", alerted_tenants=1)
    assert office.kinds() == []
    office.pass_time(600)
    let_quiets_end(office)
    office.pass_time(31)
    assert sorted(office.kinds()) == ["opened"] * 5 + ["opened x 7"]


def test_an_opening_that_is_told_late_is_acknowledged_right_after(office: Office) -> None:
    pager = office.channel("pager")
    mute(office, 600)
    incident = office.open("acme", alerted_tenants=1)
    acknowledge(office, incident)
    assert told(office) == []
    office.pass_time(600)
    let_quiets_end(office)
    assert told(office) == [("opened", pager), ("acknowledged", pager)]


def test_a_growing_incident_tells_those_who_know_it_of_the_growth_alone(office: Office) -> None:
    channel = office.channel("webhook")
    incident = office.open("acme", alerted_tenants=1)
    assert told(office) == [("opened", channel)]
    mute(office, 600)
    office.pass_time(10)
    office.affect(incident, "globex")
    office.alert(incident, AlertKind.BLAST_RADIUS_EXPANDED)
    assert told(office) == []
    office.pass_time(600)
    let_quiets_end(office)
    assert told(office) == [("blastRadiusExpanded", channel)]
