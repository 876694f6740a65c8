"""What anybody may see: badges and status pages, of whom they are, and of nobody else."""

import json
import re
from typing import Any

import pytest

from tests.dashboard.conftest import Browser, Dashboard
from tests.support.house import NOON
from tocsin.domain.model import SECOND

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def trouble(dashboard: Dashboard) -> Dashboard:
    """Of three tenants of one job one is silent; each has another job, which is well."""
    house = dashboard.house
    house.make_job(name="Invoice sync", tags='["billing"]')
    house.make_job(job_key="other", name="Stock levels")
    for tenant in ("acme", "bolt", "cobalt"):
        house.check_in("success", tenant)
    house.pass_time(3000)
    for tenant in ("acme", "bolt", "cobalt"):
        house.check_in("success", tenant, job="other")
        if tenant != "acme":
            house.check_in("success", tenant)
    _pass(dashboard, 4000)
    return dashboard


def _pass(dashboard: Dashboard, until: float) -> None:
    dashboard.house.pass_time(until)
    dashboard.clock.moment = NOON + round(until * SECOND)


def _share(browser: Browser, kind: str, target: str, value: str = "", title: str = "") -> str:
    """The address of what was shared, as the page shows it."""
    browser.open("/sharing")
    page = browser.send("/sharing", kind=kind, target=target, value=value, title=title)
    found = re.search(r"/(badge|status)/[\w-]{22}(\.svg)?", page)
    assert found
    return found[0]


@pytest.mark.parametrize(
    ("target", "value", "said"),
    [
        ("job", "the-job", "down, 1 of 3"),
        ("job", "other", "up"),
        ("tag", "billing", "down"),
        ("tag", "nothing", "new"),
        ("tenant", "acme", "down"),
        ("tenant", "bolt", "up"),
        ("workspace", "", "down"),
    ],
)
def test_a_badge_says_how_it_is(trouble: Dashboard, target: str, value: str, said: str) -> None:
    address = _share(trouble.as_(), "badge", target, value)
    anybody = trouble.browser()
    svg = anybody.client.get(address)
    assert svg.headers["content-type"] == "image/svg+xml"
    assert svg.headers["cache-control"] == "public, max-age=30"
    assert f">{said}</text>" in svg.text
    badge: dict[str, Any] = json.loads(anybody.open(address.replace(".svg", ".json")))
    assert badge["message"] == said
    assert badge["schemaVersion"] == 1


def test_a_customer_sees_their_own_jobs_alone(trouble: Dashboard) -> None:
    address = _share(trouble.as_(), "status", "tenant", "acme")
    page = trouble.browser().open(address)
    assert "Invoice sync is behind" in page
    assert "For acme." in page
    assert "Stock levels" in page
    for secret in ("bolt", "cobalt", "the-job", "csrf", "Sign out", "sg_"):
        assert secret not in page
    other = trouble.browser().open(_share(trouble.as_("admin"), "status", "tenant", "bolt"))
    assert "Everything is on time" in other


def test_the_whole_workspace_names_no_customer(trouble: Dashboard) -> None:
    page = trouble.browser().open(_share(trouble.as_(), "status", "workspace", title="Northwind"))
    assert "Behind for 1 of 3 customers" in page
    assert "acme" not in page


def test_what_is_kept_for_all_holds_nothing_of_who_looked_first(trouble: Dashboard) -> None:
    owner = trouble.as_()
    address = _share(owner, "status", "workspace")
    answer = owner.client.get(address)
    assert "set-cookie" not in answer.headers
    assert answer.headers["cache-control"] == "public, max-age=30"
    assert "csrf" not in answer.text


def test_names_stand_there_as_text(dashboard: Dashboard) -> None:
    house = dashboard.house
    house.make_job(name=SCRIPT)
    house.check_in("success", SCRIPT)
    browser, anybody = dashboard.as_(), dashboard.browser()
    for address in (_share(browser, "badge", "job", "the-job"), _share(browser, "status", "tenant", SCRIPT)):
        page = anybody.open(address)
        assert SCRIPT not in page
        assert "&lt;script&gt;" in page


def test_what_was_switched_off_is_gone(trouble: Dashboard) -> None:
    browser = trouble.as_()
    address = _share(browser, "status", "workspace")
    link = re.search(r'action="(/sharing/[\w-]+/remove)"', browser.open("/sharing"))
    assert link
    browser.send(link[1])
    trouble.clock.moment += 6 * SECOND
    anybody = trouble.browser()
    assert "Status page not found." in anybody.open(address, 404)
    anybody.open("/badge/" + "a" * 22 + ".svg", 404)
    anybody.open("/badge/nothing", 404)


def test_a_viewer_may_look_and_not_share(trouble: Dashboard) -> None:
    _share(trouble.as_(), "status", "workspace")
    viewer = trouble.as_("viewer")
    assert "Switch off" not in viewer.open("/sharing")
    viewer.send("/sharing", 403, kind="status", target="workspace", value="", title="")


def test_who_asks_all_the_time_is_told_to_wait(trouble: Dashboard) -> None:
    address = _share(trouble.as_(), "badge", "workspace")
    anybody = trouble.browser()
    answers = [anybody.client.get(address) for _ in range(245)]
    assert {answer.status_code for answer in answers} == {200, 429}
    assert int(answers[-1].headers["retry-after"]) >= 1
    trouble.clock.moment += 60 * SECOND
    assert anybody.client.get(address).status_code == 200
