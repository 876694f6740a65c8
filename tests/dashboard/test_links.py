"""Every link leads somewhere: from each page of the dashboard, for those who may do anything and those who may look."""

import re
from html import unescape
from urllib.parse import parse_qsl, urldefrag, urljoin, urlsplit

import pytest

from tests.dashboard.conftest import Browser, Dashboard
from tests.support.house import NOON
from tocsin.dashboard.pages import AREAS
from tocsin.domain.model import SECOND

ROOT = "http://localhost/"
ODD = "50 % off/<b>&?#é"
_LINK = re.compile(r'<a\b[^>]*?\shref="([^"]*)"')
_MOST = 1_000
#: Areas that pages lead to already, each until it has a page of its own: from then on all its links are followed.
_TO_COME = {
    "/account", "/channels", "/deliveries", "/events", "/jobs/", "/maintenance", "/patterns", "/rejections", "/runs",
    "/settings", "/tenants", "/trends",
}  # fmt: skip
Shape = tuple[str, tuple[str, ...]]


def _furnish(dashboard: Dashboard) -> None:
    """Something of everything, under odd names too."""
    house = dashboard.house
    house.make_job(name="Invoice sync", failure_threshold=1)
    house.make_job(job_key="half-off", name=ODD)
    for tenant in ("acme", "bolt", "Cobalt & Söhne"):
        house.check_in("success", tenant)
    house.check_in("success", "acme", job="half-off")
    house.pass_time(600)
    house.check_in("start", "bolt")
    house.check_in("failure", "acme")
    house.report(tenant="acme", integration="crm-connector")
    house.pass_time(4000)
    dashboard.clock.moment = NOON + 4000 * SECOND


def _shape(address: str) -> Shape:
    """Addresses that differ only in what they ask for are one page."""
    parts = urlsplit(address)
    return parts.path, tuple(sorted({name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}))


def _links(page: str, address: str) -> list[str]:
    found = (urldefrag(urljoin(address, unescape(link)))[0] for link in _LINK.findall(page))
    return [link for link in found if link.startswith(ROOT) and not urlsplit(link).path.startswith(_absent())]


def _absent() -> tuple[str, ...]:
    there = [path for pages in AREAS for path, _ in pages.addresses()]
    return tuple(area for area in _TO_COME if not any(path.startswith(area) for path in there))


def _walk(browser: Browser) -> dict[str, int]:
    """Each page that can be reached, with its status; what leads nowhere with the page that leads there."""
    starts = [urljoin(ROOT, path) for pages in AREAS for path, _ in pages.addresses() if "{" not in path]
    waiting, seen, found = [(start, "") for start in starts], {_shape(start) for start in starts}, dict[str, int]()
    while waiting:
        address, linked_from = waiting.pop()
        answer = browser.client.get(address, headers={"accept": "text/html"})
        found[f"{address} on {linked_from}" if answer.status_code >= 400 else address] = answer.status_code
        assert len(found) < _MOST, "The pages have no end: " + address
        if "text/html" in answer.headers.get("content-type", ""):
            for link in _links(answer.text, str(answer.url)):
                if _shape(link) not in seen:
                    seen.add(_shape(link))
                    waiting.append((link, address))
    return found


@pytest.mark.parametrize(("role", "may"), [("owner", {200}), ("viewer", {200, 403})])
def test_every_link_leads_somewhere(dashboard: Dashboard, role: str, may: set[int]) -> None:
    _furnish(dashboard)
    found = _walk(dashboard.as_(role))
    assert {where: status for where, status in found.items() if status not in may} == {}
    assert len(found) > len(AREAS)
