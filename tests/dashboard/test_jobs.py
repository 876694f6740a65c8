"""The pages of jobs: the list, one job, a new one, a run."""

import re

import pytest
from sqlalchemy import update

from tests.dashboard.conftest import Dashboard, text_of
from tests.support.house import NOON, House
from tocsin.domain.model import SECOND
from tocsin.store import schema
from tocsin.wire_time import parse_iso

SCRIPT, FOXES = "<script>alert(1)</script>", "🦊" * 100


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
        protocol="sentry",
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
    assert 'href="/new-job"' in page
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
        ("protocol=sentry", ["nightly"]),
        ("protocol=carrier-pigeon", []),
        ("sort=due", ["the-job", "archive", "nightly"]),
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
    assert "/new-job" not in dashboard.as_("viewer").open("/jobs")


# --- one job ----------------------------------------------------------------------------------------------------------


def test_the_page_of_a_job_says_who_is_not_served(dashboard: Dashboard, house: House) -> None:
    pass_time(dashboard, 3950)
    page = dashboard.as_().open("/jobs/the-job")
    text = text_of(page)
    assert "2 of 3 tenants are not being served" in text
    assert "Affected · 2" in text
    assert "1 missed" in text
    assert "Last 30 slots" not in page
    assert 'aria-label="Last 2 slots: 1 ok, 1 missed; newest 1 missed"' in page
    assert "1 more tenant with nothing missed" in text
    assert "Durations of the last 4 runs: median 40 s" in text
    assert "Every 1 h" in text
    assert FOXES in page


def test_tenants_are_found_and_filtered(dashboard: Dashboard, house: House) -> None:
    pass_time(dashboard, 3950)
    browser = dashboard.as_()

    def drawn(query: str) -> list[str]:
        return re.findall(r'data-tenant="([^"]+)"', browser.open(f"/jobs/the-job?{query}"))

    assert drawn("show=affected") == ["bolt", FOXES]
    assert drawn("show=all") == ["bolt", FOXES, "acme"]
    assert drawn("q=ACM") == ["acme"]
    assert drawn("show=affected&q=acme") == []
    assert drawn("environment=staging") == []


def test_a_cell_leads_to_its_run(dashboard: Dashboard, house: House) -> None:
    browser = dashboard.as_()
    cells = re.search(r'data-slots="([^"]+)" data-tenant="acme"', browser.open("/jobs/the-job?show=all"))
    assert cells
    told = [int(one) for one in cells[1].split(",") if one]
    page = browser.open(f"/jobs/the-job/slot?tenant=acme&at={sum(told)}")
    assert "Reported success." in page
    assert "44 s" in text_of(page)
    assert "Runs" in text_of(browser.open("/jobs/the-job/slot?tenant=acme&at=1"))


def test_next_times_tell_of_changes_of_clocks(dashboard: Dashboard, house: House) -> None:
    house.make_job(
        job_key="early",
        name="Early",
        schedule_type="crontab",
        schedule_interval=None,
        schedule_value="30 2 * * *",
        schedule_zone="Europe/Vienna",
    )
    text = text_of(dashboard.as_().open("/jobs/early"))
    assert "Tue 02:30 6 Jan" in text
    assert "01:30 UTC" in text
    assert "On 2026-03-29 clocks in Europe/Vienna skip 02:00 to 03:00" in text


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("curl", "http://localhost/api/v1/jobs/nightly/ping"),
        ("exec", "--job nightly --tenant"),
        ("crontab", "0 3 * * *  "),
        ("python", "urllib.request.urlopen"),
        ("sentry", "monitor_slug=&#34;nightly&#34;"),
        ("healthchecks", "http://localhost/ping/"),
        ("pingguard", "http://localhost/p/"),
        ("nonsense", "curl -fsS"),
    ],
)
def test_snippets_are_ready_to_paste(dashboard: Dashboard, house: House, how: str, expected: str) -> None:
    page = dashboard.as_().open(f"/jobs/nightly?how={how}")
    assert expected in page or expected.replace("&#34;", '"') in page


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", 6),
        ("tenant=acme", 2),
        ("outcome=missed", 2),
        ("outcome=missed&tenant=acme", 0),
        ("environment=production&host=", 6),
        ("host=web-1", 0),
        ("from=2026-01-05T13:00", 3),
        ("to=2026-01-05T12:30", 3),
        ("from=yesterday", 6),
    ],
)
def test_runs_are_filtered(dashboard: Dashboard, house: House, query: str, expected: int) -> None:
    pass_time(dashboard, 3950)
    page = dashboard.as_().open(f"/jobs/the-job/runs?{query}")
    assert len(set(re.findall(r'<a href="(/runs/[^"]+)"', page))) == expected
    assert ('role="alert"' in page) == (query == "from=yesterday")


