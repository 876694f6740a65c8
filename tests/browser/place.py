"""A place to look at: Northwind Cloud on a real server, with the people who go there."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, StorageState
from structlog.testing import capture_logs

from tests.browser.people import OWNER, claim
from tests.browser.visit import context
from tests.support import northwind_live
from tests.support.northwind import HOSTILE, Northwind
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


@contextmanager
def northwind_cloud(browser: Browser, folder: Path, trying: Mapping[str, str] = HOSTILE) -> Iterator[Place]:
    """Claimed by its owner; `trying` are the tenants whose names make it hard for a page."""
    with town(northwind_live.answer) as receivers:
        story = Northwind(folder, receivers.http.url, trying)
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
