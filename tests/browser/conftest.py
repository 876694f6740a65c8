"""A browser, and Northwind Cloud to look at with it: both made once for the tests of a file."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser import chromium
from tests.browser.place import Place, northwind_cloud


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Not for the whole session: Playwright keeps an event loop running in this thread, which others start their own in.
    with chromium.launched() as one:
        yield one


@pytest.fixture(scope="module")
def northwind(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with northwind_cloud(browser, tmp_path_factory.mktemp("northwind")) as place:
        yield place
