"""Batches of events on both engines: what is written, what is refused, what waits, and what incidents become of it."""

import json
from typing import Any

import pytest
from sqlalchemy import Row, insert
from sqlalchemy.exc import IntegrityError

from tests.support.house import House, at, micros
from tocsin.application import accounts
from tocsin.application.errors import Refused
from tocsin.application.newest_tenants import NAMED, NewestTenants
from tocsin.application.record_events import EventOutcome, EventReceipt, EventSubmission, Recorded
from tocsin.application.submitting import Held, Replayed
from tocsin.domain.event import StoredEvent
from tocsin.domain.model import SECOND
from tocsin.store.engine import Store
from tocsin.store.schema import (
    alerts,
    api_keys,
    events,
    incident_tenants,
    incidents,
    integration_patterns,
    streams,
    tenants,
)


@pytest.fixture
def house(store: Store) -> House:
    return House(store)


def _receipts(outcome: EventOutcome) -> tuple[EventReceipt, ...]:
    assert isinstance(outcome, Recorded), outcome
    return outcome.receipts


def _refusal(outcome: EventOutcome) -> tuple[int, str]:
    assert isinstance(outcome, Refused)
    return outcome.status, outcome.message


def _incident(house: House) -> Row[Any]:
    [row] = house.rows(incidents)
    return row


def _policy(house: House, policy: str) -> None:
    with house.store.write() as connection:
        accounts.change_workspace(connection, house.workspace_id, {"auto_create_tenants": policy})


class TestOneEvent:
    def test_it_opens_an_incident_and_is_told_of(self, house: House) -> None:
        receipt = house.report("token_refresh_failed", code="401")
        row = _incident(house)
        assert receipt[2:] == (row.id, "Open", "auth_failure", "High", ("acme",), 1)
        assert receipt.is_new_incident
        assert (row.kind, row.integration_key, row.pattern_id, row.pattern_name, row.confidence, row.status) == (
            "integration",
            "payments",
            "auth_failure",
            "Auth Failure",
            "High",
            "Open",
        )
        assert (row.event_count, row.tenant_count, row.reopen_count, row.missed_runs) == (1, 1, 0, 0)
        assert house.told() == [("opened", 0)]
        assert house.timeline() == [(None, "Open", 0)]

    def test_it_is_kept_whole(self, house: House) -> None:
        payload = {"endpoint": "/v2/webhooks", "größe": [1, None, {"tief": True}], 'quo"te': "back\\slash, {comma}"}
        receipt = house.report(code="503", payload=payload, occurred=-10)
        [row] = house.rows(events)
        kept = StoredEvent._make(row)
        [tenant] = house.rows(tenants, tenants.c.external_id == "acme")
        assert kept[:-1] == (
            receipt.event_id,
            house.workspace_id,
            tenant.id,
            "payments",
            "auth_failed",
            "503",
            "auth_failure",
            "Medium",
            _incident(house).id,
            micros(-10),
            micros(0),
        )
        assert (json.loads(kept.payload) if isinstance(kept.payload, str) else kept.payload) == payload

    def test_one_that_no_pattern_knows_is_kept_without_incident(self, house: House) -> None:
        receipt = house.report("something_else", code="teapot")
        assert receipt[2:] == (None, None, None, None, (), 0)
        assert not receipt.is_new_incident
        assert [(row.pattern_id, row.incident_id) for row in house.rows(events)] == [(None, None)]
        assert house.rows(incidents) == []

    def test_one_too_old_to_be_news_opens_nothing(self, house: House) -> None:
        receipt = house.report(occurred=-301)
        assert (receipt.reason, receipt.incident_id, receipt.pattern_id) == ("event_too_old", None, "auth_failure")
        assert house.report(occurred=-300).is_new_incident

    def test_one_too_old_reopens_nothing(self, house: House) -> None:
        house.report()
        house.pass_time(400)
        receipt = house.report(tenant="late", occurred=50)
        assert (receipt.incident_status, receipt.tenant_count, _incident(house).event_count) == ("Recovering", 2, 2)
        assert house.timeline() == [(None, "Open", 0), ("Open", "Recovering", 300)]


