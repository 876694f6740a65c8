"""Laws of a tick that comes late: in which order it judges does not matter, and no incident recovers past a miss.

All that happens lies on a grid of whole five seconds: within one second, a late tick may judge in any order.
"""

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.house import House, at, empty, micros
from tocsin.application import accounts
from tocsin.application.advance_time import Tick
from tocsin.application.pace import steady
from tocsin.domain.model import SECOND
from tocsin.store import schema
from tocsin.store.engine import Store

GRID = 5
RECOVERY, CLOSE = 30, 60
#: The last check-in comes by then, and nothing happens after the end.
LAST, END = 40 * GRID, 80 * GRID


class Said(NamedTuple):
    """A check-in, and whether the tick comes just before it."""

    moment: int
    kind: str
    tenant: str
    is_in_time: bool


SAID = st.builds(
    Said,
    st.integers(0, LAST // GRID).map(lambda n: n * GRID),
    st.sampled_from(["success", "success", "failure", "start"]),
    st.sampled_from(["a", "b", "c"]),
    st.booleans(),
)
MANY = st.lists(SAID, min_size=2, max_size=10).map(lambda many: sorted(many, key=lambda said: said.moment))
JOBS = st.fixed_dictionaries(
    {
        "threshold_mode": st.sampled_from(["any", "all"]),
        "miss_threshold": st.integers(1, 2),
        "impact_threshold": st.integers(1, 2),
        "failure_threshold": st.sampled_from([None, 1, 2]),
        "max_runtime": st.sampled_from([None, 50 * SECOND]),
    }
)
law = settings(
    max_examples=int(os.environ.get("TOCSIN_EXAMPLES", "15")),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    store = Store("sqlite://")
    with store.write() as connection:
        schema.metadata.create_all(connection)
    yield store
    store.close()


def _house(store: Store, job: dict[str, Any]) -> House:
    empty(store)
    house = House(store)
    windows = {"recovery_window": RECOVERY, "close_window": CLOSE, "cooldown_window": 90}
    with store.write() as connection:
        values = {name: seconds * SECOND for name, seconds in windows.items()}
        accounts.change_workspace(connection, house.workspace_id, values)
    house.make_job(schedule_interval=40 * SECOND, grace=10 * SECOND, **job)
    return house


def _hear(house: House, said: Said) -> None:
    house.now = said.moment
    house.record([house.submission(said.kind, said.tenant)])


def _tick(house: House, moment: float) -> None:
    house.tick.advance(micros(moment), micros(moment))


def _known(house: House) -> dict[str, Any]:
    """All that came of it."""
    names = {row.id: row.external_id for row in house.rows(schema.tenants)}
    streams = house.rows(schema.streams)
    members = house.rows(schema.incident_tenants)
    return {
        "runs": sorted((names[s.tenant_id], r.outcome, at(r.at)) for s in streams for r in _runs_of(house, s)),
        "streams": sorted((names[s.tenant_id], s.missed_runs, s.consecutive_failures, s.is_affected) for s in streams),
        "timeline": house.timeline(),
        "told": house.told(),
        "members": sorted((names[m.tenant_id], m.cycle, m.missed_runs, at(m.cycle_seen_at)) for m in members),
        "incidents": [(i.tenant_count, i.cycle_tenants, i.missed_runs) for i in house.rows(schema.incidents)],
    }


def _runs_of(house: House, stream: Any) -> list[Any]:
    return house.rows(schema.runs, schema.runs.c.stream_id == stream.id)


@law
@given(JOBS, MANY, st.sampled_from([1, 2, 200]))
def test_one_late_tick_comes_to_the_same_as_many_in_time(
    store: Store, job: dict[str, Any], many: list[Said], size: int
) -> None:
    came: list[dict[str, Any]] = []
    for is_late in (False, True):
        house = _house(store, job)
        for said in many:
            house.pass_time(said.moment - 0.001)
            _hear(house, said)
        if is_late:
            house.tick = Tick([store.write], house.hot, house.ids, steady(size), "https://tocsin.example")
            _tick(house, END)
        house.pass_time(END)
        came.append(_known(house))
    assert came[1] == came[0]


def _affected_at(house: House, many: list[Said]) -> dict[int, bool]:
    """By moment of the grid, whether anybody is affected when all that is due is judged at once."""
    affected: dict[int, bool] = {}
    waiting = list(many)
    for moment in range(0, END + GRID, GRID):
        house.pass_time(moment - 0.001)
        while waiting and waiting[0].moment == moment:
            _hear(house, waiting.pop(0))
        house.pass_time(moment)
        affected[moment] = any(row.affected_count for row in house.rows(schema.job_environments))
    return affected


#: Each failure and each miss counts; failures and successes that recovery lies between, while others fall silent.
STRICT = {"miss_threshold": 1, "impact_threshold": 1, "failure_threshold": 1}
PULSES = st.lists(
    st.tuples(st.sampled_from([30, 35, 40, 45, 60, 70]), st.sampled_from(["a", "a", "b"]), st.booleans()),
    min_size=2,
    max_size=4,
)


def _pulses(pulses: list[tuple[int, str, bool]]) -> list[Said]:
    """All are heard at first; then each pulse is a failure, so long after the one before, and a success at once."""
    many = [Said(0, "success", tenant, is_in_time=False) for tenant in ("a", "b")]
    moment = 0
    for wait, tenant, is_in_time in pulses:
        moment += wait
        many.append(Said(moment, "failure", tenant, is_in_time))
        many.append(Said(moment + GRID, "success", tenant, is_in_time=False))
    return many


@law
@given(PULSES.map(_pulses))
def test_no_incident_recovers_or_closes_while_somebody_is_affected(store: Store, many: list[Said]) -> None:
    affected = _affected_at(_house(store, STRICT), many)
    house = _house(store, STRICT)
    for said in many:
        if said.is_in_time:
            _tick(house, said.moment - 0.001)
        _hear(house, said)
    house.pass_time(END)
    for was, became, moment in house.timeline():
        calm = {"Recovering": RECOVERY, "Closed": CLOSE}.get(became, 0)
        since = int(moment or 0) - calm
        assert not any(affected[one] for one in range(since, since + calm, GRID)), (was, became, moment)
