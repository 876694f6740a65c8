"""Figures over the API: what each holds, on which days, and what is refused."""

from datetime import date
from itertools import pairwise
from typing import Any

import pytest

from tests.api.conftest import Api
from tests.support.house import NOON, House
from tocsin.application import accounts
from tocsin.domain.ids import to_uuid
from tocsin.domain.model import SECOND
from tocsin.store.engine import Store

HOUR, DAY = 3600, 86_400


class Furnished(House):
    """A house whose figures the API is asked for: the clocks of both go together."""

    def __init__(self, store: Store, api: Api) -> None:
        super().__init__(store, api.services.ids)
        self.api = api.as_(X_Api_Key=self.api_key)

    def get(self, path: str) -> Any:
        self.api.clock.moment = NOON + round(self.now * SECOND)
        return self.api.ok("GET", path)


@pytest.fixture
def house(store: Store, api: Api) -> Furnished:
    return Furnished(store, api)


def test_a_new_workspace_has_figures_too(house: Furnished) -> None:
    stats = house.get("/workspaces/stats")
    assert stats["days"] == 30
    assert stats["from"] == "2025-12-07T00:00:00Z"
    assert (stats["open"], stats["closed"], stats["reopenRate"]) == (0, 0, None)
    assert stats["mttrSeconds"] == {"mean": None, "median": None}
    assert stats["topPatterns"] == stats["topJobs"] == stats["topTenants"] == []
    trends = house.get("/workspaces/trends")
    assert trends["patterns"] == trends["jobs"] == []


def test_what_an_integration_did_is_in_every_figure(house: Furnished) -> None:
    for tenant in ("acme", "acme", "globex"):
        house.report("auth_failed", tenant)
    house.report("nobody_knows_it", "acme")
    stats = house.get("/workspaces/stats?days=7")
    assert (stats["open"], stats["recovering"], stats["closed"], stats["eventCount"]) == (1, 0, 0, 4)
    (pattern,) = stats["topPatterns"]
    assert (pattern["patternId"], pattern["incidentCount"], pattern["eventCount"]) == ("auth_failure", 1, 3)
    assert [one["externalId"] for one in stats["topTenants"]] == ["acme", "globex"]
    house.pass_time(2 * HOUR)
    house.report("auth_failed", "acme")
    house.pass_time(4 * HOUR)
    stats = house.get("/workspaces/stats")
    assert (stats["open"], stats["closed"], stats["reopenRate"]) == (0, 2, 0.0)
    assert stats["mttrSeconds"] == {"mean": 900.0, "median": 900.0}


def test_trends_have_every_bucket(house: Furnished) -> None:
    house.report("auth_failed")
    house.pass_time(DAY)
    house.report("auth_failed")
    house.report("auth_failed")
    by_day = house.get("/workspaces/trends?days=3")
    (pattern,) = by_day["patterns"]
    assert [(one["start"], one["incidentCount"], one["eventCount"]) for one in pattern["buckets"]] == [
        ("2026-01-04T00:00:00Z", 0, 0),
        ("2026-01-05T00:00:00Z", 1, 1),
        ("2026-01-06T00:00:00Z", 1, 2),
    ]
    assert (pattern["incidentCount"], pattern["eventCount"], pattern["direction"]) == (2, 3, "steady")
    by_hour = house.get("/workspaces/trends?days=2&bucket=hour")["patterns"][0]["buckets"]
    assert len(by_hour) == 48
    assert [one["start"] for one in by_hour if one["eventCount"]] == ["2026-01-05T12:00:00Z", "2026-01-06T12:00:00Z"]


def test_days_are_those_of_the_workspace(house: Furnished) -> None:
    with house.store.write() as connection:
        accounts.change_workspace(connection, house.workspace_id, {"timezone": "Pacific/Auckland"})
    house.report("auth_failed")  # noon in Greenwich: the next day has begun in Auckland
    trends = house.get("/workspaces/trends?days=2")
    assert trends["timezone"] == "Pacific/Auckland"
    assert [one["start"] for one in trends["patterns"][0]["buckets"]] == [
        "2026-01-04T11:00:00Z",
        "2026-01-05T11:00:00Z",
    ]
    assert [one["eventCount"] for one in trends["patterns"][0]["buckets"]] == [0, 1]