class TestManyEvents:
    def test_an_incident_is_of_one_integration_under_one_pattern(self, house: House) -> None:
        told = [
            ("auth_failed", "payments"),
            ("throttled", "payments"),
            ("auth_failed", "orders"),
            ("auth_failed", "payments"),
        ]
        batch = [EventSubmission((house.event(kind, integration=key),)) for kind, key in told]
        receipts = [_receipts(outcome)[0] for outcome in house.record_events(batch)]
        assert [receipt.is_new_incident for receipt in receipts] == [True, True, True, False]
        assert receipts[0].incident_id == receipts[3].incident_id
        assert sorted((i.integration_key, i.pattern_id, i.event_count) for i in house.rows(incidents)) == [
            ("orders", "auth_failure", 1),
            ("payments", "auth_failure", 2),
            ("payments", "rate_limit_exceeded", 1),
        ]

    def test_counts_are_kept_of_the_incident_and_of_each_tenant(self, house: House) -> None:
        for second, tenant in enumerate(["a", "b", "a", "c", "a"]):
            house.now = second
            receipt = house.report(tenant=tenant)
        assert (receipt.affected, receipt.tenant_count) == (("b", "c", "a"), 3)
        row = _incident(house)
        assert (row.event_count, row.tenant_count, row.cycle_tenants) == (5, 3, 3)
        names = {t.id: t.external_id for t in house.rows(tenants)}
        parts = {names[m.tenant_id]: m for m in house.rows(incident_tenants)}
        assert {name: m.event_count for name, m in parts.items()} == {"a": 3, "b": 1, "c": 1}
        assert (at(parts["a"].first_seen_at), at(parts["a"].last_seen_at)) == (0, 4)

    def test_a_batch_is_answered_event_by_event_in_order(self, house: House) -> None:
        several = tuple(
            house.event(kind, tenant) for kind, tenant in [("auth_failed", "a"), ("x", "b"), ("auth_failed", "b")]
        )
        receipts = _receipts(house.record_events([EventSubmission(several, is_batch=True)])[0])
        assert [r.reason.value for r in receipts] == ["event_opened", "event_unmatched", "event_joined"]
        assert [r.affected for r in receipts] == [("a",), (), ("a", "b")]
        ids = [row.id for row in house.rows(events)]
        assert [r.event_id for r in receipts] == ids

    def test_what_an_answer_names_is_the_same_from_memory_and_from_the_database(self, house: House) -> None:
        newest = NewestTenants()
        for n in range(NAMED + 20):
            house.now = n
            report = EventSubmission((house.event(tenant=f"t{n * 7 % 110}"),))
            other = NewestTenants() if n % 3 else newest
            [receipt] = _receipts(house.record_events([report], newest=other)[0])
            expected = list(dict.fromkeys([f"t{m * 7 % 110}" for m in range(n, -1, -1)]))[:NAMED]
            assert receipt.affected == tuple(reversed(expected))
        assert receipt.tenant_count == 110


class TestTenants:
    @pytest.mark.parametrize(("policy", "is_made"), [("events", True), ("all", True), ("none", False)])
    def test_they_are_made_on_sight_where_the_workspace_wants_that(
        self, house: House, policy: str, is_made: bool
    ) -> None:
        _policy(house, policy)
        outcome = house.record_events([EventSubmission((house.event(tenant="new"),))])[0]
        assert isinstance(outcome, Recorded) is is_made
        if not is_made:
            assert _refusal(outcome) == (404, "Tenant not found.")
            assert house.rows(events) == []
        assert len(house.rows(tenants, tenants.c.external_id == "new")) == is_made

    def test_one_is_made_once_for_a_whole_batch(self, house: House) -> None:
        house.record_events([EventSubmission((house.event(tenant=name),)) for name in "abcabc"])
        assert sorted(t.external_id for t in house.rows(tenants)) == ["a", "b", "c", "default"]

    def test_a_job_for_all_tenants_expects_one_made_by_an_event(self, house: House) -> None:
        house.make_job(tenant_scope="all")
        house.report(tenant="new")
        [owner] = house.rows(tenants, tenants.c.external_id == "new")
        assert len(house.rows(streams, streams.c.tenant_id == owner.id)) == 1

    @pytest.mark.parametrize("name", [" acme", "a\u0007", "a\u200b"])
    def test_nobody_is_made_who_could_not_be_made_by_hand(self, house: House, name: str) -> None:
        assert _refusal(house.record_events([EventSubmission((house.event(tenant=name),))])[0]) == (
            404,
            "Tenant not found.",
        )

    def test_a_deactivated_one_is_refused(self, house: House) -> None:
        house.add_tenant("gone")
        house.deactivate("gone")
        gone, fine = EventSubmission((house.event(tenant="gone"),)), EventSubmission((house.event(tenant="fine"),))
        outcomes = house.record_events([gone, fine])
        assert _refusal(outcomes[0]) == (422, "Tenant is deactivated.")
        assert _receipts(outcomes[1])[0].affected == ("fine",)

    def test_of_a_batch_with_one_refused_nothing_is_stored(self, house: House) -> None:
        house.add_tenant("gone")
        house.deactivate("gone")
        several = EventSubmission(tuple(house.event(tenant=name) for name in ("new", "gone")), is_batch=True)
        assert _refusal(house.record_events([several])[0]) == (422, "events[1]: Tenant is deactivated.")
        assert house.rows(events) + house.rows(incidents) + house.rows(integration_patterns) == []
        assert sorted(t.external_id for t in house.rows(tenants)) == ["default", "gone"]


