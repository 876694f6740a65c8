"""Tenants with channels of their own who join an incident that is open, on both engines."""

import pytest

from tests.support.house import House, micros
from tests.support.listening import add_channel, fail, told
from tocsin.application import manage_quiets
from tocsin.application.manage_quiets import Target
from tocsin.domain.model import SECOND
from tocsin.domain.quiet import TargetKind
from tocsin.domain.routing import Routes, Terms
from tocsin.store.engine import Store
from tocsin.store.schema import alerts

GLOBEX = Routes(tenants=("globex", "initech"))
#: Told of from the first event on.
AUTH = "auth_failed"


@pytest.fixture
def house(store: Store) -> House:
    house = House(store)
    house.make_job(schedule_type="none", schedule_interval=None, failure_threshold=1)
    return house


def _open(house: House) -> None:
    """Acme and umbrella are in an incident that is told, and who joins next would be told of in an hour."""
    assert fail(house, "acme", 0) == [("default", "opened", ["acme"])]
    assert fail(house, "umbrella", 60) == [("default", "blastRadiusExpanded", ["acme", "umbrella"])]


def test_a_channel_hears_at_once_when_the_first_of_its_tenants_joins(house: House) -> None:
    add_channel(house, "globex", Terms(GLOBEX))
    _open(house)
    assert fail(house, "globex", 120) == [("globex", "opened", ["globex"])]
    assert fail(house, "hooli", 121) == [("default", "blastRadiusExpanded", ["acme", "globex", "hooli", "umbrella"])]


def test_growth_among_its_own_is_told_when_it_is_told_to_all(house: House) -> None:
    add_channel(house, "globex", Terms(GLOBEX))
    _open(house)
    fail(house, "globex", 120)
    assert fail(house, "initech", 125) == [
        ("default", "blastRadiusExpanded", ["acme", "globex", "initech", "umbrella"]),
        ("globex", "blastRadiusExpanded", ["globex", "initech"]),
    ]


def test_two_who_join_together_are_told_of_once(house: House) -> None:
    add_channel(house, "globex", Terms(GLOBEX))
    for name in ("acme", "umbrella", "hooli", "wayne"):
        fail(house, name, 0)
    house.pass_time(60)
    house.record([house.submission("failure", name) for name in ("globex", "initech")])
    house.pass_time(61)
    assert ("globex", "opened", ["globex", "initech"]) in told(house)


def test_its_end_is_told_and_a_reopening_is_told_as_one(house: House) -> None:
    add_channel(house, "globex", Terms(GLOBEX))
    _open(house)
    fail(house, "globex", 120)
    house.pass_time(130)
    for name in ("acme", "umbrella", "globex"):
        house.check_in("success", name)
    house.pass_time(130 + 900)
    assert ("globex", "resolved", ["globex"]) in told(house)
    assert fail(house, "acme", 1040) == [("default", "reopened", ["acme"])]
    assert fail(house, "umbrella", 1050) == [("default", "blastRadiusExpanded", ["acme", "umbrella"])]
    assert fail(house, "globex", 1060) == [("globex", "reopened", ["globex"])]


def test_routes_of_another_subject_and_other_tenants_hear_nothing(house: House) -> None:
    add_channel(house, "elsewhere", Terms(GLOBEX._replace(jobs=("another-job",))))
    add_channel(house, "globex", Terms(GLOBEX))
    _open(house)
    assert fail(house, "hooli", 120) == []
    assert fail(house, "globex", 121) == [
        ("default", "blastRadiusExpanded", ["acme", "globex", "hooli", "umbrella"]),
        ("globex", "opened", ["globex"]),
    ]


def test_a_delay_counts_from_the_moment_of_joining(house: House) -> None:
    add_channel(house, "globex", Terms(GLOBEX, delay=300 * SECOND))
    _open(house)
    assert fail(house, "globex", 500) == []
    house.pass_time(799)
    assert told(house) == []
    house.pass_time(800)
    assert told(house) == [("globex", "opened", ["globex"])]


def test_an_integration_tells_in_the_same_way(house: House) -> None:
    add_channel(house, "globex", Terms(GLOBEX))
    for moment, tenant in enumerate(("acme", "umbrella", "globex")):
        house.pass_time(moment)
        house.report(AUTH, tenant)
        house.pass_time(moment)
    assert ("globex", "opened", ["globex"]) in told(house)


def test_a_muted_tenant_is_told_of_when_the_mute_ends(house: House) -> None:
    add_channel(house, "globex", Terms(GLOBEX))
    _open(house)
    with house.store.write() as connection:
        target = Target(TargetKind.TENANT, "globex")
        until = micros(house.now + 1000)
        manage_quiets.mute(connection, house.ids, micros(house.now), house.workspace_id, target, until, "", "somebody")
    assert fail(house, "globex", 120) == []
    house.pass_time(1060)
    assert ("globex", "opened", ["globex"]) in told(house)


def test_nothing_is_made_where_nobody_has_a_channel_of_their_own(house: House) -> None:
    _open(house)
    fail(house, "globex", 120)
    assert [row.catch_up for row in house.rows(alerts)] == [None, None]
