"""The pages of jobs: the list, one job, a new one, a run."""

import re

import pytest

from tests.dashboard.conftest import Dashboard
from tests.support.house import NOON, House
from tocsin.domain.model import SECOND

SCRIPT, FOXES = "<script>alert(1)</script>", "🦊" * 100


def text_of(page: str) -> str:
    """What somebody reads."""
    body = page.split('<main class="main"')[1].split("</main>", maxsplit=1)[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


def pass_time(dashboard: Dashboard, until: float) -> None:
    dashboard.house.pass_time(until)
    dashboard.clock.moment = NOON + round(until * SECOND)


def named(page: str) -> list[str]:
    """The jobs of the list, in order."""
    return re.findall(r'<th scope="row"><a href="/jobs/([^"]+)"', page)


@pytest.fixture
def house(dashboard: Dashboard) -> House:
    """An hourly job of three tenants, of which two fall silent; a nightly one that is new; one that is paused."""
    house = dashboard.house
    house.make_job(name="Invoice sync", tags='["billing", "pc%"]')
    house.make_job(
        job_key="nightly",
        name="Nightly backup",
        schedule_type="crontab",
        schedule_interval=None,
        schedule_value="0 3 * * *",
        schedule_zone="Europe/Vienna",
    )
    house.make_job(job_key="archive", name=SCRIPT, is_active=False)
    for tenant in ("acme", "bolt", FOXES):
        house.check_in("success", tenant, duration=40)
    pass_time(dashboard, 3700)
    house.check_in("success", "acme", duration=44)
    return house


def test_an_empty_list_teaches(dashboard: Dashboard) -> None:
    page = dashboard.as_().open("/jobs")
    assert "No job yet" in page
    assert 'href="/jobs/new"' in page
    assert "/api/v1/jobs/" in page


def test_jobs_stand_the_worst_first_with_what_matters(dashboard: Dashboard, house: House) -> None:
    pass_time(dashboard, 3950)
    page = dashboard.as_().open("/jobs")
    assert named(page) == ["the-job", "nightly", "archive"]
    text = text_of(page)
    assert "3 jobs" in text
    assert "Down 1" in text
    assert "2 of 3" in text
    assert "Every 1 h" in text
    assert "At 03:00 (Europe/Vienna)" in text
    assert SCRIPT not in page
    assert "&lt;script&gt;" in page


def test_what_is_late_is_said_before_it_is_missed(dashboard: Dashboard, house: House) -> None:
    text = text_of(dashboard.as_().open("/jobs?status=late"))
    assert "2 of 3 late" in text
    assert "ago" in text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=INVOICE", ["the-job"]),
        ("q=night", ["nightly"]),
        ("q=%25", []),
        ("status=paused", ["archive"]),
        ("status=new", ["nightly"]),
        ("tag=billing", ["the-job"]),
        ("tag=pc%25", ["the-job"]),
        ("tag=b", []),
        ("tenant=acme", ["the-job"]),
        ("tenant=nobody", []),
        ("host=web-1", []),
        ("sort=newest", ["archive", "nightly", "the-job"]),
        ("sort=name", ["archive", "the-job", "nightly"]),
        ("sort=tenants", ["the-job", "archive", "nightly"]),
        ("page=2", []),
        ("status=nonsense&sort=nonsense&page=-1", ["the-job", "nightly", "archive"]),
    ],
)
def test_filters_and_orders(dashboard: Dashboard, house: House, query: str, expected: list[str]) -> None:
    page = dashboard.as_().open(f"/jobs?{query}")
    assert named(page) == expected
    if not expected:
        assert "No job fits" in page


def test_a_viewer_is_offered_no_new_job(dashboard: Dashboard, house: House) -> None:
    assert "/jobs/new" not in dashboard.as_("viewer").open("/jobs")
