"""What is too old goes, and nothing that anybody needs: on both engines, whatever has happened."""

import json
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, update

from tests.support.databases import Postgres
from tests.support.house import NOON, House, empty, micros
from tests.support.statements import statements
from tocsin.application.pace import steady
from tocsin.application.prune import prune
from tocsin.application.record_check_ins import Receipt
from tocsin.domain.ids import IdMaker, first_id
from tocsin.domain.model import DEFAULT_ENVIRONMENT, SECOND
from tocsin.domain.reason import Reason
from tocsin.domain.retention import Retention
from tocsin.domain.tally import LAG
from tocsin.store import schema, tallies
from tocsin.store.engine import Store
from tocsin.store.retention import claim_pass
from tocsin.store.tallies import Progress

DAY = 86_400
#: As little as can be kept.
LEAST = Retention(1, 8, 8, 1, 1, 1, 1)
HARSH = LEAST._replace(failed_run_days=20)


def count_all(house: House) -> None:
    """As if the tallier had been there."""
    until_at = micros(house.now) - LAG
    with house.store.write() as connection:
        before = tallies.progress(connection)
        assert tallies.advance(connection, before, Progress(until_at, first_id(until_at) - 1))


def prune_now(house: House, kept: Retention = LEAST, size: int = 7) -> Counter[Reason]:
    count_all(house)
    return prune(house.store, kept, micros(house.now), steady(size))


def outcomes(house: House) -> list[tuple[str, int]]:
    """(outcome, age in days) of every run."""
    rows = sorted(house.rows(schema.runs), key=lambda run: (run.at, run.id))
    return [(run.outcome, round((micros(house.now) - run.at) / SECOND / DAY)) for run in rows]


# --- the law -----------------------------------------------------------------------------------------------------


class Act(NamedTuple):
    """A check-in, `hours` after the one before; `back`: of how many hours ago it tells."""

    hours: int
    tenant: str
    kind: str
    run: str | None = None
    back: int | None = None


def acts(runs: Sequence[str | None], most: int) -> Any:
    """`runs`: the names that runs may have."""
    kinds = st.sampled_from(["success", "success", "success", "failure", "start"])
    return st.lists(
        st.builds(
            Act,
            st.sampled_from([1, 5, 23, 24, 25, 47, 72, 200]),
            st.sampled_from(["a", "b"]),
            kinds,
            st.sampled_from(runs),
            st.one_of(st.none(), st.none(), st.integers(0, 7 * 24 - 1)),
        ),
        min_size=1,
        max_size=most,
    )


SCHEDULES: dict[str, dict[str, Any]] = {
    "interval": {"schedule_interval": DAY * SECOND},
    "crontab": {"schedule_type": "crontab", "schedule_value": "0 3 * * *", "schedule_zone": "UTC"},
    "none": {"schedule_type": "none", "schedule_interval": None, "failure_threshold": 2},
}


def live(
    house: House, schedule: str, recovery: int, before: Sequence[Act], after: Sequence[Act], *, pruned: bool
) -> Any:
    """What is there in the end, but for what is too old."""
    house.make_job(**SCHEDULES[schedule], recovery_threshold=recovery, max_runtime=2 * DAY * SECOND)
    told = [act_out(house, act) for act in before]
    if pruned:
        prune_now(house, HARSH)
    boundary = micros(house.now) - 8 * DAY * SECOND
    told += [act_out(house, act) for act in after]
    recent = [run for run in house.rows(schema.runs) if run.at >= boundary]
    return told, [house.rows(table) for table in (schema.streams, schema.incidents, schema.transitions)], recent


def act_out(house: House, act: Act) -> Any:
    house.pass_time(house.now + act.hours * 3600)
    occurred = None if act.back is None else house.now - act.back * 3600
    outcome = house.record([house.submission(act.kind, act.tenant, run=act.run, occurred=occurred)])[0]
    return outcome.reason if isinstance(outcome, Receipt) else outcome


PLANS = given(
    schedule=st.sampled_from(sorted(SCHEDULES)),
    recovery=st.integers(1, 3),
    before=acts([None, None, "x", "y"], 25),
    after=acts([None, "n", "m"], 8),
)


def as_if_nothing_was_pruned(one: Store, other: Store, **plan: Any) -> None:
    for store in (one, other):
        empty(store)
    assert live(House(one), pruned=False, **plan) == live(House(other), pruned=True, **plan)


@pytest.mark.parametrize("examples", [50, pytest.param(5_000, marks=pytest.mark.torture)])
def test_whatever_is_told_afterwards_means_the_same_as_if_nothing_had_gone(examples: int) -> None:
    stores = (Store("sqlite://"), Store("sqlite://"))
    for store in stores:
        with store.write() as connection:
            schema.metadata.create_all(connection)

    @settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @PLANS
    def law(**plan: Any) -> None:
        as_if_nothing_was_pruned(*stores, **plan)

    law()
    for store in stores:
        store.close()