class TestSenders:
    def test_a_dead_key_is_refused(self, house: House) -> None:
        [key] = house.rows(api_keys)
        batch = [EventSubmission((house.event(),), key_id=key.id), EventSubmission((house.event(),), key_id=1)]
        outcomes = house.record_events(batch, {key.id})
        assert isinstance(outcomes[0], Recorded)
        assert _refusal(outcomes[1])[0] == 401

    def ask(self, house: House, body: str, tenant: str = "acme") -> EventOutcome:
        def answer(_: EventSubmission, outcome: Recorded | Refused) -> str:
            return outcome.message if isinstance(outcome, Refused) else str(outcome.receipts[0].event_id)

        report = EventSubmission((house.event(tenant=tenant),), idempotency=("POST /events", "key", body))
        return house.record_events([report], answer=answer)[0]

    def test_an_idempotency_key_is_answered_alike(self, house: House) -> None:
        [first] = _receipts(self.ask(house, "body"))
        assert self.ask(house, "body") == Replayed(201, str(first.event_id))
        assert _refusal(self.ask(house, "other body"))[0] == 422
        assert len(house.rows(events)) == 1

    def test_a_refusal_is_repeated_too(self, house: House) -> None:
        _policy(house, "none")
        assert _refusal(self.ask(house, "body"))[0] == 404
        house.add_tenant("acme")
        assert self.ask(house, "body") == Replayed(404, "Tenant not found.")

    def test_two_under_one_key_in_one_batch(self, house: House) -> None:
        report = EventSubmission((house.event(),), idempotency=("POST /events", "key", "body"))
        first, second = house.record_events([report, report])
        assert isinstance(first, Recorded)
        assert _refusal(second)[0] == 409