def test_runs_name_tenants_as_people_call_them(dashboard: Dashboard, house: House) -> None:
    with house.store.write() as connection:
        connection.execute(update(schema.tenants).where(schema.tenants.c.external_id == "acme").values(name="Acme Ltd"))
    page = dashboard.as_().open("/jobs/the-job/runs?tenant=acme")
    assert 'title="acme">Acme Ltd' in page


def test_every_tab_is_there_for_everybody(dashboard: Dashboard, house: House) -> None:
    pass_time(dashboard, 3950)
    browser = dashboard.as_("viewer")
    for tab in ("", "/runs", "/incidents", "/tenants", "/settings"):
        page = browser.open(f"/jobs/the-job{tab}")
        assert 'method="post" action="/jobs' not in page
        assert "Delete job" not in page
    browser.open("/jobs/nobody", 404)
    browser.open("/runs/nothing", 404)
    browser.open("/new-job", 403)


@pytest.mark.parametrize("action", ["pause", "resume", "mute", "unmute", "delete", "forget", "settings"])
def test_a_viewer_is_refused(dashboard: Dashboard, house: House, action: str) -> None:
    browser = dashboard.as_("viewer")
    browser.open("/jobs/the-job")
    assert "Your role is viewer" in browser.send(f"/jobs/the-job/{action}", 403)


def test_a_job_is_paused_resumed_muted_and_deleted(dashboard: Dashboard, house: House) -> None:
    browser = dashboard.as_("member")
    browser.open("/jobs/the-job")
    assert "Resume" in text_of(browser.send("/jobs/the-job/pause"))
    assert house.rows(schema.jobs)[0].is_active is False
    assert "Pause" in text_of(browser.send("/jobs/the-job/resume"))
    muted = browser.send("/jobs/the-job/mute", seconds="14400", reason="We know.")
    assert "Muted until" in text_of(muted)
    (mute,) = house.rows(schema.quiets)
    assert mute.until_at - dashboard.clock.moment == 14_400 * SECOND
    found = re.search(r'name="mute" value="([^"]+)"', muted)
    assert found
    assert "Muted until" not in text_of(browser.send("/jobs/the-job/unmute", mute=found[1]))
    browser.send("/jobs/the-job/mute", kind="mute", seconds="own", until="2026-01-07T08:30")
    (mute,) = house.rows(schema.quiets)
    assert mute.until_at == parse_iso("2026-01-07T08:30:00Z")
    page = browser.send("/jobs/the-job/mute", 422, kind="mute", seconds="own", until="soon")
    assert 'id="e-muteuntil">Until must be a day and a time.' in page
    page = browser.open("/jobs/the-job/tenants?tenant=acme")
    stream = re.search(r'name="stream" value="([^"]+)"', page)
    assert stream
    browser.send("/jobs/the-job/forget", stream=stream[1])
    assert not house.stream("acme").is_watched
    assert named(browser.send("/jobs/the-job/delete")) == ["nightly", "archive"]


# --- a new one, and its settings --------------------------------------------------------------------------------------

FORM = {
    "jobKey": "fresh",
    "name": "Fresh",
    "schedule.type": "crontab",
    "schedule.value": "30 2 * * *",
    "schedule.timezone": "Europe/Vienna",
    "gracePeriodSeconds": "600",
    "tags": "billing, eu",
}


