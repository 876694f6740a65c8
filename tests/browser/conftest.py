"""A browser, and Northwind Cloud to look at with it: both made once for the tests of a file."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, StorageState
from structlog.testing import capture_logs

from tests.browser import chromium
from tests.browser.people import OWNER, claim
from tests.browser.visit import context
from tests.support import northwind_live
from tests.support.northwind import Northwind
from tests.support.remote import Remote
from tests.support.server import Server, serving
from tests.support.town import town


@dataclass
class Place:
    """A server to look at. `owner`: what a browser remembers in which the owner is signed in."""

    server: Server
    remote: Remote
    owner: StorageState

    @property
    def url(self) -> str:
        return self.server.url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Not for the whole session: Playwright keeps an event loop running in this thread, which others start their own in.
    with chromium.launched() as one:
        yield one


@pytest.fixture(scope="module")
def northwind(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Northwind Cloud on a real server, claimed by its owner."""
    folder = tmp_path_factory.mktemp("northwind")
    with town(northwind_live.answer) as receivers:
        story = Northwind(folder, receivers.http.url)
        with capture_logs():  # of incidents long past: nobody looking for a fault wants them
            story.tell()
        token = story.chronicle.claim_token(story.now)
        with serving(folder, **receivers.settings) as server:
            remote = Remote(server, story.chronicle.api_key)
            northwind_live.live(story, remote)
            with context(browser, server.url) as window:
                claim(window.new_page(), f"/claim#{token}", OWNER)
                owner = window.storage_state()
            yield Place(server, remote, owner)
            assert _complaints(server) == []


def _complaints(server: Server) -> list[str]:
    """What the server said went wrong."""
    return [line for line in server.output.splitlines() if '"level": "error"' in line or "Traceback" in line]
