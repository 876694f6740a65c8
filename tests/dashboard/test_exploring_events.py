"""Events, patterns, and trends."""

import re

import pytest

from tests.dashboard.conftest import Dashboard, text_of
from tests.support.house import micros
from tocsin.dashboard import columns
from tocsin.domain.ids import to_uuid
from tocsin.store.schema import incidents

SCRIPT, FOXES = "<script>alert(1)</script>", "🦊" * 100


# --- events -----------------------------------------------------------------------------------------------------------


def test_nobody_has_reported_yet(dashboard: Dashboard) -> None:
    page = dashboard.as_("viewer").open("/events")
    assert "No integration has reported yet" in page
    assert "http://localhost/api/v1/events" in page


def test_events_are_found_by_what_is_in_them(dashboard: Dashboard) -> None:
    house = dashboard.house
    house.report(tenant="acme", code="401", payload={"endpoint": "/v2/hooks", "attempt": 3})
    house.report("points_rounded", "bolt", integration="loyalty")
    browser = dashboard.as_("viewer")
    text = text_of(browser.open("/events"))
    assert "auth_failed 401 payments acme Auth Failure" in text
    assert "None matched: it is kept, and alarms nobody." in text
    assert "&#34;endpoint&#34;: &#34;/v2/hooks&#34;" in text
    for query, found in (
        ("integrationKey=loyalty", "points_rounded"),
        ("tenantId=acme", "auth_failed"),
        ("patternId=auth_failure", "auth_failed"),
        ("key=attempt&value=3", "auth_failed"),
    ):
        page = browser.open(f"/events?{query}")
        assert "1 event shown" in page, query
        assert f">{found}</b>" in page
    assert "No event like this" in browser.open("/events?key=attempt&value=4")
    assert "No event like this" in browser.open("/events?incidentId=nonsense")


def test_events_of_an_incident_and_of_the_last_hour(dashboard: Dashboard) -> None:
    house = dashboard.house
    house.report(tenant="acme")
    dashboard.pass_time(4000)
    house.report("points_rounded", "acme")
    incident = to_uuid(house.rows(incidents)[0].id)
    browser = dashboard.as_()
    assert "auth_failed" in browser.open(f"/events?incidentId={incident}")
    assert "points_rounded</b>" not in browser.open(f"/events?incidentId={incident}")
    assert "auth_failed</b>" not in browser.open("/events?within=1h")
    assert "auth_failed</b>" in browser.open("/events?from=2026-01-05T00:00&to=2026-01-06T00:00")
    assert "auth_failed</b>" not in browser.open("/events?from=2026-01-06T00:00")
    assert "auth_failed</b>" not in browser.open("/events?to=2026-01-05T00:00")
    assert 'role="alert"' in browser.open("/events?from=yesterday")


def test_older_events_stand_on_further_pages(dashboard: Dashboard) -> None:
    for number in range(30):
        dashboard.house.report(f"kind_{number:02}", "acme")
    browser = dashboard.as_()
    page = browser.open("/events?tenantId=acme")
    assert "kind_29" in page
    assert "kind_04</b>" not in page
    older = re.search(r'rel="next" href="([^"]+)"', page)
    assert older
    page = browser.open(older[1].replace("&amp;", "&"))
    assert "kind_04" in page
    assert "kind_05</b>" not in page
    assert 'rel="next"' not in page


@pytest.mark.parametrize("name", [SCRIPT, FOXES])
def test_what_came_in_is_nothing_but_text(dashboard: Dashboard, name: str) -> None:
    dashboard.house.report(name, name, integration=name, code=name[:20], payload={name: name})
    browser = dashboard.as_()
    for path in ("/events", "/trends", "/patterns?eventType=%3Cscript%3Ealert(1)%3C/script%3E"):
        assert SCRIPT not in browser.open(path)


# --- patterns ---------------------------------------------------------------------------------------------------------


def test_an_event_is_tried_and_not_recorded(dashboard: Dashboard) -> None:
    browser = dashboard.as_("viewer")
    text = text_of(browser.open("/patterns?eventType=webhook_failed&errorCode=503"))
    assert "It is Webhook Failure Spike , with high confidence" in text
    assert "An incident opens with 10 of them within 5 min." in text
    assert "No pattern takes it." in text_of(browser.open("/patterns?eventType=points_rounded"))
    assert "No integration has reported yet" in browser.open("/events")
    assert "eventType" in browser.open(f"/patterns?eventType={'x' * 201}", 422)


