"""Batches of check-ins on both engines: what is written, what is refused, what waits."""

import json
from typing import Any

import pytest

from tests.support.house import House, at, micros
from tocsin.application import accounts
from tocsin.application.errors import Refused
from tocsin.application.record_check_ins import Outcome, Receipt, Submission
from tocsin.application.submitting import Held, Replayed
from tocsin.domain.model import SECOND
from tocsin.store.engine import Store
from tocsin.store.schema import api_keys, incident_tenants, incidents, job_environments, runs, streams, tenants


@pytest.fixture
def house(store: Store) -> House:
    house = House(store)
    house.make_job()
    return house


def _reasons(outcomes: list[Outcome]) -> list[str]:
    return [outcome.reason if isinstance(outcome, Receipt) else type(outcome).__name__ for outcome in outcomes]


def _refusal(outcome: Outcome) -> tuple[int, str]:
    assert isinstance(outcome, Refused)
    return outcome.status, outcome.message


def test_a_stream_may_occur_many_times_in_a_batch(house: House) -> None:
    batch = [
        house.submission("start", received=0, run="r"),
        house.submission("success", "other", received=1),
        house.submission("success", received=2, run="r"),
        house.submission("failure", received=3),
        house.submission("success", received=4),
        house.submission("success", received=5),
    ]
    outcomes = house.record(batch)
    assert _reasons(outcomes) == [
        "run_started",
        "run_recorded",
        "run_closed",
        "run_recorded",
        "run_recorded",
        "duplicate",
    ]
    assert house.runs() == [("ok", 1), ("ok", 2), ("error", 3), ("ok", 4)]
    assert len(house.rows(streams)) == 2
    first, again = outcomes[4], outcomes[5]
    assert isinstance(first, Receipt)
    assert isinstance(again, Receipt)
    assert (again.ping_id, again.is_duplicate, first.is_duplicate) == (first.ping_id, True, False)
    assert at(house.stream().last_success_at) == 5


def test_a_result_without_a_run_id_closes_the_newest_open_run(house: House) -> None:
    opened = house.check_in("start", run="old")
    house.now = 1
    house.check_in("start", run="new")
    house.now = 2
    assert house.check_in("success").run_id == "new"
    assert house.check_in("failure", received=3).run_id == "old" == opened.run_id
    assert [(run.client_run_id, run.outcome, run.duration) for run in house.rows(runs)] == [
        ("old", "error", 3 * SECOND),
        ("new", "ok", SECOND),
    ]
    assert house.stream().open_runs == 0


def test_what_a_run_tells_of_itself_is_kept(house: House) -> None:
    house.check_in("start", run="r", message="begun")
    house.now = 7
    house.check_in("success", run="r")
    run = house.rows(runs)[0]
    assert (at(run.started_at), at(run.finished_at), run.duration) == (0, 7, 7 * SECOND)
    assert (run.message, at(run.expected_at)) == ("begun", 3600)
    odd = 'a "quoted" back\\slash, {braces}, NULL, comma\nand line \u2014 \u26a0'
    house.check_in("failure", run="odd", message=odd)
    assert house.rows(runs, runs.c.client_run_id == "odd")[0].message == odd


def test_a_tenant_is_made_on_sight_only_where_the_workspace_wants_it(house: House) -> None:
    house.record([house.submission("success", "new"), house.submission("success", "new", received=30)])
    assert [row.external_id for row in house.rows(tenants)] == ["default", "new"]
    assert len(house.rows(runs)) == 2
    with house.store.write() as connection:
        accounts.change_workspace(connection, house.workspace_id, {"auto_create_tenants": "events"})
    batch = [house.submission("success", "newer"), house.submission("success", "new", received=60)]
    refused, kept = house.record(batch)
    assert _refusal(refused) == (404, "Tenant not found.")
    assert isinstance(kept, Receipt)


@pytest.mark.parametrize("name", ["line\nbreak", "\x1b[31mred", " blank"])
def test_no_tenant_is_made_on_sight_that_could_not_be_made_by_hand(house: House, name: str) -> None:
    assert _refusal(house.record([house.submission("success", name)])[0]) == (404, "Tenant not found.")
    assert [row.external_id for row in house.rows(tenants)] == ["default"]


