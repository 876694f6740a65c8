"""Delays, reminders and routes of channels, on both engines."""

from threading import Barrier, Thread

import pytest
from sqlalchemy import update

from tests.support.office import Office, content_of
from tocsin.application import manage_channels
from tocsin.clock import ManualClock
from tocsin.domain.ids import IdMaker, to_uuid
from tocsin.domain.model import SECOND, AlertKind
from tocsin.domain.routing import Terms
from tocsin.secret_box import SecretBox
from tocsin.store.engine import Store
from tocsin.store.outbox import Result
from tocsin.store.schema import channels, transitions

OPENED, REOPENED, RESOLVED = AlertKind.OPENED, AlertKind.REOPENED, AlertKind.RESOLVED
EXPANDED = AlertKind.BLAST_RADIUS_EXPANDED
DELAY = 600


@pytest.fixture
def office(store: Store, clock: ManualClock, ids: IdMaker) -> Office:
    return Office(store, clock, ids)


# --- delay ------------------------------------------------------------------------------------------------------------


def test_a_delayed_channel_is_told_when_its_delay_is_over(office: Office) -> None:
    office.channel("webhook", delay=DELAY)
    office.channel("webhook", "at-once")
    incident = office.open("acme")
    assert office.kinds() == ["opened"]
    office.pass_time(DELAY - 1)
    assert office.kinds() == []
    office.pass_time(1)
    (told,) = office.send()
    assert (told.kind, told.moment_at, told.queued_at) == ("opened", office.clock.now(), office.clock.now())
    office.resolve(incident)
    assert office.kinds() == ["resolved", "resolved"]


def test_what_is_over_within_the_delay_is_never_told_and_seen_at_once(office: Office) -> None:
    office.channel("webhook", delay=DELAY)
    incident = office.open("acme")
    office.pass_time(DELAY / 2)
    office.resolve(incident)
    assert office.kinds() == []
    dropped = ("dropped", "resolved_within_delay")
    assert office.rows() == [("opened", *dropped), ("resolved", *dropped)]


def test_what_follows_within_the_delay_is_told_with_the_opening(office: Office) -> None:
    office.channel("webhook", delay=DELAY)
    incident = office.open("acme")
    office.pass_time(1)
    office.affect(incident, "globex")
    office.alert(incident, EXPANDED)
    office.affect(incident, "initech", cycle=2)
    office.alert(incident, REOPENED, cycle=2)
    office.pass_time(DELAY)
    (told,) = office.send()
    assert told.kind == content_of(told)["kind"] == "opened"
    assert [tenant["externalId"] for tenant in content_of(told)["affectedTenants"]] == ["initech"]
    assert office.rows()[1:] == [
        ("blastRadiusExpanded", "dropped", "told_with_opening"),
        ("reopened", "dropped", "told_with_opening"),
    ]
    office.resolve(incident, cycle=2)
    assert office.kinds() == ["resolved"]


def test_a_recovering_incident_is_waited_for(office: Office) -> None:
    office.channel("webhook", delay=DELAY)
    ended, reopened = office.open("acme"), office.open("globex")
    office.become(ended, "Recovering")
    office.become(reopened, "Recovering")
    office.pass_time(DELAY)
    assert office.kinds() == []
    assert office.rows() == [("opened", "pending", "incident_recovering")] * 2
    office.become(reopened, "Open")
    office.alert(reopened, REOPENED, cycle=2)
    office.resolve(ended)
    office.pass_time(5)
    assert office.kinds() == ["opened"]
    assert office.rows(ended) == [(kind, "dropped", "resolved_within_delay") for kind in ("opened", "resolved")]


def test_what_may_have_been_told_is_ended_as_well(office: Office) -> None:
    office.channel("webhook", delay=DELAY)
    incident = office.open("acme")
    office.pass_time(DELAY)
    (told,) = office.claim()
    office.resolve(incident)
    office.settle(told, Result("retry", "maybe", "timeout", "No answer.", 1, None, office.clock.now()))
    assert office.kinds() == ["opened", "resolved"]


