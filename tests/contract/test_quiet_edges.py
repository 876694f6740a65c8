"""Quiet at its edges, on both engines: what ends while nobody looks, what changes under it, who is told after all."""

import pytest

from tests.support.house import JOB, House, micros
from tests.support.listening import add_channel, fail, told
from tests.support.office import HABITS
from tocsin.application import attending, dependencies, manage_jobs, manage_quiets
from tocsin.application.advance_time import Tick
from tocsin.application.attending import Deed
from tocsin.application.dependencies import Parent
from tocsin.application.manage_quiets import Target
from tocsin.application.pace import steady
from tocsin.domain.maintenance import Window
from tocsin.domain.model import SECOND
from tocsin.domain.quiet import TargetKind
from tocsin.domain.routing import Routes, Terms
from tocsin.store.engine import Store
from tocsin.store.schema import holds, incidents

HOUR, DAY = 3600, 86_400
EVERYTHING = Target(TargetKind.WORKSPACE, "")


@pytest.fixture
def house(store: Store) -> House:
    house = House(store)
    house.tick = Tick([store.write], house.hot, house.ids, steady(200), "https://tocsin.example", HABITS)
    house.make_job(schedule_type="none", schedule_interval=None, failure_threshold=1, tags='["billing"]')
    return house


def _mute(house: House, target: Target, seconds: float) -> None:
    with house.store.write() as connection:
        now, until = micros(house.now), micros(house.now + seconds)
        manage_quiets.mute(connection, house.ids, now, house.workspace_id, target, until, "", "somebody")


def _plan(house: House, target: Target, from_at: float, until_at: float, rrule: str, zone: str = "UTC") -> None:
    window = Window(micros(from_at), micros(until_at), rrule, zone)
    with house.store.write() as connection:
        now = micros(house.now)
        manage_quiets.plan(connection, house.ids, now, house.workspace_id, target, window, "", "somebody")


def _attend(house: House) -> Deed:
    incident = house.rows(incidents)[0].id
    return Deed(house.ids, micros(house.now), house.workspace_id, incident, "somebody")


def _come_back(house: House, moment: float) -> None:
    """The first tick since long ago."""
    house.now = moment
    house.tick.advance(micros(moment), micros(moment))


def test_a_window_under_way_is_quiet_after_days_in_which_nobody_drew_it(house: House) -> None:
    _plan(house, EVERYTHING, HOUR, 3 * HOUR, "FREQ=DAILY")
    house.pass_time(2 * HOUR)
    house.now = 5 * DAY + 2 * HOUR
    house.check_in("failure")
    _come_back(house, house.now)
    assert told(house) == []
    house.pass_time(5 * DAY + 3 * HOUR)
    assert told(house) == [("default", "opened", ["acme"])]


def test_what_a_window_held_is_not_told_in_its_next_occurrence(house: House) -> None:
    _plan(house, EVERYTHING, HOUR, 3 * HOUR, "FREQ=DAILY")
    assert fail(house, "acme", 2 * HOUR) == []
    _come_back(house, 3 * DAY + 2 * HOUR)
    assert told(house) == []
    house.pass_time(3 * DAY + 3 * HOUR)
    assert told(house) == [("default", "opened", ["acme"])]


def test_a_mute_that_ends_while_nobody_looks_is_told_of_then(house: House) -> None:
    _mute(house, EVERYTHING, HOUR)
    assert fail(house, "acme", 10) == []
    _come_back(house, 5 * HOUR)
    assert told(house) == [("default", "opened", ["acme"])]


def test_the_edges_of_a_window(house: House) -> None:
    """Its first moment is in it, its last is not."""
    _plan(house, EVERYTHING, HOUR, 2 * HOUR, "FREQ=DAILY")
    house.make_job(job_key="before", schedule_type="none", schedule_interval=None)
    house.make_job(job_key="after", schedule_type="none", schedule_interval=None)
    assert fail(house, "acme", HOUR - 0.000_001, "before") == [("default", "opened", ["acme"])]
    assert fail(house, "acme", HOUR) == []
    assert fail(house, "acme", 2 * HOUR, "after") == [("default", "opened", ["acme"])] * 2


@pytest.mark.parametrize(
    ("days", "begins"),
    [
        pytest.param(82, 23 * HOUR, id="before the clocks go forward"),
        pytest.param(83, 22 * HOUR, id="after"),
    ],
)
def test_a_window_keeps_to_the_wall_when_clocks_change(house: House, days: int, begins: int) -> None:
    """From midnight to one in Vienna; at noon of 5 January `days` are to 28 and 29 March, when summer time begins."""
    noon_to_midnight = 11 * HOUR
    _plan(house, EVERYTHING, noon_to_midnight, noon_to_midnight + HOUR, "FREQ=DAILY", "Europe/Vienna")
    start = days * DAY + begins - 12 * HOUR
    house.now = start - 1
    _come_back(house, start - 1)
    assert fail(house, "acme", start - 1) == [("default", "opened", ["acme"])]
    assert fail(house, "globex", start + 1) == []
    house.pass_time(start + HOUR)
    assert told(house) == [("default", "blastRadiusExpanded", ["acme", "globex"])]


def test_a_tag_that_is_taken_away_ends_its_quiet(house: House) -> None:
    _mute(house, Target(TargetKind.TAG, "billing"), DAY)
    assert fail(house, "acme", 10) == []
    house.change_job(tags="[]")
    house.pass_time(11)
    assert told(house) == [("default", "opened", ["acme"])]