def test_unknown_jobs_and_deactivated_tenants_are_refused(house: House) -> None:
    house.check_in("success")
    house.deactivate("acme")
    job, tenant = house.record([house.submission("success", job="none"), house.submission("success")])
    assert _refusal(job) == (404, "Job not found.")
    assert _refusal(tenant) == (422, "Tenant is deactivated.")
    assert house.runs() == [("ok", 0)]


def test_a_dead_key_is_refused_in_the_transaction(house: House) -> None:
    key = house.rows(api_keys)[0].id
    alive = house.record([house.submission("success", key_id=key)])
    with house.store.write() as connection:
        accounts.rotate_key(connection, house.ids, micros(1), house.workspace_id)
    dead, other = house.record([house.submission("success", received=20, key_id=key), house.submission("failure")])
    assert isinstance(alive[0], Receipt)
    assert _refusal(dead)[0] == 401
    assert isinstance(other, Receipt)
    assert len(house.rows(runs)) == 2


class TestIdempotencyKey:
    @staticmethod
    def answer(submission: Submission, outcome: Receipt | Refused) -> str:
        said = outcome.ping_id if isinstance(outcome, Receipt) else outcome.message
        return json.dumps([submission.check_in.kind, said])

    def ask(self, house: House, body: str, **fields: Any) -> Outcome:
        key = ("POST /ping", fields.pop("key", "key"), body)
        submission = house.submission(fields.pop("kind", "success"), idempotency=key, **fields)
        return house.record([submission], answer=self.answer)[0]

    def test_is_answered_again_in_the_same_words(self, house: House) -> None:
        first = self.ask(house, "body")
        house.now = 3600
        again = self.ask(house, "body")
        assert isinstance(first, Receipt)
        assert again == Replayed(200, json.dumps(["success", first.ping_id]))
        assert house.runs() == [("ok", 0)]

    def test_refuses_another_body(self, house: House) -> None:
        self.ask(house, "body")
        assert _refusal(self.ask(house, "other", kind="failure"))[0] == 422
        assert house.runs() == [("ok", 0)]

    def test_remembers_what_was_refused(self, house: House) -> None:
        assert _refusal(self.ask(house, "body", job="later")) == (404, "Job not found.")
        house.make_job(job_key="later")
        assert self.ask(house, "body", job="later") == Replayed(404, json.dumps(["success", "Job not found."]))

    def test_is_free_again_after_a_day(self, house: House) -> None:
        self.ask(house, "body")
        house.now = 86_400 + 1
        assert isinstance(self.ask(house, "body"), Receipt)

    def test_two_keys_are_two_requests(self, house: House) -> None:
        assert isinstance(self.ask(house, "body"), Receipt)
        assert isinstance(self.ask(house, "body", key="other", received=100), Receipt)
        assert house.runs() == [("ok", 0), ("ok", 100)]


class TestHorizon:
    """Deadlines after it may not be judged: another node may hold a check-in that came in time."""

    def test_a_check_in_waits_for_the_deadline_before_it(self, house: House) -> None:
        house.check_in("success")
        late = house.submission("success", received=3950)
        assert house.record([late], horizon=micros(3899)) == [Held()]
        assert house.runs() == [("ok", 0)]
        house.now = 3950
        assert _reasons(house.record([late], horizon=micros(3900))) == ["run_recorded"]
        assert house.runs() == [("ok", 0), ("missed", 3900), ("ok", 3950)]

    def test_every_deadline_before_it_counts_not_the_first_alone(self, house: House) -> None:
        house.check_in("success")
        late = house.submission("success", received=7850)
        assert house.record([late], horizon=micros(4000)) == [Held()]
        assert _reasons(house.record([late], horizon=micros(7800))) == ["run_recorded"]

    def test_a_timeout_before_it_counts_too(self, house: House) -> None:
        house.change_job(max_runtime=60 * SECOND)
        house.check_in("start", run="r")
        late = house.submission("success", received=70, run="r")
        assert house.record([late], horizon=micros(59)) == [Held()]
        assert _reasons(house.record([late], horizon=micros(60))) == ["duration_added"]

    def test_who_comes_after_a_held_one_waits_with_it(self, house: House) -> None:
        house.check_in("success")
        held = [house.submission("start", received=3950), house.submission("success", received=3960)]
        others = house.submission("success", "other", received=3955)
        assert _reasons(house.record([held[0], others, held[1]], horizon=micros(3800))) == [
            "Held",
            "run_recorded",
            "Held",
        ]

    def test_nothing_waits_where_nothing_fell_due(self, house: House) -> None:
        house.check_in("success")
        assert _reasons(house.record([house.submission("success", received=3900)], horizon=0)) == ["run_recorded"]