def test_a_delay_taken_away_meanwhile_forgets_nobody(office: Office) -> None:
    channel = office.channel("webhook", delay=DELAY)
    over, goes_on = office.open("acme"), office.open("globex")
    office.change(channel, delay=0)
    office.resolve(over)
    assert office.kinds() == []
    office.pass_time(DELAY)
    assert office.kinds() == ["opened"]
    assert office.rows(goes_on)[0][1] == "delivered"


# --- reminders --------------------------------------------------------------------------------------------------------


def test_a_reminder_comes_each_period_while_the_incident_is_open(office: Office) -> None:
    channel = office.channel("webhook", every=60)
    office.channel("webhook", "never")
    incident = office.open("acme")
    office.send()
    for _ in range(3):
        office.pass_time(59)
        assert office.remind() == 0
        office.pass_time(1)
        assert office.remind() == 1
        (told,) = office.send()
        assert (told.kind, told.channel_id, content_of(told)["kind"]) == ("reminder", channel, "reminder")
    office.become(incident, "Recovering")
    office.pass_time(60)
    office.remind()
    assert office.kinds() == []
    assert office.reminded_at(incident, channel) is None


def test_a_reopened_incident_is_reminded_of_from_then_on(office: Office) -> None:
    channel = office.channel("webhook", every=60)
    incident = office.open("acme")
    office.pass_time(50)
    office.alert(incident, REOPENED, cycle=2)
    assert office.reminded_at(incident, channel) == office.clock.now() + 60 * SECOND


def test_periods_that_passed_while_we_were_away_are_let_go(office: Office) -> None:
    office.channel("webhook", every=60)
    office.open("acme")
    office.send()
    office.pass_time(60 * 7 + 30)
    assert office.remind() == 1
    assert office.kinds() == ["reminder"]
    assert office.remind() == 0
    office.pass_time(30)
    assert office.remind() == 1


def test_who_has_yet_to_be_told_is_not_reminded(office: Office) -> None:
    office.channel("webhook", every=60)
    office.open("acme")
    for _ in range(5):
        office.pass_time(60)
        assert office.remind() == 1
    assert office.kinds() == ["opened"]


def test_a_reminder_counts_from_the_end_of_the_delay(office: Office) -> None:
    channel = office.channel("webhook", every=60, delay=DELAY)
    incident = office.open("acme")
    assert office.reminded_at(incident, channel) == office.clock.now() + (DELAY + 60) * SECOND


def test_a_reminder_that_is_not_true_any_more_is_not_sent(office: Office) -> None:
    office.channel("webhook", every=60)
    incident = office.open("acme")
    office.send()
    office.pass_time(60)
    office.remind()
    office.become(incident, "Recovering")
    assert office.kinds() == []
    assert office.rows()[-1] == ("reminder", "dropped", "not_open_any_more")