def test_a_job_is_made(dashboard: Dashboard) -> None:
    browser = dashboard.as_("member")
    assert "At 03:00" in text_of(browser.open("/new-job"))
    page = browser.send("/new-job", **FORM)
    assert "Fresh" in text_of(page)
    (row,) = dashboard.house.rows(schema.jobs)
    kept = (row.job_key, row.schedule_value, row.schedule_zone, row.grace, row.tags)
    assert kept == ("fresh", "30 2 * * *", "Europe/Vienna", 600 * SECOND, '["billing", "eu"]')


def test_a_job_may_have_any_key(dashboard: Dashboard) -> None:
    browser = dashboard.as_("member")
    browser.open("/new-job")
    assert "<h1>Fresh</h1>" in browser.send("/new-job", **{**FORM, "jobKey": "new"})
    assert "<h1>Fresh</h1>" in browser.open("/jobs/new")


def test_the_schedule_is_previewed_with_and_without_a_script(dashboard: Dashboard) -> None:
    browser = dashboard.as_("member")
    browser.open("/new-job")
    part = browser.send("/new-job/preview", **FORM)
    assert "<nav" not in part
    assert "2026-01-06 01:30 UTC" in part
    whole = browser.send("/new-job", **FORM, preview="1")
    assert "skip 02:00 to 03:00" in whole
    assert 'value="Fresh"' in whole
    assert dashboard.house.rows(schema.jobs) == []
    assert "five crontab fields" in browser.send("/new-job/preview", **{**FORM, "schedule.value": "99"})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("jobKey", "a b"),
        ("name", ""),
        ("schedule.value", "99 * * * *"),
        ("schedule.timezone", "Mars/Phobos"),
        ("gracePeriodSeconds", "soon"),
        ("runbookUrl", "javascript:alert(1)"),
        ("tenantImpactThreshold", "0"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(dashboard: Dashboard, field: str, value: str) -> None:
    browser = dashboard.as_("member")
    browser.open("/new-job")
    page = browser.send("/new-job", 422, **{**FORM, field: value})
    assert f'id="e-{field}"' in page
    assert 'value="30 2 * * *"' in page or field == "schedule.value"
    assert dashboard.house.rows(schema.jobs) == []


def test_settings_hold_what_the_job_has_and_change_it(dashboard: Dashboard, house: House) -> None:
    browser = dashboard.as_("member")
    page = browser.open("/jobs/the-job/settings")
    for name, value in (("schedule.seconds", "3600"), ("gracePeriodSeconds", "300"), ("tags", "billing, pc%")):
        assert re.search(rf'name="{re.escape(name)}"[^>]* value="{value}"|value="{value}"[^>]*name="{name}"', page), (
            name
        )
    sent = {**FORM, "jobKey": "the-job", "schedule.type": "calendar", "schedule.every": "2", "schedule.unit": "week"}
    sent |= {"thresholdMode": "all", "tenantImpactThreshold": "5", "gracePeriodSeconds": ""}
    browser.send("/jobs/the-job/settings", **sent, **{"dependsOn.kind": "job", "dependsOn.value": "nightly"})
    row = house.rows(schema.jobs)[0]
    assert (row.name, row.schedule_type, row.schedule_interval, row.schedule_value) == ("Fresh", "calendar", 2, "week")
    assert (row.threshold_mode, row.impact_threshold, row.grace) == ("all", 5, 60 * SECOND)
    assert 'value="nightly"' in browser.open("/jobs/the-job/settings")
    copied = browser.open("/new-job?like=the-job")
    assert '<option value="calendar" selected>' in copied


# --- a run ------------------------------------------------------------------------------------------------------------


def test_a_run_tells_what_happened(dashboard: Dashboard, house: House) -> None:
    house.check_in("start", "acme", run="r-1")
    pass_time(dashboard, 3760)
    house.check_in("failure", "acme", run="r-1", message=f"disk full {SCRIPT}")
    browser = dashboard.as_()
    listed = browser.open("/jobs/the-job/runs?outcome=error")
    found = re.search(r'"(/runs/[^"]+)"', listed)
    assert found
    page = browser.open(found[1])
    text = text_of(page)
    assert "Error" in text
    assert "1 min" in text
    assert "Reported its start." in text
    assert "Reported failure." in text
    assert "disk full" in text
    assert "r-1" in text
    assert SCRIPT not in listed + page