def test_a_snooze_rings_though_something_was_told_at_its_very_end(house: House) -> None:
    """The wording may come before the end of the snooze is looked at."""
    fail(house, "acme", 0)
    with house.store.write() as connection:
        attending.snooze(connection, _attend(house), micros(60))
    _mute(house, Target(TargetKind.TENANT, "globex"), HOUR)
    house.now = 60.2
    house.check_in("failure", "globex", received=59.9)
    house.tick.advance(micros(59.95), micros(60.2))  # the horizon lies behind
    house.pass_time(70)
    assert ("default", "reminder", ["acme", "globex"]) in told(house)


def test_who_hears_late_hears_that_somebody_is_at_it(house: House) -> None:
    add_channel(house, "pager", Terms(), "pager")
    _mute(house, Target(TargetKind.TENANT, "acme"), HOUR)
    assert fail(house, "acme", 0) == []
    with house.store.write() as connection:
        attending.acknowledge(connection, _attend(house), None, None)
    house.pass_time(5)
    assert told(house) == []
    kinds = [kind for channel, kind, _ in fail(house, "globex", 10) if channel == "pager"]
    assert kinds == ["opened", "acknowledged"]


def test_a_delayed_opening_of_a_tenant_who_became_quiet_waits(house: House) -> None:
    add_channel(house, "acme", Terms(Routes(tenants=("acme",)), delay=60 * SECOND))
    fail(house, "acme", 0)
    fail(house, "globex", 1)
    _mute(house, Target(TargetKind.TENANT, "acme"), HOUR)
    house.pass_time(60)
    assert told(house) == []
    house.pass_time(HOUR)
    assert told(house) == []
    house.pass_time(HOUR + 1)
    assert told(house) == [("acme", "opened", ["acme"])]


def test_a_chain_of_parents_holds_link_by_link(house: House) -> None:
    """A child asks for its parent alone; a parent that is held is open all the same."""
    for key, parent in (("middle", JOB), ("last", "middle")):
        house.make_job(job_key=key, schedule_type="none", schedule_interval=None)
        with house.store.write() as connection:
            dependencies.depend(connection, micros(0), house.workspace_id, key, Parent("job", parent))
    assert fail(house, "acme", 0) == [("default", "opened", ["acme"])]
    assert fail(house, "acme", 10, "middle") == []
    assert fail(house, "acme", 20, "last") == []
    house.pass_time(30)
    house.check_in("success")
    house.pass_time(330)  # the first recovers; the second is told, and holds the last
    assert told(house) == [("default", "opened", ["acme"])]
    house.check_in("success", job="middle")
    house.pass_time(630)
    assert told(house) == [("default", "opened", ["acme"])]


def test_a_parent_that_is_deleted_holds_nothing(house: House) -> None:
    house.make_job(job_key="child", schedule_type="none", schedule_interval=None)
    with house.store.write() as connection:
        dependencies.depend(connection, micros(0), house.workspace_id, "child", Parent("job", JOB))
    fail(house, "acme", 0)
    assert fail(house, "acme", 10, "child") == []
    house.delete_job()
    house.pass_time(11)
    assert sorted(told(house)) == [("default", "opened", ["acme"]), ("default", "resolved", ["acme"])]


def test_a_job_that_is_deleted_leaves_nothing_held(house: House) -> None:
    _mute(house, Target(TargetKind.JOB, JOB), HOUR)
    assert fail(house, "acme", 0) == []
    with house.store.write() as connection:
        attending.snooze(connection, _attend(house), micros(2 * HOUR))
    house.delete_job()
    house.pass_time(3 * HOUR)
    assert told(house) == []
    assert house.rows(holds) == []


def test_who_joins_a_muted_tenant_and_others_is_told_of_by_the_rule_of_the_blast_radius(house: House) -> None:
    """Others know of the incident: that one of it is muted neither tells of each who joins, nor asks time and again."""
    for tenant in ("globex", "initech", "hooli"):
        fail(house, tenant, 0)
    _mute(house, Target(TargetKind.TENANT, "acme"), HOUR)
    fail(house, "acme", 40)
    fail(house, "umbrella", 50)
    looks = house.rows(holds)
    assert [(row.by_tenants, row.check_at) for row in looks] == [(False, micros(HOUR))]
    assert fail(house, "wayne", 60) == []
    house.pass_time(HOUR - 1)
    assert told(house) == []


def test_a_tenant_who_leaves_takes_nothing_told_with_them(house: House) -> None:
    assert fail(house, "acme", 0) == [("default", "opened", ["acme"])]
    _mute(house, Target(TargetKind.TENANT, "acme"), HOUR)
    house.deactivate("acme")
    house.pass_time(1)
    assert told(house) == [("default", "resolved", ["acme"])]


def test_a_muted_tenant_who_is_left_alone_is_told_of_when_the_mute_ends(house: House) -> None:
    _mute(house, Target(TargetKind.TENANT, "acme"), HOUR)
    assert fail(house, "acme", 0) == []
    house.pass_time(HOUR)
    assert told(house) == [("default", "opened", ["acme"])]


def test_quiet_stays_in_its_workspace(house: House, store: Store) -> None:
    other = House(store, house.ids)
    other.make_job(schedule_type="none", schedule_interval=None, failure_threshold=1)
    for target in (EVERYTHING, Target(TargetKind.JOB, JOB), Target(TargetKind.TENANT, "acme")):
        _mute(house, target, HOUR)
    assert fail(house, "acme", 0) == []
    assert fail(other, "acme", 1) == [("default", "opened", ["acme"])]
    with store.write() as connection:
        manage_jobs.delete_job(connection, other.ids, micros(2), other.workspace_id, JOB)
    house.pass_time(5)
    assert [told_of for told_of in told(house) if told_of[1] == "opened"] == []
