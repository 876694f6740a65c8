"""What pages draw: minutes, grids, durations, days."""

import pytest

from tests.support.house import House, micros
from tocsin.domain.days import Days
from tocsin.domain.ids import IdMaker, first_id
from tocsin.domain.model import SECOND
from tocsin.ingest.intake import Intake
from tocsin.store import intakes, schema
from tocsin.store.engine import Store
from tocsin.store.views_counts import check_ins_of_days
from tocsin.store.views_stats_history import tenant_strips
from tocsin.store.views_stats_strips import check_ins_per_minute, durations_of_jobs, tenant_grid
from tocsin.store.views_stats_trends import incidents_by_day

DAY = 86_400


@pytest.fixture
def house(store: Store) -> House:
    house = House(store)
    house.make_job()
    return house


def _committed(house: House, intake: Intake, node: int) -> None:
    with house.store.write() as connection:
        intake.write(connection, node)
    intake.committed()


def test_check_ins_are_counted_by_the_minute_and_then_by_the_day(house: House) -> None:
    for node in (1, 2):
        intake = Intake()
        for minute in (0, 0, 58, 59):
            intake.add([house.submission("success", received=60 * minute)])
            _committed(house, intake, node)
        _committed(house, intake, node)
    now = micros(59 * 60 + 30)
    with house.store.read() as connection:
        minutes = check_ins_per_minute(connection, house.workspace_id, now)
    assert [one.check_ins for one in minutes] == [4, *[0] * 57, 2, 2]
    assert minutes[-1].start_at == micros(59 * 60)
    today = Days("UTC").of(now)
    for later in (0, 2 * DAY):
        with house.store.write() as connection:
            intakes.fold_minutes(connection, now + later * SECOND, lambda _: Days("UTC"))
            assert check_ins_of_days(connection, house.workspace_id, range(today, today + 1)) == 8
            assert check_ins_of_days(connection, house.workspace_id, range(today - 9, today)) == (0 if later else 8)
    assert [row.bucket for row in house.rows(schema.intake)] == ["day", "day"]


def test_what_was_not_committed_is_written_again(house: House) -> None:
    intake = Intake()
    intake.add([house.submission("success")])
    with pytest.raises(RuntimeError), house.store.write() as connection:
        intake.write(connection, 1)
        raise RuntimeError("the disk is full")
    intake.not_committed()
    _committed(house, intake, 1)
    assert [row.check_ins for row in house.rows(schema.intake)] == [1]


def test_the_grid_has_every_tenant_and_their_latest_slots(house: House) -> None:
    house.change_job(miss_threshold=3, impact_threshold=9)
    for hour in range(4):
        for tenant in ("acme", "globex"):
            house.check_in("success" if hour or tenant == "acme" else "failure", tenant)
        house.pass_time((hour + 1) * 3600)
    house.check_in("start", "acme")
    house.pass_time(DAY)
    (job,) = house.rows(schema.jobs)
    with house.store.read() as connection:
        rows = tenant_grid(connection, house.workspace_id, job.id, "production", 30)
        few = tenant_grid(connection, house.workspace_id, job.id, "production", 3)
        assert tenant_grid(connection, house.workspace_id, job.id, "staging") == []
        assert tenant_grid(connection, house.workspace_id + 1, job.id, "production") == []
    assert {row.external_id: row.is_affected for row in rows} == {"acme": True, "globex": True}
    assert rows[0].missed_runs >= rows[1].missed_runs
    globex = next(row for row in rows if row.external_id == "globex")
    states = [slot.state for slot in globex.slots]
    missed = sum(row.missed_count for row in house.rows(schema.runs, schema.runs.c.stream_id == globex.stream_id)) - 4
    assert states == ["error", "ok", "ok", "ok", *["missed"] * missed]
    assert missed > 9  # of which nine have a row of their own
    assert [len(row.slots) for row in few] == [3, 3]
    assert [slot.at for slot in globex.slots] == sorted(slot.at for slot in globex.slots)


def test_the_latest_durations_of_several_jobs(house: House) -> None:
    house.make_job(job_key="another", name="Another")
    for number in range(25):
        house.check_in("success", duration=number, run=f"r{number}")
        house.pass_time(house.now + 60)
    jobs = [row.id for row in house.rows(schema.jobs)]
    with house.store.read() as connection:
        found = durations_of_jobs(connection, house.workspace_id, jobs)
        strangers = durations_of_jobs(connection, house.workspace_id + 1, jobs)
    assert [one.duration for one in found[jobs[0]]] == [number * SECOND for number in range(5, 25)]
    assert found[jobs[1]] == []
    assert strangers == {job: [] for job in jobs}


def test_the_worst_of_each_day(house: House) -> None:
    house.change_job(schedule_interval=DAY * SECOND)
    house.check_in("success")
    house.check_in("failure", "globex")
    house.report("auth_failed", "initech")
    house.pass_time(3 * DAY)
    house.check_in("success", "globex")
    tenants = {row.external_id: row.id for row in house.rows(schema.tenants)}
    with house.store.read() as connection:
        strips = tenant_strips(connection, house.workspace_id, list(tenants.values()), micros(house.now), 5)
        days = incidents_by_day(connection, house.workspace_id, micros(house.now), 5)
    states = {name: [day.state for day in strips[tenants[name]]] for name in ("acme", "globex", "initech", "default")}
    assert states == {
        "acme": ["none", "ok", "missed", "missed", "none"],
        "globex": ["none", "error", "none", "missed", "ok"],  # the failure was of the first slot
        "initech": ["none", "error", "none", "none", "none"],
        "default": ["none"] * 5,
    }
    assert [day.incidents for day in days] == [0, 1, 1, 0, 0]


def test_ids_of_a_moment_lie_above_those_before_it() -> None:
    maker, moment = IdMaker(7), micros(0)
    before, after = maker.new(moment - 1000), maker.new(moment)
    assert before < first_id(moment) <= after