def test_a_jobs_days(house: Furnished) -> None:
    house.make_job(miss_threshold=9, impact_threshold=9)
    for seconds in (1, 2, 3):
        house.check_in("success", duration=seconds)
        house.pass_time(house.now + HOUR)
    house.check_in("failure", duration=100)
    house.pass_time(DAY + HOUR)
    stats = house.get("/jobs/the-job/stats?days=2")
    yesterday, today = stats["byDay"]
    assert (yesterday["day"], today["day"]) == ("2026-01-05", "2026-01-06")
    assert yesterday["outcomes"]["ok"] == 3
    assert yesterday["outcomes"]["error"] == 1
    assert yesterday["durationMs"] == {"median": pytest.approx(2000, rel=0.01), "p95": pytest.approx(3000, rel=0.01)}
    assert today["durationMs"] == {"median": None, "p95": None}
    assert stats["outcomes"]["missed"] == sum(day["outcomes"]["missed"] for day in stats["byDay"]) > 9
    assert stats["runCount"] == 4 + stats["outcomes"]["missed"]
    assert stats["successRate"] == pytest.approx(3 / stats["runCount"])
    job = house.get("/workspaces/trends?days=2")["jobs"][0]
    assert (job["jobKey"], job["incidentCount"]) == ("the-job", 1)
    assert job["eventCount"] == 1 + stats["outcomes"]["missed"]


def test_how_a_tenant_is(house: Furnished) -> None:
    house.make_job()
    house.make_job(job_key="another", name="Another")
    for key in ("the-job", "another"):
        house.check_in("success", job=key)
    house.report("auth_failed")
    health = house.get("/tenants/acme/health")
    assert (health["status"], health["uptimeRatio"], health["runCount"]) == ("down", 1.0, 2)
    assert [(one["jobKey"], one["status"]) for one in health["jobs"]] == [("another", "up"), ("the-job", "up")]
    (integration,) = health["integrations"]
    assert (integration["integrationKey"], integration["status"]) == ("payments", "down")
    assert len(health["history"]) == 90
    assert health["history"][-1]["state"] == "error"
    assert {one["state"] for one in health["history"][:-1]} == {"none"}
    house.pass_time(2 * DAY)
    house.check_in("success", job="another")
    health = house.get("/tenants/acme/health?days=4")
    assert [(one["jobKey"], one["status"]) for one in health["jobs"]] == [("the-job", "down"), ("another", "up")]
    assert health["integrations"][0]["status"] == "up"
    assert [one["state"] for one in health["history"]] == ["none", "error", "missed", "missed"]
    assert {one["kind"] for one in health["incidents"]} == {"job", "integration"}
    assert health["incidentCount"] == len(health["incidents"])
    assert 0 < health["uptimeRatio"] < 0.2
    assert house.get(f"/tenants/{health['tenantId']}/health?days=4") == health


def test_a_deactivated_tenant_is_paused(house: Furnished) -> None:
    house.make_job()
    house.check_in("success")
    house.deactivate("acme")
    health = house.get("/tenants/acme/health")
    assert (health["status"], health["isActive"], health["jobs"][0]["status"]) == ("paused", False, "paused")


def test_every_day_has_its_date(house: Furnished) -> None:
    house.add_tenant("acme")
    days = [date.fromisoformat(one["day"]) for one in house.get("/tenants/acme/health?days=366")["history"]]
    assert [later - earlier for earlier, later in pairwise(days)] == [date.resolution] * 365


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/workspaces/stats?days=0", "days must be at least 1."),
        ("/workspaces/stats?days=367", "days must be at most 366."),
        ("/workspaces/trends?bucket=week", "bucket must be 'hour' or 'day'."),
        ("/workspaces/trends?bucket=hour&days=32", "days must be at most 31 where bucket is hour."),
        ("/jobs/nobodys/stats?days=ten", "days must be a whole number."),
    ],
)
def test_what_is_refused(api: Api, path: str, message: str) -> None:
    assert api.refused(422, "GET", path) == message


def test_what_nobody_has_is_not_found(api: Api) -> None:
    assert api.refused(404, "GET", "/jobs/nobodys/stats") == "Job not found."
    assert api.refused(404, "GET", "/tenants/nobody/health") == "Tenant not found."
    assert api.refused(404, "GET", f"/tenants/{to_uuid(5)}/health") == "Tenant not found."
