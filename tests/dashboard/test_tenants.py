"""Tenants: the list with its filters, one with all that is theirs, and making, renaming and switching them."""

import pytest

from tests.dashboard.conftest import Dashboard, text_of
from tocsin.dashboard import strips
from tocsin.domain.ids import to_uuid
from tocsin.store.schema import tenants

SCRIPT, FOXES = "<script>alert(1)</script>", "🦊" * 100


def _silence(dashboard: Dashboard) -> None:
    """bolt and cobalt miss Invoice sync, acme does not; idle has nothing."""
    house = dashboard.house
    house.make_job(name="Invoice sync")
    house.add_tenant("idle")
    for tenant in ("acme", "bolt", "cobalt"):
        house.check_in("success", tenant)
    dashboard.pass_time(3700)
    house.check_in("success", "acme")
    dashboard.pass_time(4000)


def _id(dashboard: Dashboard, external_id: str) -> str:
    return to_uuid(next(row.id for row in dashboard.house.rows(tenants, tenants.c.external_id == external_id)))


def test_the_list_is_the_worst_first_with_how_many_are_not_served(dashboard: Dashboard) -> None:
    _silence(dashboard)
    text = text_of(dashboard.as_("viewer").open("/tenants"))
    assert "2 of 5 tenants are not being served." in text
    assert text.index("bolt Missed") < text.index("cobalt Missed") < text.index("acme Ok") < text.index("idle Without")


def test_filters_narrow_the_list(dashboard: Dashboard) -> None:
    _silence(dashboard)
    dashboard.house.deactivate("idle")
    browser = dashboard.as_()
    missed = text_of(browser.open("/tenants?state=missed"))
    assert "bolt" in missed
    assert "acme" not in missed
    assert "2 tenants" in missed
    found = text_of(browser.open("/tenants?q=COB"))
    assert "cobalt Missed" in found
    assert "bolt" not in found
    assert "idle Inactive" in text_of(browser.open("/tenants?state=inactive"))
    assert "No tenant like this" in browser.open("/tenants?q=nobody")
    assert "cobalt" in browser.open("/tenants?state=unserved&page=nonsense")


def test_many_tenants_come_a_page_at_a_time(dashboard: Dashboard) -> None:
    for number in range(30):
        dashboard.house.add_tenant(f"tenant-{number:02}")
    browser = dashboard.as_()
    assert "tenant-29" not in browser.open("/tenants?q=tenant-")
    assert "tenant-29" in browser.open("/tenants?q=tenant-&page=2")


def test_a_tenant_is_made_renamed_deactivated_and_activated(dashboard: Dashboard) -> None:
    browser = dashboard.as_("member")
    browser.open("/tenants")
    made = text_of(browser.send("/tenants", externalId="globex", name="Globex"))
    assert "Globex Nothing heard yet" in made
    assert "No job and no integration has reported for it yet." in made
    here = f"/tenants/{_id(dashboard, 'globex')}"
    assert "Globex Corporation" in browser.send(f"{here}/rename", name="Globex Corporation")
    assert "Inactive" in text_of(browser.send(f"{here}/deactivate"))
    assert "Inactive" not in text_of(browser.send(f"{here}/activate"))
    assert "Globex Corporation" in browser.open("/tenants/globex")


def test_what_is_refused_is_said_beside_its_field(dashboard: Dashboard) -> None:
    browser = dashboard.as_()
    browser.open("/tenants")
    page = browser.send("/tenants", 422, externalId=" \x07", name="Kept")
    assert 'id="e-externalId"' in page
    assert 'value="Kept"' in page
    browser.send("/tenants", externalId="globex")
    assert "globex" in browser.send("/tenants", 409, externalId="globex")


def test_a_viewer_may_look_and_nothing_else(dashboard: Dashboard) -> None:
    _silence(dashboard)
    browser = dashboard.as_("viewer")
    here = f"/tenants/{_id(dashboard, 'acme')}"
    for path in ("/tenants", here):
        page = browser.open(path).split("<main")[1].split("</main>")[0]
        assert 'method="post"' not in page
    for path in ("/tenants", f"{here}/rename", f"{here}/deactivate", f"{here}/activate"):
        assert "Your role is viewer" in browser.send(path, 403, externalId="x", name="x")


def test_one_tenant_has_its_jobs_integrations_incidents_and_days(dashboard: Dashboard) -> None:
    _silence(dashboard)
    house = dashboard.house
    house.make_job(job_key="ledger", name="Ledger export")
    house.check_in("success", "bolt", job="ledger")
    house.report(tenant="bolt", integration="payments-gateway")
    page = dashboard.as_("viewer").open("/tenants/bolt")
    text = text_of(page)
    assert "bolt Not served" in text
    assert "1 of 2 jobs and 1 of 1 integration have a problem." in text
    assert text.index("Invoice sync 1 missed") < text.index("Ledger export Up")
    assert "payments-gateway Down" in text
    assert "with 1 other tenant" in text
    assert 'aria-label="Last 30 slots: 28 empty, 1 ok, 1 missed; newest 1 missed"' in page
    assert 'class="k-error"' in page
    assert "66.67 % of 3 runs ok" in text


def test_there_is_no_such_tenant(dashboard: Dashboard) -> None:
    browser = dashboard.as_()
    browser.open("/tenants/nobody", 404)
    browser.send("/tenants/nobody/rename", 404, name="x")


@pytest.mark.parametrize("name", [SCRIPT, FOXES])
def test_names_are_nothing_but_text(dashboard: Dashboard, name: str) -> None:
    dashboard.house.make_job(name=name)
    dashboard.house.check_in("success", name)
    browser = dashboard.as_()
    for path in ("/tenants", f"/tenants/{_id(dashboard, name)}"):
        assert SCRIPT not in browser.open(path)


def test_live_parts_are_the_same_for_all_who_look(dashboard: Dashboard) -> None:
    _silence(dashboard)
    part = dashboard.as_().open("/tenants/bolt", tocsin_live="1")
    assert 'id="ten-jobs"' in part
    assert "<html" not in part


@pytest.mark.parametrize(
    ("states", "words"),
    [
        ([], ""),
        (["ok", "ok"], "2 ok"),
        (["ok", "missed", "missed"], "2 missed, 1 ok; newest 2 missed"),
        (["none", "ok", "progress"], "1 empty, 1 ok, 1 in progress; newest 1 in progress"),
    ],
)
def test_a_strip_in_words(states: list[str], words: str) -> None:
    assert strips.told(states) == words