class TestLife:
    def test_it_recovers_closes_and_is_resolved(self, house: House) -> None:
        house.report()
        house.pass_time(100)
        house.report()
        house.pass_time(10_000)
        assert house.timeline() == [(None, "Open", 0), ("Open", "Recovering", 400), ("Recovering", "Closed", 1000)]
        assert house.told() == [("opened", 0), ("resolved", 1000)]

    def test_an_event_at_the_very_moment_of_recovery_is_in_time(self, house: House) -> None:
        house.report()
        house.now = 300
        assert house.report().incident_status == "Open"
        assert house.timeline() == [(None, "Open", 0)]

    def test_what_fell_due_before_an_event_is_judged_first(self, house: House) -> None:
        """The tick was not there all that time: the event finds its incident Open, and closes it as of then."""
        house.report()
        house.now = 5000
        assert house.report().is_new_incident
        assert house.timeline() == [
            (None, "Open", 0),
            ("Open", "Recovering", 300),
            ("Recovering", "Closed", 900),
            (None, "Open", 5000),
        ]
        assert house.told() == [("opened", 0), ("resolved", 900), ("opened", 5000)]

    def test_within_the_cooldown_it_is_reused(self, house: House) -> None:
        first = house.report()
        house.pass_time(1800)
        again = house.report(tenant="other")
        assert (again.incident_id, again.is_new_incident, again.tenant_count) == (first.incident_id, False, 2)
        row = _incident(house)
        assert (row.reopen_count, row.cycle, row.cycle_tenants, row.event_count) == (1, 2, 1, 2)
        assert house.told()[-1] == ("reopened", 1800)

    def test_resolved_by_hand(self, house: House) -> None:
        first = house.report()
        house.now = 10
        house.resolve(first.incident_id or 0)
        assert house.told() == [("opened", 0), ("resolved", 10)]
        house.now = 20
        assert house.report().incident_id == first.incident_id
        assert house.told()[-1] == ("reopened", 20)

    def test_no_two_of_one_subject_can_live(self, house: House) -> None:
        house.report()
        row = {**_incident(house)._asdict(), "id": 1}
        with pytest.raises(IntegrityError), house.store.write() as connection:
            connection.execute(insert(incidents).values(row))

    def test_while_another_node_may_hold_an_older_event_nothing_is_judged(self, house: House) -> None:
        house.report()
        house.now = 350
        report = EventSubmission((house.event(),))
        assert house.record_events([report], horizon=micros(299)) == [Held()]
        assert house.timeline() == [(None, "Open", 0)]
        [receipt] = _receipts(house.record_events([report], horizon=micros(300))[0])
        assert receipt.incident_status == "Open"
        assert house.timeline()[1:] == [("Open", "Recovering", 300), ("Recovering", "Open", 350)]

    def test_blast_radius(self, house: House) -> None:
        for second in range(40):  # 40 are not yet twice 32
            house.now = second
            house.report(tenant=f"t{second}")
        house.pass_time(200)
        assert house.told() == [
            ("opened", 0),
            ("blastRadiusExpanded", 1),
            ("blastRadiusExpanded", 31),
        ]


class TestThresholds:
    def counted(self, house: House) -> list[int]:
        [row] = house.rows(integration_patterns)
        return [round(at(moment) or 0) for moment in json.loads(row.counted or "[]")]

    def test_it_opens_silently_until_there_are_enough(self, house: House) -> None:
        house.set_pattern(count=3, seconds=60)
        for second in (0, 50, 100):
            house.now = second
            assert house.report(tenant=f"t{second}").incident_status == "Open"
            assert house.told() == []
        assert self.counted(house) == [0, 50, 100]
        house.now = 110
        house.report()
        assert (house.told(), self.counted(house)) == ([("opened", 110)], [])

    def test_in_one_batch(self, house: House) -> None:
        house.set_pattern(count=3, seconds=60)
        batch = [EventSubmission((house.event(received=second, tenant=f"t{second}"),)) for second in range(5)]
        house.record_events(batch)
        assert house.told() == [("opened", 2), ("blastRadiusExpanded", 3)]

    def test_what_can_count_no_more_is_forgotten(self, house: House) -> None:
        house.set_pattern(count=3, seconds=60)
        for second in range(0, 2000, 100):
            house.now = second
            house.report()
        assert self.counted(house) == [1600, 1700, 1800, 1900]

    def test_a_threshold_taken_away_tells_at_the_next_event(self, house: House) -> None:
        house.set_pattern(count=3, seconds=60)
        house.report()
        house.set_pattern(count=1)
        house.now = 1
        house.report()
        assert house.told() == [("opened", 1)]

    def test_silent_again_after_each_reopening(self, house: House) -> None:
        house.set_pattern(count=2, seconds=60)
        house.report()
        house.report()
        house.pass_time(400)
        house.report()
        assert house.told() == [("opened", 0)]
        house.pass_time(2000)
        assert house.told() == [("opened", 0), ("resolved", 1300)]
        [resolved] = house.rows(alerts, alerts.c.kind == "resolved")
        assert resolved.cycle == 2

    def test_a_built_in_threshold_holds_without_being_set(self, house: House) -> None:
        for second in range(3):
            house.now = second
            assert house.report("connection_reset", code="ECONNRESET").confidence == "High"
        assert house.told() == [("opened", 2)]

    def test_windows_are_those_of_the_workspace(self, house: House) -> None:
        with house.store.write() as connection:
            accounts.change_workspace(connection, house.workspace_id, {"recovery_window": 10 * SECOND})
        house.report()
        house.pass_time(20)
        assert house.timeline()[1:] == [("Open", "Recovering", 10)]
