"""Figures are what a plain count over all rows gives: before the tallier came, after it, and when rows are gone."""

from random import Random
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from tests.support.figures import Naive
from tests.support.house import NOON, House, micros
from tocsin.application.pace import steady
from tocsin.application.prune import prune
from tocsin.application.tally import Tallier
from tocsin.domain import sketch
from tocsin.domain.model import SECOND
from tocsin.domain.retention import Retention
from tocsin.domain.tally import LAG
from tocsin.store import schema
from tocsin.store.engine import Store
from tocsin.store.views_counts import days_of_job, days_of_tenants, failures_of
from tocsin.store.views_stats_job import job_stats

ZONES = ("Asia/Kathmandu", "America/New_York")
EVERY, GRACE = 3 * 3600, 600
DAY = 86_400
JOBS, TENANTS = ("alpha", "beta"), ("acme", "globex", "initech")


class Town:
    """A house with some jobs and tenants where anything may happen."""

    def __init__(self, store: Store, zone: str, seed: int) -> None:
        self.house = House(store)
        self.zone = zone
        self.random = Random(seed)
        self.tallier = Tallier(store)
        for key in JOBS:
            self.house.make_job(job_key=key, schedule_interval=EVERY * SECOND, grace=GRACE * SECOND, miss_threshold=2)
        with store.write() as connection:
            connection.execute(update(schema.workspaces).values(timezone=zone, created_at=NOON))

    def live(self, steps: int) -> None:
        for number in range(steps):
            self._step(number)
            self.house.pass_time(self.house.now + self.random.choice([90, 900, 4000, 9000]))

    def _step(self, number: int) -> None:
        choose, house = self.random.choice, self.house
        if self.random.random() < 0.2:
            house.report(choose(["auth_failed", "throttled", "hiccup"]), choose(TENANTS))
            return
        told: dict[str, Any] = {"job": choose(JOBS)}
        if self.random.random() < 0.4:
            told |= {"run": f"run-{number // 3}", "occurred": max(house.now - choose([0, 300, 5 * 3600, 2 * DAY]), 0)}
        if self.random.random() < 0.5:
            told["duration"] = choose([0.4, 3, 61, 400])
        house.check_in(choose(["success", "success", "success", "failure", "start"]), choose(TENANTS), **told)

    def count(self) -> None:
        self.house.pass_time(self.house.now + 1)
        self.tallier.advance(micros(self.house.now))

    def figures(self) -> dict[str, Any]:
        house = self.house
        numbers = range(40_000)
        with house.store.read() as connection:
            jobs = [row.id for row in house.rows(schema.jobs)]
            tenants = [row.id for row in house.rows(schema.tenants)]
            of_jobs = {one: days_of_job(connection, house.workspace_id, one, numbers) for one in jobs}
            return {
                "jobs": {one: {day: found.outcomes for day, found in days.items()} for one, days in of_jobs.items()},
                "tenants": days_of_tenants(connection, house.workspace_id, tenants, numbers),
                "hours": failures_of(connection, house.workspace_id, "hour", range(1_000_000)),
                "days": failures_of(connection, house.workspace_id, "day", numbers),
            }

    def naive(self) -> dict[str, Any]:
        jobs = [row.id for row in self.house.rows(schema.jobs)]
        tenants = [row.id for row in self.house.rows(schema.tenants)]
        count = Naive(self.house, self.zone, dict.fromkeys(jobs, (EVERY + GRACE) * SECOND))
        return {
            "jobs": {one: count.by_day(job_id=one) for one in jobs},
            "tenants": {one: count.by_day(tenant_id=one) for one in tenants},
            "hours": count.failures("hour"),
            "days": count.failures("day"),
        }


@pytest.mark.parametrize(("zone", "seed"), list(zip(ZONES, (1, 2), strict=True)))
def test_figures_are_what_a_plain_count_gives(store: Store, zone: str, seed: int) -> None:
    town = Town(store, zone, seed)
    town.live(25)
    assert town.figures() == town.naive()  # all from the rows: the tallier was not there yet
    for _ in range(4):
        town.live(20)
        town.count()
        assert town.figures() == town.naive()
    town.house.pass_time(town.house.now + 12 * DAY)  # long silence: the ninth row counts what follows
    town.count()
    assert town.figures() == town.naive()
    assert any(row.missed_count > 1 for row in town.house.rows(schema.runs))
    for tenant in TENANTS:  # and is drawn anew when somebody tells of what happened in it
        town.house.check_in("success", tenant, job="alpha", run="told late", occurred=town.house.now - 5 * DAY)
    town.count()
    assert town.figures() == town.naive()


