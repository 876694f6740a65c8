"""The overview: the answer first, then what is wrong, late and in progress, the tenants, and Tocsin itself."""

import re

from tests.dashboard.conftest import Dashboard, text_of
from tests.support.house import NOON
from tocsin.application import manage_quiets
from tocsin.application.manage_quiets import Target
from tocsin.domain.model import SECOND
from tocsin.domain.quiet import TargetKind

SCRIPT, FOXES = "<script>alert(1)</script>", "🦊" * 100


def test_a_new_workspace_is_shown_the_first_steps_with_its_own_address(dashboard: Dashboard) -> None:
    browser = dashboard.as_()
    page = browser.open("/")
    assert "Nothing has reported yet" in page
    assert "http://localhost/api/v1/jobs/hourly-sync/ping" in page
    shown = browser.send("/first-key")
    key = re.search(r"sg_[0-9a-f]{48}", shown)
    assert key
    assert dashboard.client.get("/").status_code
    assert key[0] not in browser.open("/")


def test_a_viewer_is_offered_no_key_and_given_none(dashboard: Dashboard) -> None:
    browser = dashboard.as_("viewer")
    assert "/first-key" not in browser.open("/")
    assert "Your role is viewer" in browser.send("/first-key", 403)


def test_all_is_well(dashboard: Dashboard) -> None:
    house = dashboard.house
    house.make_job()
    for tenant in ("acme", "bolt"):
        house.check_in("success", tenant)
    text = text_of(dashboard.as_().open("/"))
    assert "Every tenant is being served" in text
    assert "No incident is open, and nothing is late." in text
    assert "Nothing is wrong" in text
    assert "2 ok" in text


def test_why_an_incident_was_reopened_is_told_in_sentences(dashboard: Dashboard) -> None:
    house = dashboard.house
    house.make_job(failure_threshold=1)
    for kind, moment in (("failure", 0), ("success", 60), ("failure", 1500)):
        dashboard.pass_time(moment)
        house.check_in(kind, "acme", received=moment)
    assert re.search(r"[a-z]\. Reopened 1 time\.", text_of(dashboard.as_().open("/")))


def test_what_is_wrong_stands_first_with_how_many_it_concerns(dashboard: Dashboard) -> None:
    house = dashboard.house
    house.make_job(name="Invoice sync")
    for tenant in ("acme", "bolt", "cobalt"):
        house.check_in("success", tenant)
    dashboard.pass_time(3700)
    house.check_in("success", "acme")
    browser = dashboard.as_()
    late = text_of(browser.open("/"))
    assert "Every tenant is being served" in late
    assert "1 job is late" in late
    assert "2 of 3 tenants" in late
    dashboard.pass_time(4000)
    page = browser.open("/")
    text = text_of(page)
    assert "<title>2 of 3 tenants are not being served · Tocsin</title>" in page
    assert "1 incident is open." in text
    assert "Open Invoice sync" in text
    assert re.search(r"2 of 3 tenants", text)
    assert "2 missed" in text
    assert "tenant missed the-job" not in text  # as it was when it opened
    assert "1 ok" in text
    assert '<span class="count count-alert">1' in page


def test_it_says_who_has_an_incident_and_why_nobody_is_told(dashboard: Dashboard) -> None:
    house = dashboard.house
    house.make_job(name="Invoice sync")
    house.check_in("success", "acme")
    dashboard.pass_time(4000)
    browser = dashboard.as_()
    page = browser.open("/")
    assert "has it" not in page
    (address,) = re.findall(r'href="(/incidents/[^"]+)"', page)
    assert "Acknowledge" not in dashboard.as_("viewer").open("/")
    text = text_of(browser.send(f"{address}/acknowledge", **{"from": "overview"}))
    assert "What is wrong" in text
    assert "Owner has it" in text
    assert "Acknowledge" not in text
    browser.send(f"{address}/snooze", seconds="1800")
    text = text_of(browser.open("/"))
    assert "Owner has it" in text
    assert "Snoozed until 13:36 : nobody is told before." in text
    dashboard.clock.moment += 1801 * SECOND
    assert "Snoozed" not in text_of(browser.open("/"))


