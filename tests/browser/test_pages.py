"""Every page, looked at in a real browser: complete, quick, still, readable by everybody; and photographed."""

import pytest
from playwright.sync_api import Browser, StorageState

from tests.browser.pages import PAGES, Look
from tests.browser.place import Place
from tests.browser.screens import photograph
from tests.browser.visit import PHONE, WIDE, Visit, visiting

pytestmark = pytest.mark.acceptance

MOST_MS, MOST_BYTES, MOST_SHIFT = 500, 150_000, 0.05
#: Whatever a page loads after it is shown has come by then, and moved what it moves.
_SETTLED_MS = 300
_TRIES = 3


@pytest.mark.parametrize("look", PAGES, ids=lambda look: look.name)
def test_a_page_is_fit_to_be_seen(browser: Browser, northwind: Place, look: Look) -> None:
    path = look.on(northwind.remote)
    state = northwind.owner if look.is_signed_in else None
    with visiting(browser, northwind.url, path, state, status=look.status) as visit:
        visit.page.wait_for_timeout(_SETTLED_MS)
        faults = _at_first_sight(visit) + visit.violations()
        faults += [f"scrolls sideways {where}" for where in visit.too_wide()]
        faults += _from_all_sides(visit, look.name)
        faults += visit.faults
        painted = visit.painted
    for _ in range(_TRIES - 1):
        # The clock runs on while the machine does other things: what counts is what the page needs.
        if painted > MOST_MS:
            painted = min(painted, _painted(browser, northwind.url, path, state))
    faults += [f"shows nothing for {painted:.0f} ms"] if painted > MOST_MS else []
    assert not faults, "\n".join([f"{path}:", *faults])


def _at_first_sight(visit: Visit) -> list[str]:
    faults = []
    if visit.transferred > MOST_BYTES:
        faults.append(f"transfers {visit.transferred:,} bytes")
    if visit.shift > MOST_SHIFT:
        faults.append(f"shifts by {visit.shift:.3f}")
    return faults


def _from_all_sides(visit: Visit, name: str) -> list[str]:
    """Wide and as a phone shows it, light and dark: photographed, and checked for barriers in every theme."""
    faults = []
    for size, schemes in {WIDE: ("dark", "light"), PHONE: ("light", "dark")}.items():
        form = "wide" if size == WIDE else "phone"
        for scheme in schemes:
            visit.look(size, scheme)
            photograph(visit.page, name, form, scheme)
        faults += [f"{form}, {schemes[-1]}: {barrier}" for barrier in visit.barriers()]
    return faults


def _painted(browser: Browser, url: str, path: str, state: StorageState | None) -> float:
    with visiting(browser, url, path, state) as visit:
        return visit.painted