def test_several_nodes_send_one_reminder_a_period(office: Office) -> None:
    office.channel("webhook", every=60)
    office.channel(every=60)
    for _ in range(10):
        office.open()
    office.pass_time(30)
    office.send()
    barrier = Barrier(4)

    def remind() -> None:
        barrier.wait()
        while office.remind():
            pass

    for period in range(1, 4):
        office.pass_time(60)
        threads = [Thread(target=remind) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        office.pass_time(30)
        office.send()
        office.pass_time(-30)
        told = [row for row in office.listed(state="delivered") if row["kind"] == "reminder" and row["incidentId"]]
        assert len(told) == 20 * period


def test_a_channel_that_is_off_is_not_reminded(office: Office) -> None:
    channel = office.channel("webhook", every=60)
    incident = office.open("acme")
    office.change(channel, is_enabled=False)
    office.pass_time(60)
    office.remind()
    assert office.reminded_at(incident, channel) is None


def test_new_terms_hold_for_what_is_open_already(office: Office) -> None:
    channel = office.channel("webhook")
    told, over = office.open("acme"), office.open("globex")
    office.resolve(over)
    office.begin_reminding(channel, 60)
    assert office.reminded_at(told, channel) == office.clock.now() + 60 * SECOND
    assert office.reminded_at(over, channel) is None
    office.begin_reminding(channel, None)
    assert office.reminded_at(told, channel) is None


def test_a_channel_that_is_on_again_is_reminded_again(office: Office) -> None:
    def put(*, is_enabled: bool) -> None:
        terms, secrets = Terms(remind_every=60 * SECOND), SecretBox([b"k" * 32])
        with office.store.write() as connection:
            manage_channels.put_channel(
                connection,
                office.ids,
                office.clock.now(),
                secrets,
                office.workspace,
                "webhook",
                "again",
                lambda _: {},
                is_enabled,
                terms,
            )

    put(is_enabled=True)
    incident = office.open("acme")
    office.send()
    (told,) = office.listed()
    put(is_enabled=False)
    office.pass_time(60)
    office.remind()
    put(is_enabled=True)
    office.pass_time(60)
    assert office.remind() == 1
    assert office.kinds() == ["reminder"]
    assert told["incidentIds"] == [to_uuid(incident)]


# --- routes -----------------------------------------------------------------------------------------------------------


def test_a_channel_hears_of_what_it_listens_to(office: Office) -> None:
    reports = office.channel("webhook", "reports", jobs=["daily-report"])
    payments = office.channel("webhook", "payments", integrations=["payments"])
    office.open("acme")
    assert [one.channel_id for one in office.send()] == [reports]
    integration = {"kind": "integration", "integration_key": "payments", "pattern_id": "auth_failure"}
    office.open("globex", **integration, job_key=None, job_name=None, environment=None)
    assert [one.channel_id for one in office.send()] == [payments]


def test_routes_that_change_meanwhile_lose_no_end(office: Office) -> None:
    told = office.channel("webhook", "told", jobs=["daily-report"])
    left_out = office.channel("webhook", "left-out", jobs=["other"])
    incident = office.open("acme")
    with office.store.write() as connection:
        connection.execute(update(channels).where(channels.c.id == told).values(routes='{"jobs": ["other"]}'))
        connection.execute(update(channels).where(channels.c.id == left_out).values(routes="{}"))
    office.resolve(incident)
    assert [(one.kind, one.channel_id) for one in office.send()] == [("opened", told), ("resolved", told)]


def test_a_channel_of_one_customer_tells_nothing_of_the_others(office: Office) -> None:
    channel = office.channel("webhook", tenants=["acme"])
    incident = office.incident("acme", "globex", tenant_count=2, missed_runs=2)
    with office.store.write() as connection:
        row = {"incident_id": incident, "to_status": "Open", "sentence": "2 tenants missed daily-report"}
        row |= {"id": 1, "workspace_id": office.workspace, "reason": "x", "occurred_at": office.clock.now()}
        connection.execute(transitions.insert().values(row))
    office.alert(incident, OPENED)
    (told,) = office.send()
    content = content_of(told)
    assert told.channel_id == channel
    assert "globex" not in told.content
    assert (content["tenantCount"], content["missedRuns"], content["reason"]) == (1, 1, None)
    assert (content["incident"]["tenantCount"], content["incident"]["eventCount"]) == (1, 1)


def test_a_customers_channel_is_told_when_its_customer_joins_and_when_it_ends(office: Office) -> None:
    office.channel("webhook", tenants=["acme"])
    incident = office.open("globex")
    assert office.kinds() == []
    office.affect(incident, "initech")
    office.alert(incident, EXPANDED)
    assert office.kinds() == []
    office.affect(incident, "acme")
    office.alert(incident, EXPANDED)
    assert office.kinds() == ["opened"]
    office.affect(incident, "umbrella")
    office.alert(incident, EXPANDED)
    assert office.kinds() == []
    office.resolve(incident)
    assert office.kinds() == ["resolved"]


def test_kinds_that_nobody_chose_are_not_sent(office: Office) -> None:
    office.channel("webhook", kinds=["opened", "reopened"])
    incident = office.open("acme")
    office.alert(incident, EXPANDED)
    office.resolve(incident)
    assert office.kinds() == ["opened"]


def test_who_hears_of_an_incident_late_hears_its_beginning_and_its_end(office: Office) -> None:
    incident = office.open("acme")
    both = [office.channel("pager"), office.channel("webhook")]
    office.alert(incident, EXPANDED)
    assert [(one.kind, one.channel_id) for one in office.send()] == [("opened", one) for one in both]
    office.resolve(incident)
    assert [(one.kind, one.channel_id) for one in office.send()] == [("resolved", one) for one in both]