def test_figures_outlive_the_rows_they_were_counted_from(store: Store) -> None:
    town = Town(store, "UTC", 3)
    town.live(60)
    town.house.pass_time(town.house.now + DAY)
    town.count()
    before = town.figures()
    with store.write() as connection:
        connection.execute(delete(schema.runs).where(schema.runs.c.at < micros(town.house.now) - LAG))
        connection.execute(delete(schema.events))
    assert town.figures() == before
    town.house.pass_time(town.house.now + DAY)
    town.count()
    after = town.figures()
    for owner, days in before["jobs"].items():
        past = sorted(days)[:-2]
        assert {day: after["jobs"][owner][day] for day in past} == {day: days[day] for day in past}


def test_nothing_is_pruned_before_it_is_counted(store: Store) -> None:
    """The pruner and the tallier meet an old database: whoever comes first, the figures are the same."""
    town = Town(store, "UTC", 6)
    town.live(40)
    town.house.pass_time(town.house.now + 30 * DAY)
    whole, now = town.naive(), micros(town.house.now)
    kept = Retention(8, 8, 8, 8, 8, 8, 8)
    assert prune(store, kept, now, steady(50)) == {}
    town.tallier.advance(now - 29 * DAY * SECOND)
    assert prune(store, kept, now, steady(50))
    town.count()
    prune(store, kept, now, steady(50))
    assert town.figures() == whole


def test_durations_are_within_one_percent(store: Store) -> None:
    town = Town(store, "UTC", 4)
    town.live(60)
    town.count()
    house = town.house
    count = Naive(house, "UTC", {})
    for job in house.rows(schema.jobs):
        with store.read() as connection:
            stats = job_stats(connection, house.workspace_id, job.id, micros(house.now), 366)
        for share, told in zip((0.5, 0.95), stats.durations, strict=True):
            exact = count.quantile(share, job.id)
            assert exact is not None
            assert told == pytest.approx(exact, rel=sketch.ERROR)


def test_one_of_several_talliers_counts(store: Store) -> None:
    town = Town(store, "UTC", 5)
    town.live(30)
    other = Tallier(store)
    horizon = micros(town.house.now)
    counted = [town.tallier.advance(horizon), other.advance(horizon), town.tallier.advance(horizon)]
    assert counted[0] > 0
    assert counted[1:] == [0, 0]
    assert town.figures() == town.naive()


def test_who_comes_second_throws_away_what_it_counted(store: Store) -> None:
    """Two have counted the same; the first to write it down wins."""
    town = Town(store, "UTC", 6)
    town.live(10)
    horizon = micros(town.house.now)
    late = Tallier(_Interrupted(store, lambda: town.tallier.advance(horizon)))
    late.advance(horizon)
    assert town.figures() == town.naive()


def test_a_deleted_job_leaves_no_figures(store: Store) -> None:
    town = Town(store, "UTC", 7)
    town.house.make_job()
    town.house.check_in("success")
    town.house.pass_time(3600)
    town.count()
    town.house.delete_job()
    with store.read() as connection:
        jobs = set(connection.execute(select(schema.jobs.c.id)).scalars())
        assert set(connection.execute(select(schema.job_days.c.job_id)).scalars()) <= jobs


def test_nothing_is_noted_where_nothing_is_late(store: Store) -> None:
    """What the recorder and the tick write for the tallier is the exception."""
    town = Town(store, "UTC", 8)
    for _ in range(10):
        town.house.check_in("success", job="alpha")
        town.house.pass_time(town.house.now + EVERY)
    with store.read() as connection:
        assert connection.execute(select(func.count()).select_from(schema.tally_notes)).scalar_one() == 0


class _Interrupted(Store):
    """Somebody else acts between what is read and what is written."""

    def __init__(self, store: Store, act: Any) -> None:
        self._store, self._act = store, act

    def read(self) -> Any:
        return self._store.read()

    def write(self, *, is_synced: bool = True) -> Any:
        act, self._act = self._act, lambda: None
        act()
        return self._store.write(is_synced=is_synced)
