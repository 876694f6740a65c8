"""Every link leads somewhere: from each page of the dashboard, for those who may do anything and those who may look."""

import re
from html import unescape
from itertools import product
from urllib.parse import parse_qsl, urldefrag, urljoin, urlsplit

import pytest

from tests.dashboard.conftest import Answer, Browser, Dashboard
from tests.support.house import NOON
from tocsin.dashboard.pages import AREAS
from tocsin.domain.model import SECOND

ROOT = "http://localhost/"
ODD = "50 % off/<b>&?#é"
_LINK = re.compile(r'<a\b[^>]*?\shref="([^"]*)"')
_MOST = 1_000
#: Parts of addresses that may be any word; a provider is one of a few, and the ids of our own are no words.
_CALLED_BY_PEOPLE = {"{job_key}", "{tenant}", "{channel}"}
Shape = tuple[str, tuple[str, ...]]


def furnish(dashboard: Dashboard) -> None:
    """Something of everything, under odd names too."""
    house = dashboard.house
    house.make_job(name="Invoice sync", failure_threshold=1)
    house.make_job(job_key="half-off", name=ODD)
    for tenant in ("acme", "bolt", "Cobalt & Söhne", "..", ODD):
        house.check_in("success", tenant)
    for key in ("new", "preview", "settings"):
        house.make_job(job_key=key, name=key)
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
    return [link for link in found if link.startswith(ROOT)]


def walk(browser: Browser) -> dict[str, Answer]:
    """Each page that can be reached, with its answer; what leads nowhere with the page that leads there."""
    starts = [urljoin(ROOT, path) for pages in AREAS for path, _ in pages.addresses() if "{" not in path]
    waiting, seen, found = [(start, "") for start in starts], {_shape(start) for start in starts}, dict[str, Answer]()
    while waiting:
        address, linked_from = waiting.pop()
        answer = browser.client.get(address, headers={"accept": "text/html"})
        found[f"{address} on {linked_from}" if answer.status_code >= 400 else address] = answer
        assert len(found) < _MOST, "The pages have no end: " + address
        if "text/html" in answer.headers.get("content-type", ""):
            for link in _links(answer.text, str(answer.url)):
                if _shape(link) not in seen:
                    seen.add(_shape(link))
                    waiting.append((link, address))
    return found


@pytest.mark.parametrize(("role", "may"), [("owner", {200}), ("viewer", {200, 403})])
def test_every_link_leads_somewhere(dashboard: Dashboard, role: str, may: set[int]) -> None:
    furnish(dashboard)
    found = walk(dashboard.as_(role))
    assert {where: it.status_code for where, it in found.items() if it.status_code not in may} == {}
    assert len(found) > len(AREAS)


def test_no_page_takes_the_address_of_something_with_a_name() -> None:
    addresses = {path for pages in AREAS for method in ("GET", "POST") for path, _ in pages.addresses(method)}
    taken = {(one, other) for one, other in product(addresses, repeat=2) if one != other and _hides(one, other)}
    assert taken == set()


def _hides(one: str, other: str) -> bool:
    """Whether `one` is what `other` would be for something that people call so: its key, its id of their own."""
    if one.count("/") != other.count("/"):
        return False
    parts = list(zip(one.split("/"), other.split("/"), strict=True))
    return all(mine == theirs or theirs in _CALLED_BY_PEOPLE for mine, theirs in parts)