@pytest.mark.postgresql
def test_the_same_on_postgresql(postgres: Postgres) -> None:
    with ExitStack() as stack:
        stores = [Store(stack.enter_context(postgres.database())) for _ in range(2)]
        for store in stores:
            stack.callback(store.close)

        @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @PLANS
        def law(**plan: Any) -> None:
            as_if_nothing_was_pruned(stores[0], stores[1], **plan)

        law()


# --- runs --------------------------------------------------------------------------------------------------------


def test_failed_runs_are_kept_longest(store: Store) -> None:
    house = House(store)
    house.make_job(schedule_interval=DAY * SECOND, impact_threshold=99, miss_threshold=99)
    for day in range(40):
        house.now = day * DAY
        house.check_in("failure" if day % 10 == 5 else "success", message=f"day {day}")
    gone = prune_now(house, LEAST._replace(run_days=10, failed_run_days=30))
    left = outcomes(house)
    assert [age for outcome, age in left if outcome == "error"] == [24, 14, 4]
    assert [age for outcome, age in left if outcome == "ok"] == [11, 10, 9, 8, 7, 6, 5, 3, 2, 1, 0]
    assert gone == {Reason.RUN_EXPIRED: 26}
    assert prune_now(house, LEAST._replace(run_days=10, failed_run_days=30)) == {}


def test_runs_in_progress_and_the_newest_of_a_stream_stay_for_ever(store: Store) -> None:
    house = House(store)
    house.make_job(schedule_type="none", schedule_interval=None)
    house.check_in("success", "gone-quiet")
    house.check_in("start", "long-runner")
    house.now = 900 * DAY
    prune_now(house)
    assert outcomes(house) == [("ok", 900), ("in_progress", 900)]


def test_a_silence_is_told_of_as_long_as_it_lasts(store: Store) -> None:
    house = House(store)
    house.make_job(schedule_interval=DAY * SECOND)
    house.check_in("success")
    house.pass_time(100 * DAY)
    before = outcomes(house)
    prune_now(house)
    assert outcomes(house) == before
    assert sum(run.missed_count for run in house.rows(schema.runs) if run.outcome == "missed") == 99


def test_the_failures_of_an_open_incident_stay_until_it_is_closed(store: Store) -> None:
    house = House(store)
    house.make_job(schedule_interval=DAY * SECOND, failure_threshold=1, recovery_threshold=1)
    house.check_in("success", "dead")
    house.check_in("failure", "flappy")
    house.check_in("success", "flappy")
    for day in range(1, 60):  # `dead` keeps the incident open
        house.pass_time(day * DAY)
        house.check_in("success", "flappy")
    prune_now(house)
    assert ("error", 59) in outcomes(house)
    house.check_in("success", "dead")
    house.pass_time(house.now + 3600)
    prune_now(house)
    assert ("error", 59) not in outcomes(house)


def test_what_is_kept_beside_a_run_goes_with_it(store: Store) -> None:
    house = House(store)
    house.make_job(schedule_type="none", schedule_interval=None)
    for day in range(20):
        house.now = day * DAY
        house.check_in("start", run=f"r{day}")
        house.check_in("log", run=f"r{day}", message="half way")
        house.check_in("success", run=f"r{day}")
    gone = prune_now(house, LEAST._replace(log_days=0, run_days=8))
    left = {run.id for run in house.rows(schema.runs)}
    assert len(left) == 10
    assert {note.run_id for note in house.rows(schema.run_notes)} == left
    assert gone == {Reason.RUN_EXPIRED: 10}
    gone = prune_now(house, Retention(3, 0, 0, 0, 0, 0, 0))
    assert gone == {Reason.LOG_EXPIRED: 6}
    assert len(house.rows(schema.runs)) == 10


def test_a_large_slice_costs_a_few_statements(store: Store) -> None:
    """Of short ones: each of thousands of numbers to bind, and a question of the same stream for each slice, made
    PostgreSQL prune a million runs in more than 270 s."""
    house = House(store)
    house.make_job(schedule_type="none", schedule_interval=None)
    house.check_in("success")
    [run] = house.rows(schema.runs)
    copies = [{**run._mapping, "id": run.id + n, "at": run.at + n} for n in range(1, 2_500)]
    with store.write() as connection:
        connection.execute(insert(schema.runs), copies)
    house.now = 50 * DAY
    count_all(house)
    with statements() as asked:
        gone = prune(store, LEAST, micros(house.now), steady(1_000))
    assert gone == {Reason.RUN_EXPIRED: 2_499}
    assert [left.id for left in house.rows(schema.runs)] == [copies[-1]["id"]]
    assert max(map(len, asked)) < 2_000
    assert sum("FROM streams" in statement for statement in asked) == 1


# --- everything else ---------------------------------------------------------------------------------------------