def test_the_misses_before_a_check_in_are_judged_with_it(house: House) -> None:
    house.check_in("success")
    house.now = 8000
    assert house.check_in("failure").missed_runs == 2
    assert house.runs() == [("ok", 0), ("missed", 3900), ("missed", 7800), ("error", 8000)]
    assert house.timeline() == [(None, "Open", 3900)]
    assert house.told() == [("opened", 3900)]


def test_many_streams_in_a_batch_open_one_incident(house: House) -> None:
    house.change_job(failure_threshold=1, miss_threshold=99, impact_threshold=99)
    house.record([house.submission("failure", f"tenant-{i}") for i in range(40)])
    incident = house.rows(incidents)[0]
    assert incident.tenant_count == 40 == len(house.rows(incident_tenants))
    environment = house.rows(job_environments)[0]
    assert (environment.watched_count, environment.late_count, environment.affected_count) == (40, 0, 40)
    house.record([house.submission("success", f"tenant-{i}", received=10) for i in range(40)])
    assert house.rows(job_environments)[0].affected_count == 0
    house.pass_time(1000)
    assert [to for _, to, _ in house.timeline()] == ["Open", "Recovering", "Closed"]
    assert house.told() == [("opened", 0), ("resolved", 910)]


def test_the_epoch_is_kept_where_thresholds_began_from_zero(house: House) -> None:
    house.change_job(failure_threshold=2, miss_threshold=99, impact_threshold=99)
    house.record([house.submission("failure", received=moment) for moment in (0, 1)])
    house.resolve(house.rows(incidents)[0].id)
    house.record([house.submission("failure", received=2)])
    stream = house.stream()
    assert (stream.epoch, stream.failures_base, stream.is_affected) == (1, 2, False)
    house.record([house.submission("failure", received=3)])
    assert [to for _, to, _ in house.timeline()] == ["Open", "Closed", "Open"]


def test_environments_are_streams_apart(house: House) -> None:
    house.record([house.submission("success"), house.submission("failure", environment="staging")])
    assert sorted(row.environment for row in house.rows(job_environments)) == ["production", "staging"]
    assert len(house.rows(streams)) == 2


def test_a_redrawn_stretch_is_the_same_on_both_engines(house: House) -> None:
    house.change_job(miss_threshold=99, impact_threshold=99)
    house.check_in("success")
    house.now = 20_000
    house.record(
        [
            house.submission("start", run="long", occurred=5000),
            house.submission("failure", run="f", occurred=9000),
            house.submission("success", run="s", occurred=4200),
            house.submission("success", run="long", occurred=16_000),
        ]
    )
    assert house.runs() == [
        ("ok", 0),
        ("missed", 3900),
        ("ok", 4200),
        ("error", 9000),
        ("timeout", 12_800),
        ("missed", 15_900),
        ("missed", 19_800),
    ]
    slots = {run.client_run_id: at(run.expected_at) for run in house.rows(runs) if run.client_run_id}
    assert slots == {"long": 7800, "f": 11_700, "s": 7500}
    stream = house.stream()
    assert (stream.missed_runs, stream.consecutive_failures, stream.open_runs) == (4, 4, 0)
    assert (at(stream.last_success_at), at(stream.check_at)) == (4200, 23_700)
