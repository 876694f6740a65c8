"""The list of jobs: states, filters and counts, on both engines."""

from typing import Any

from tests.support.house import House, micros
from tocsin.domain.model import SECOND
from tocsin.store.engine import Store
from tocsin.store.paging import Page
from tocsin.store.views_job_list import JobFilters, choices, job_list, watched_altogether


def test_states_filters_and_counts(store: Store) -> None:
    house = House(store)
    house.make_job(tags='["a", "b"]')
    house.make_job(job_key="calm", name="Calm", schedule_interval=86_400 * SECOND)
    house.make_job(job_key="fresh", name="100 % fresh", protocol="sentry")
    house.make_job(job_key="off", name="Off", is_active=False)
    for tenant in ("acme", "bolt"):
        house.check_in("success", tenant, duration=30)
    house.check_in("success", "acme", job="calm")
    house.pass_time(3700)

    def found(**wanted: Any) -> list[tuple[str, str]]:
        with store.read() as connection:
            page = job_list(connection, house.workspace_id, micros(house.now), JobFilters(**wanted), Page(1, 25))
        return [(item["job_key"], item["status"]) for item in page["items"]]

    everything = [("the-job", "late"), ("calm", "up"), ("fresh", "new"), ("off", "paused")]
    assert found() == everything
    house.pass_time(3950)
    assert found() == [("the-job", "down"), *everything[1:]]
    assert found(status="up") == [("calm", "up")]
    assert found(text="0 %") == [("fresh", "new")]
    assert found(text="_") == []
    assert found(tag="b") == [("the-job", "down")]
    assert found(tenant="bolt") == [("the-job", "down")]
    assert found(host="nowhere") == []
    assert found(protocol="sentry") == [("fresh", "new")]
    assert [key for key, _ in found(sort="due")] == ["the-job", "calm", "fresh", "off"]
    assert [key for key, _ in found(sort="newest")] == ["off", "fresh", "calm", "the-job"]
    with store.read() as connection:
        page = job_list(connection, house.workspace_id, micros(house.now), JobFilters(), Page(2, 3))
        assert (page["total"], page["all"], page["counts"]["down"]) == (4, 4, 1)
        assert [item["job_key"] for item in page["items"]] == ["off"]
        (whole,) = job_list(connection, house.workspace_id, micros(house.now), JobFilters(tag="a"), Page(1, 25))[
            "items"
        ]
        assert (whole["health"].affected, whole["health"].watched, whole["runs"]) == (2, 2, 4)
        assert choices(connection, house.workspace_id) == {
            "tag": ["a", "b"],
            "protocol": ["native", "sentry"],
            "project": [],
            "service": [],
            "host": [],
        }
        assert watched_altogether(connection, house.workspace_id) == 3
        stranger = job_list(connection, house.workspace_id + 1, 0, JobFilters(), Page(1, 25))
        assert (stranger["items"], stranger["all"]) == ([], 0)
