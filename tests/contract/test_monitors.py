"""Jobs as monitors, and pages of jobs, on both engines: what is shown, and with how many statements."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from tests.support.house import JOB, House, at, micros
from tocsin.application import manage_jobs, manage_monitors
from tocsin.domain.model import SECOND
from tocsin.ingest.guests import ONE_IS_ENOUGH
from tocsin.store import jobs, schema, views_monitors
from tocsin.store.engine import Connection, Store
from tocsin.store.paging import Page
from tocsin.store.views_job_list import JobFilters, list_jobs
from tocsin.store.views_monitors import Monitor, Ping

_MADE = JobFilters(sort="made")

ROW = {
    "name": "Daily Backup",
    "schedule_type": "interval",
    "schedule_interval": 3600 * SECOND,
    "grace": 300 * SECOND,
    **ONE_IS_ENOUGH,
}


@pytest.fixture
def house(store: Store) -> House:
    return House(store)


def _make(house: House, **columns: Any) -> str:
    """A monitor; its jobKey."""
    with house.store.write() as connection:
        row = {**ROW, **columns}
        made = manage_monitors.create_monitor(connection, house.ids, micros(house.now), house.workspace_id, row)
        return jobs.key_of(connection, house.workspace_id, made) or ""


def _monitor(house: House) -> Monitor:
    with house.store.read() as connection:
        return views_monitors.list_monitors(connection, house.workspace_id, micros(house.now))[0]


def _pings(house: House, page: int = 1) -> list[Ping]:
    with house.store.read() as connection:
        return views_monitors.list_pings(connection, _monitor(house).id, Page(page, 30)).pings


def test_a_monitors_life(house: House) -> None:
    key = _make(house)
    assert (key, _monitor(house).status, _monitor(house).last_ping_at) == ("daily-backup", "new", None)
    house.check_in("success", "default", job=key)
    seen = []
    for house.now in (3600, 3601, 3900):
        house.pass_time(house.now)
        seen.append(_monitor(house).status)
    assert seen == ["up", "late", "down"]
    house.check_in("success", "default", job=key)
    assert _monitor(house).status == "up"  # at once, though its incident is not over yet
    house.check_in("failure", "default", job=key)
    assert _monitor(house).status == "down"
    with house.store.write() as connection:
        manage_jobs.change_job(connection, house.ids, micros(3900), house.workspace_id, key, {"is_active": False})
    assert _monitor(house).status == "paused"


def test_its_pings_are_its_runs_the_newest_first(house: House) -> None:
    key = _make(house)
    house.check_in("success", "default", job=key, duration=2)
    house.pass_time(4000)
    house.check_in("start", "default", job=key)
    house.now = 4010
    assert [(ping.outcome, at(ping.received_at)) for ping in _pings(house)] == [
        ("in_progress", 4000),
        ("missed", None),
        ("ok", 0),
    ]
    assert at(_pings(house)[1].expected_at) == 3600
    house.check_in("failure", "default", job=key)
    newest, _, oldest = _pings(house)
    assert (newest.outcome, at(newest.received_at), newest.duration) == ("error", 4010, 10 * SECOND)
    assert oldest.duration == 2 * SECOND
    assert _pings(house, page=2) == []


def test_what_nobody_sent_and_nobody_is_blamed_for_is_no_ping(house: House) -> None:
    key = _make(house)
    house.check_in("success", "default", job=key)
    house.now = 3000
    house.be_away(5000)
    house.pass_time(5001)
    assert [outcome for outcome, _ in house.runs()] == ["ok", "unknown"]
    assert [ping.outcome for ping in _pings(house)] == ["ok"]


def test_a_name_may_be_taken(house: House) -> None:
    keys = [_make(house) for _ in range(3)]
    assert keys[0] == "daily-backup"
    assert len({*keys}) == 3
    assert len({row.ping_slug for row in house.rows(schema.jobs)}) == 3


@pytest.mark.parametrize("schedule", ["interval", "crontab", "learned"])
def test_a_page_of_jobs_costs_as_many_statements_whatever_its_size(house: House, schedule: str) -> None:
    columns: dict[str, Any] = {"schedule_type": schedule}
    if schedule == "crontab":
        columns |= {"schedule_interval": None, "schedule_value": "0 12 * * *", "schedule_zone": "UTC"}

    def statements(work: Callable[[Connection], Any]) -> int:
        counted: list[str] = []
        with house.store.read() as connection:
            event.listen(connection, "before_cursor_execute", lambda *told: counted.append(told[2]))
            work(connection)
        return len(counted)

    def jobs_of(connection: Connection) -> Any:
        return list_jobs(connection, house.workspace_id, micros(house.now), "", Page(1, 100), _MADE)

    def monitors_of(connection: Connection) -> Any:
        return views_monitors.list_monitors(connection, house.workspace_id, micros(house.now))

    house.make_job(**columns)
    house.check_in("success", job=JOB)
    few = statements(jobs_of), statements(monitors_of)
    for i in range(40):
        house.make_job(job_key=f"job-{i}", **columns)
        house.check_in("success", job=f"job-{i}")
    assert (statements(jobs_of), statements(monitors_of)) == few


def test_each_job_of_a_page_has_its_own_hint(house: House) -> None:
    crontab = {"schedule_type": "crontab", "schedule_interval": None, "schedule_zone": "Europe/Vienna"}
    for key, value in (("on-time", "0 13 * * *"), ("off", "0 11 * * *"), ("once", "0 11 * * *")):
        house.make_job(job_key=key, schedule_value=value, **crontab)
    for day in range(3):
        house.now = day * 86_400
        house.check_in("success", job="on-time")
        house.check_in("success", job="off")
    house.check_in("success", job="once")
    with house.store.read() as connection:
        found = list_jobs(connection, house.workspace_id, micros(house.now), "", Page(), _MADE)
    hints = {job["jobKey"]: job["scheduleHint"] for job in found["items"]}
    assert hints == {"on-time": None, "off": "Your pings look 2 h late: is Europe/Vienna their zone?", "once": None}
