"""From the link that the first start prints to an incident told of, seen, taken in hand and resolved: all in the page."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.people import OWNER, claim
from tests.browser.visit import context
from tests.support.receiver import Receiver
from tests.support.remote import Remote
from tests.support.server import Server, serving
from tests.support.town import town
from tests.support.waiting import wait_until

pytestmark = pytest.mark.acceptance
#: A deadline is judged within a second; the page has to show it within another.
_LIVE_SECONDS = 2.0


@dataclass
class Stage:
    page: Page
    remote: Remote
    receiver: Receiver

    def told(self) -> list[str]:
        """The kinds of alerts that the receiver got, oldest first."""
        return [json.loads(one.body)["type"] for one in list(self.receiver.received)]


@pytest.fixture
def stage(browser: Browser, tmp_path: Path) -> Iterator[Stage]:
    """A server just started for the first time, and a browser that has never been there."""
    with town() as receivers, serving(tmp_path, **receivers.settings) as server, context(browser, server.url) as window:
        claim(window.new_page(), _link(server), OWNER)
        yield Stage(window.pages[0], Remote(server), receivers.http)
        assert "Traceback" not in server.output, server.output


def _link(server: Server) -> str:
    found = re.search(r"http\S+/claim#\S+", server.output)
    return found[0] if found else server.wait_for(r"(http\S+/claim#\S+)")


def test_a_missed_run_is_seen_taken_in_hand_and_resolved(stage: Stage) -> None:
    page, remote = stage.page, stage.remote
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing has reported yet")
    remote.ok("PUT", "workspaces/me/channels/webhook", {"config": {"url": f"{stage.receiver.url}/hook"}})
    remote.tenant("acme-corp")
    remote.job("hourly-sync", seconds=3, grace=1)
    ping = remote.ping("hourly-sync", "acme-corp")

    expect(page.get_by_role("heading", level=1)).to_have_text("All is well", timeout=10_000)
    expect(page.get_by_role("heading", level=1)).to_have_text("1 of 1 tenant is not being served", timeout=10_000)
    assert _seconds_after(ping["receivedAt"], page) <= 4 + _LIVE_SECONDS

    wait_until(lambda: stage.told() == ["incident.opened"], 10, "the alert")
    page.get_by_role("link", name="Hourly-Sync").click()