def test_it_says_that_alerts_are_held(dashboard: Dashboard) -> None:
    house = dashboard.house
    house.make_job(name="Invoice sync")
    house.check_in("success", "acme")
    browser = dashboard.as_()
    with house.store.write() as connection:
        everything, until = Target(TargetKind.WORKSPACE, ""), NOON + 7200 * SECOND
        manage_quiets.mute(connection, house.ids, NOON, house.workspace_id, everything, until, "", "ann")
    dashboard.pass_time(4000)
    assert "A mute is in force: its alerts are held until 14:00 ." in text_of(browser.open("/"))


def test_runs_that_go_on_are_listed_with_how_long_they_usually_take(dashboard: Dashboard) -> None:
    house = dashboard.house
    house.make_job(name="Export", max_runtime=7200 * SECOND)
    house.check_in("success", duration=60)
    dashboard.pass_time(600)
    house.check_in("start")
    dashboard.pass_time(690)
    text = text_of(dashboard.as_().open("/"))
    assert "Export 1 min 30 s" in text
    assert "usually 1 min" in text
    assert "1 in progress" in text


def test_events_make_tenants_unserved_too(dashboard: Dashboard) -> None:
    house = dashboard.house
    house.report(tenant="acme", integration="crm-connector")
    text = text_of(dashboard.as_().open("/"))
    assert "1 of 1 tenant is not being served" in text
    assert "crm-connector" in text
    assert "1 error" in text


def test_whatever_it_is_called_it_stands_there_as_text(dashboard: Dashboard) -> None:
    house = dashboard.house
    house.make_job(name=SCRIPT)
    for tenant in (SCRIPT, FOXES):
        house.check_in("success", tenant)
    dashboard.pass_time(4000)
    page = dashboard.as_().open("/")
    assert SCRIPT not in page
    assert "&lt;script&gt;" in page
    assert FOXES in page


def test_our_own_absence_is_told(dashboard: Dashboard) -> None:
    house = dashboard.house
    house.make_job()
    house.check_in("success")
    house.be_away(600)
    dashboard.clock.moment = NOON + 700 * SECOND
    assert "Tocsin was away" in dashboard.as_().open("/")


def test_live_parts_come_without_the_shell_and_are_made_once_for_all(dashboard: Dashboard) -> None:
    house = dashboard.house
    house.make_job()
    house.check_in("success", "acme")
    first, second = dashboard.as_("owner"), dashboard.as_("admin")
    part = first.open("/", tocsin_live="1")
    assert 'id="ov-inc" data-live' in part
    assert "<nav" not in part
    assert not re.search(r'name="csrf" value="[^"]', part)
    house.check_in("success", "bolt")
    assert "1 ok" in first.open("/", tocsin_live="1")
    assert "2 ok" in first.open("/", tocsin_live="2")
    assert "2 ok" in second.open("/", tocsin_live="2")
    dashboard.clock.moment += 6 * SECOND
    house.check_in("success", "cobalt")
    assert "3 ok" in second.open("/", tocsin_live="2")


def test_live_parts_are_for_those_who_are_signed_in(dashboard: Dashboard) -> None:
    browser = dashboard.browser()
    browser.client.follow_redirects = False
    browser.open("/", 401, tocsin_live="1")
    browser.open("/live", 401)


def test_times_are_told_in_the_zone_of_the_viewer(dashboard: Dashboard) -> None:
    house = dashboard.house
    house.make_job()
    house.check_in("success")
    house.be_away(600)
    dashboard.clock.moment = NOON + 700 * SECOND
    browser = dashboard.as_()
    browser.client.cookies.set("tocsin_zone", "Asia/Tokyo")
    page = browser.open("/")
    assert '<time datetime="2026-01-05T12:00:00Z" title="2026-01-05 12:00:00 UTC" data-form="time">21:00</time>' in page
    browser.client.cookies.set("tocsin_zone", "Mars/Phobos")
    assert ">12:00</time>" in browser.open("/")