def test_a_built_in_pattern_is_switched_and_has_a_threshold_of_ones_own(dashboard: Dashboard) -> None:
    browser = dashboard.as_("member")
    here = "/patterns/auth_failure"
    browser.open(here)
    assert ">Off<" in browser.send(f"{here}/switch", isEnabled="false")
    browser.send(f"{here}/switch", isEnabled="true")
    saved = browser.send(here, thresholdCount="3", thresholdWindowSeconds="60")
    assert 'value="3"' in saved
    assert "Restore it" in saved
    assert "3 within 1 min" in text_of(browser.open("/patterns"))
    browser.open(here)
    assert "Restore it" not in browser.send(f"{here}/restore")
    assert 'id="e-thresholdWindowSeconds"' in browser.send(here, 422, thresholdCount="3")


def test_a_pattern_of_ones_own_is_made_changed_and_deleted(dashboard: Dashboard) -> None:
    browser = dashboard.as_("member")
    browser.open("/patterns/new-pattern")
    fields = {
        "name": "Rounding",
        "priority": "5",
        "eventTypes": "points_rounded\npoints lost",
        "errorCodes": "R-1, R-2",
    }
    made = browser.send("/patterns/new-pattern", **fields)
    assert "<h1>Rounding</h1>" in made
    assert "points lost\npoints_rounded" in made
    assert "r-2" in made.lower()
    assert "It is Rounding" in text_of(browser.open("/patterns?eventType=points_rounded"))
    assert "<h1>Rounded</h1>" in browser.send("/patterns/rounding", **{**fields, "name": "Rounded"})
    assert "Rounded" not in browser.send("/patterns/rounding/delete").split("Deleted.")[0]
    browser.open("/patterns/rounding", 404)


def test_what_is_refused_of_a_pattern_is_said(dashboard: Dashboard) -> None:
    browser = dashboard.as_()
    browser.open("/patterns/new-pattern")
    page = browser.send("/patterns/new-pattern", 422, name="Kept", priority="soon", eventTypes="a", errorCodes="")
    assert 'id="e-priority"' in page
    assert 'value="Kept"' in page
    browser.send("/patterns/new-pattern", 422, name="Kept", eventTypes="", errorCodes="")


def test_a_viewer_may_try_patterns_and_change_none(dashboard: Dashboard) -> None:
    browser = dashboard.as_("viewer")
    for path in ("/patterns", "/patterns/auth_failure", "/patterns/new-pattern"):
        assert 'method="post"' not in browser.open(path).split("<main")[1].split("</main>")[0]
    for path in ("new-pattern", "auth_failure", "auth_failure/switch", "auth_failure/restore", "auth_failure/delete"):
        assert "Your role is viewer" in browser.send(f"/patterns/{path}", 403, name="x", eventTypes="x")


# --- trends -----------------------------------------------------------------------------------------------------------


def test_nothing_went_wrong(dashboard: Dashboard) -> None:
    text = text_of(dashboard.as_("viewer").open("/trends"))
    assert "No incident was opened in 30 days." in text
    assert "Nothing has become more frequent." in text


def test_incidents_by_day_who_has_most_and_how_soon_they_end(dashboard: Dashboard) -> None:
    house = dashboard.house
    for day in (0, 4, 5):
        for hour in range(day + 1):
            dashboard.pass_time(day * 86_400 + hour * 7_200)
            house.report(tenant="acme")
    dashboard.pass_time(6 * 86_400)
    page = dashboard.as_("viewer").open("/trends?days=7")
    text = text_of(page)
    assert "12 incidents in 7 days; half of those that ended were over within 15 min." in text
    assert re.search(r"Becoming more Auth Failure 12 incidents", text)
    assert "acme 12 incidents" in text
    assert page.count('class="tr-col') == 3
    assert "Most on 10 Jan : 6" in text
    assert "12 incidents in 30 days" in text_of(dashboard.as_("admin").open("/trends?days=nonsense"))


def test_columns_stand_on_the_ground_below_a_round_number() -> None:
    drawn = columns.draw([0, 3, 7], [micros(0), micros(1), micros(2)])
    assert drawn.levels == [(columns.GROUND - (columns.GROUND - columns.TOP) / 2, 4), (columns.TOP, 8)]
    assert [one.y for one in drawn.columns] == [columns.GROUND, 91.5, 37.5]
    assert drawn.peak is drawn.columns[2]
    assert [at for _, at in drawn.ticks] == [micros(0), micros(1), micros(2)]
    assert columns.draw([0], [0]).peak is None
    assert columns.draw([], []).columns == []
