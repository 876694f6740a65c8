"""What the pages of tenants are told, on both engines."""

from typing import Any

import pytest

from tests.support.house import House, micros
from tocsin.domain.ids import IdMaker
from tocsin.store import schema
from tocsin.store import views_tenant_pages as views
from tocsin.store.engine import Store
from tocsin.store.paging import Page
from tocsin.store.views_stats_strips import latest_slots
from tocsin.store.views_tenant_pages import TenantFilters


@pytest.fixture
def house(store: Store) -> House:
    house = House(store)
    house.make_job()
    return house


def _listed(house: House, filters: TenantFilters = TenantFilters(), page: Page = Page()) -> dict[str, Any]:  # noqa: B008
    with house.store.read() as connection:
        return views.list_shown(connection, house.workspace_id, micros(house.now), filters, page)


def test_tenants_are_listed_worst_first_with_what_each_is_in(house: House) -> None:
    house.add_tenant("Äpfel")
    for tenant in ("acme", "bolt"):
        house.check_in("success", tenant)
    house.pass_time(3700)
    house.check_in("success", "acme")
    house.pass_time(4000)
    house.report(tenant="cobalt")
    found = _listed(house)
    told = [
        (one["external_id"], one["state"], one["jobs"], one["affected"], one["incidents"]) for one in found["items"]
    ]
    assert told == [
        ("bolt", "missed", 1, 1, 1),
        ("cobalt", "error", 0, 0, 1),
        ("acme", "ok", 1, 0, 0),
        ("default", "none", 0, 0, 0),
        ("Äpfel", "none", 0, 0, 0),
    ]
    assert found["items"][0]["days"][-1] == "missed"
    assert {len(one["days"]) for one in found["items"]} == {views.LIST_DAYS}
    assert found["counts"]["missed"] == found["counts"]["error"] == 1
    assert [one["external_id"] for one in _listed(house, TenantFilters("unserved"))["items"]] == ["bolt", "cobalt"]
    assert [one["external_id"] for one in _listed(house, TenantFilters("", "äPF"))["items"]] == ["Äpfel"]
    second = _listed(house, page=Page(2, 2))
    assert (second["total"], [one["external_id"] for one in second["items"]]) == (5, ["acme", "default"])
    assert _listed(house, page=Page(9, 2))["items"] == []


def test_the_inactive_are_asked_for(house: House) -> None:
    house.check_in("success", "acme")
    house.deactivate("acme")
    assert [one["external_id"] for one in _listed(house)["items"]] == ["default"]
    assert [one["state"] for one in _listed(house, TenantFilters("inactive"))["items"]] == ["inactive"]


def test_strangers_see_nothing_of_it(house: House) -> None:
    house.check_in("success", "acme")
    house.report(tenant="acme")
    (tenant,) = house.rows(schema.tenants, schema.tenants.c.external_id == "acme")
    (stream,) = house.rows(schema.streams)
    other, now = House(house.store, IdMaker(7)), micros(0)
    with house.store.read() as connection:
        assert _listed(other)["counts"]["ok"] == 0
        assert views.failures_by_hour(connection, other.workspace_id, tenant.id, now) == {}
        assert latest_slots(connection, other.workspace_id, [stream.id]) == {stream.id: []}


def test_failures_stand_in_their_hours(house: House) -> None:
    for moment in (0, 10, 7300, 86_000):
        house.now = moment
        house.report(tenant="acme")
    house.report(tenant="bolt")
    (tenant,) = house.rows(schema.tenants, schema.tenants.c.external_id == "acme")
    with house.store.read() as connection:
        now = views.failures_by_hour(connection, house.workspace_id, tenant.id, micros(86_000))
        later = views.failures_by_hour(connection, house.workspace_id, tenant.id, micros(86_400))
    assert now == {"payments": [2, 0, 1, *[0] * 20, 1]}
    assert later == {"payments": [0, 1, *[0] * 20, 1, 0]}


def test_the_latest_slots_of_some_streams(house: House) -> None:
    house.check_in("success", "acme")
    house.pass_time(10_000)
    house.check_in("failure", "acme")
    stream = house.stream("acme")
    with house.store.read() as connection:
        slots = latest_slots(connection, house.workspace_id, [stream.id], 3)[stream.id]
        assert latest_slots(connection, house.workspace_id, []) == {}
    assert [slot.state for slot in slots] == ["missed", "missed", "error"]