def test_events_go_but_not_those_of_an_open_incident(store: Store) -> None:
    house = House(store)
    house.report("auth_failed", integration="ends")
    house.report("nobody_knows")
    house.pass_time(10 * DAY)
    house.report("auth_failed", integration="lasts")
    with store.write() as connection:
        connection.execute(
            update(schema.incidents).where(schema.incidents.c.integration_key == "lasts").values(check_at=None)
        )
    house.now = 60 * DAY
    assert prune_now(house)[Reason.EVENT_EXPIRED] == 2
    assert [event.integration_key for event in house.rows(schema.events)] == ["lasts"]


def test_alerts_go_when_all_was_delivered_and_their_incident_is_over(store: Store) -> None:
    house = House(store)
    house.make_job(schedule_interval=DAY * SECOND)
    for tenant in ("back", "dead"):
        house.check_in("success", tenant)
    house.pass_time(3 * DAY)
    incident = house.rows(schema.incidents)[0]
    assert len(house.rows(schema.deliveries)) == 1
    settle(house)
    house.now = 50 * DAY
    assert prune_now(house)[Reason.DELIVERY_EXPIRED] == 0, "its incident is open"
    house.now = 3 * DAY
    house.resolve(incident.id)
    house.pass_time(house.now + 10)
    assert [row.kind for row in house.rows(schema.alerts)] == ["opened", "resolved"]
    house.now = 50 * DAY
    gone = prune_now(house)
    assert (gone[Reason.DELIVERY_EXPIRED], gone[Reason.ALERT_EXPIRED]) == (1, 1), "resolved is not delivered yet"
    settle(house)
    house.now = 60 * DAY
    prune_now(house)
    assert house.rows(schema.alerts) == house.rows(schema.deliveries) == []


def settle(house: House) -> None:
    with house.store.write() as connection:
        values = {"state": "delivered", "settled_at": micros(house.now), "next_attempt_at": None}
        connection.execute(update(schema.deliveries).values(values))


def test_each_workspace_keeps_what_it_chose(store: Store, ids: IdMaker) -> None:
    short, default = House(store, ids), House(store, ids)
    for house in (short, default):
        house.report("nobody_knows")
        house.now = 50 * DAY
    with store.write() as connection:
        chosen = {"event_days": 20, "unheard_of": 3}
        mine = schema.workspaces.c.id == short.workspace_id
        connection.execute(update(schema.workspaces).where(mine).values(retention=json.dumps(chosen)))
    assert prune_now(short, Retention()) == {Reason.EVENT_EXPIRED: 1}
    assert short.rows(schema.events) == []
    assert len(default.rows(schema.events)) == 1


def test_nothing_goes_where_everything_is_kept_for_ever(store: Store) -> None:
    house = House(store)
    house.make_job(schedule_type="none", schedule_interval=None)
    house.report("nobody_knows")
    for _ in range(3):
        house.check_in("success")
    house.now = 3_000 * DAY
    assert prune_now(house, Retention(0, 0, 0, 0, 0, 0, 0)) == {}


def test_answers_that_may_still_be_repeated_are_left_alone(store: Store) -> None:
    house = House(store)
    row = {"workspace_id": house.workspace_id, "route": "r", "key": "k", "body_hash": "h", "created_at": NOON}
    with store.write() as connection:
        connection.execute(schema.idempotency_keys.insert().values(row))
    house.now = 900 * DAY
    prune_now(house)
    assert len(house.rows(schema.idempotency_keys)) == 1


def test_pruning_stops_when_it_is_told_to(store: Store) -> None:
    house = House(store)
    for _ in range(10):
        house.report("nobody_knows")
    house.now = 50 * DAY
    rests: list[int] = []

    def rest(microseconds: int) -> bool:
        rests.append(microseconds)
        return len(rests) == 2

    count_all(house)
    assert prune(store, LEAST, micros(house.now), steady(3), rest) == {Reason.EVENT_EXPIRED: 6}


def test_one_node_at_a_time_looks_and_only_once_in_a_while(store: Store) -> None:
    def claims(now: int) -> bool:
        with store.write() as connection:
            return claim_pass(connection, now, 60)

    assert [claims(100), claims(130), claims(159), claims(160), claims(161)] == [True, False, False, True, False]


def test_the_last_run_at_a_place_stays(store: Store) -> None:
    house = House(store)
    house.make_job(schedule_type="none", schedule_interval=None)
    for day in range(20):
        house.now = day * DAY
        house.check_in("success", DEFAULT_ENVIRONMENT)
    with store.read() as connection:
        first = connection.execute(select(schema.runs).order_by(schema.runs.c.at)).first()
    assert first is not None
    place = {"id": 1, "workspace_id": house.workspace_id, "job_id": first.job_id, "project": "", "service": ""}
    with store.write() as connection:
        connection.execute(schema.places.insert().values(**place, host="old", last_at=first.at, last_run_id=first.id))
    prune_now(house)
    assert first.id in {run.id for run in house.rows(schema.runs)}
