"""Maintenance windows, once and again and again, with their next times; and mutes."""

import re

from tests.dashboard.conftest import Dashboard
from tests.dashboard.test_overview import SCRIPT

WINDOW = {
    "target.kind": "job",
    "target.value": SCRIPT,
    "startsAt": "2026-01-06T02:00",
    "endsAt": "2026-01-06T04:00",
    "timezone": "Europe/Vienna",
    "again": "FREQ=DAILY",
    "reason": "Backups",
}


def test_a_window_is_previewed_planned_changed_and_removed(dashboard: Dashboard) -> None:
    browser = dashboard.as_()
    browser.open("/maintenance/new")
    preview = browser.send("/maintenance/new", **WINDOW, preview="on")
    assert preview.count('title="2026-01-0') == 8
    assert 'title="2026-01-06 01:00:00 UTC"' in preview
    assert 'value="2026-01-06T02:00"' in preview
    listed = browser.send("/maintenance/new", **WINDOW)
    assert SCRIPT not in listed + preview
    assert "Every day" in listed
    edit = re.search(r'href="(/maintenance/[\w-]{36})"', listed)
    assert edit
    assert 'value="2026-01-06T02:00"' in browser.open(edit[1])
    changed = browser.send(edit[1], **{**WINDOW, "again": "", "reason": "Once"})
    assert "Once" in changed
    assert "Every day" not in changed
    assert "No window is planned" in browser.send(f"{edit[1]}/remove")
    browser.open(edit[1], 404)


def test_a_window_comes_again_by_a_rule_of_its_own(dashboard: Dashboard) -> None:
    browser = dashboard.as_()
    browser.open("/maintenance/new")
    own = {**WINDOW, "again": "own", "rrule": "RRULE:FREQ=MONTHLY;BYDAY=1SU", "startsAt": "2026-02-01T02:00"}
    own |= {"endsAt": "2026-02-01T04:00"}
    for wrong in ("", "FREQ=SOMETIMES", "every second Sunday", "x" * 600):
        page = browser.send("/maintenance/new", 422, **{**own, "rrule": wrong})
        assert 'id="e-rrule">Rule ' in page
        assert f'value="{wrong}"' in page
    preview = browser.send("/maintenance/new", **own, preview="on")
    for moment in ("2026-02-01", "2026-03-01", "2026-04-05"):
        assert moment in preview
    edit = re.search(r'href="(/maintenance/[\w-]{36})"', browser.send("/maintenance/new", **own))
    assert edit
    shown = browser.open(edit[1])
    assert 'value="FREQ=MONTHLY;BYDAY=1SU"' in shown
    assert '<option value="own" selected>' in shown


def test_what_cannot_be_is_refused_with_what_was_typed(dashboard: Dashboard) -> None:
    browser = dashboard.as_()
    browser.open("/maintenance/new")
    page = browser.send("/maintenance/new", 422, **{**WINDOW, "endsAt": "2026-01-06T01:00"})
    assert 'id="e-endsAt"' in page
    assert 'value="Backups"' in page
    assert 'id="e-startsAt"' in browser.send("/maintenance/new", 422, **{**WINDOW, "startsAt": "soon"})
    assert 'id="e-timezone"' in browser.send("/maintenance/new", 422, **{**WINDOW, "timezone": "Mars"})
    assert 'id="e-target.value"' in browser.send("/maintenance/new", 422, **{**WINDOW, "target.value": ""})
    preview = browser.send("/maintenance/new", 422, **{**WINDOW, "endsAt": "2026-01-06T01:00", "preview": "on"})
    assert 'id="e-endsAt">To must be after the start.' in preview


def test_a_mute_begins_and_ends(dashboard: Dashboard) -> None:
    browser = dashboard.as_()
    browser.open("/maintenance")
    page = browser.send("/maintenance/mutes", **{"target.kind": "workspace", "seconds": "3600", "reason": "Migration"})
    assert "Everything" in page
    end = re.search(r'action="(/maintenance/mutes/[\w-]+/end)"', page)
    assert end
    assert "Nothing is muted" in browser.send(end[1])
    everything = {"target.kind": "workspace", "seconds": "own"}
    assert 'id="e-until"' in browser.send("/maintenance/mutes", 422, **everything, until="x")
    assert "2026-01-07 08:30:00 UTC" in browser.send("/maintenance/mutes", **everything, until="2026-01-07T08:30")


def test_a_viewer_looks_and_may_do_nothing(dashboard: Dashboard) -> None:
    browser = dashboard.as_("viewer")
    page = browser.open("/maintenance")
    assert "/maintenance/new" not in page
    assert "/maintenance/mutes" not in page
    browser.open("/maintenance/new", 403)
    browser.send("/maintenance/new", 403, **WINDOW)
    browser.send("/maintenance/mutes", 403, until="3600")
