"""From the link of the first start to an incident that is told of, seen live, taken in hand and resolved."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.people import OWNER, claim
from tests.browser.visit import context
from tests.support.receiver import Receiver
from tests.support.remote import Remote
from tests.support.server import Server, serving
from tests.support.town import town
from tests.support.waiting import wait_until
from tocsin.clock import SystemClock
from tocsin.domain.model import SECOND
from tocsin.wire_time import parse_iso

pytestmark = pytest.mark.acceptance
#: From a deadline to the page that shows it as missed: judged within a second, shown within another.
_LIVE_SECONDS = 2.0
_INTERVAL, _GRACE = 4, 1


@dataclass
class Stage:
    page: Page
    remote: Remote
    receiver: Receiver

    def told(self) -> list[str]:
        """The kinds of alerts that the receiver got, oldest first."""
        return [json.loads(one.body)["type"] for one in list(self.receiver.received)]

    @property
    def verdict(self) -> Locator:
        return self.page.get_by_role("heading", level=1)


@pytest.fixture
def stage(browser: Browser, tmp_path: Path) -> Iterator[Stage]:
    """A server just started for the first time, and its owner, who came in by the link that it printed."""
    with town() as receivers, serving(tmp_path, **receivers.settings) as server, context(browser, server.url) as window:
        page = window.new_page()
        claim(page, _link(server), OWNER)
        yield Stage(page, Remote(server), receivers.http)
        assert "Traceback" not in server.output, server.output


def _link(server: Server) -> str:
    found = re.search(r"http\S+/claim#\S+", server.output)
    return found[0] if found else server.wait_for(r"(http\S+/claim#\S+)")


def test_a_missed_run_turns_red_live_and_is_taken_in_hand_and_resolved(stage: Stage) -> None:
    expect(stage.verdict).to_have_text("Nothing has reported yet")
    stage.remote.ok("PUT", "workspaces/me/channels/webhook", {"config": {"url": f"{stage.receiver.url}/hook"}})
    stage.remote.tenant("acme-corp")
    stage.remote.job("hourly-sync", seconds=_INTERVAL, grace=_GRACE)
    heard_at = parse_iso(stage.remote.ping("hourly-sync", "acme-corp")["receivedAt"])
    expect(stage.verdict).to_have_text("All is well")
    stage.page.evaluate("window.isTheSamePage = true")

    expect(stage.verdict).to_have_text("1 of 1 tenant is not being served", timeout=10_000)
    seen_after = (SystemClock().now() - heard_at) / SECOND
    assert seen_after <= _INTERVAL + _GRACE + _LIVE_SECONDS
    assert stage.page.evaluate("window.isTheSamePage")
    wait_until(lambda: stage.told() == ["incident.opened"], 10, "the alert")

    stage.remote.ok("PATCH", "jobs/hourly-sync", {"expectedIntervalSeconds": 3600})
    stage.remote.ping("hourly-sync", "acme-corp", runId="at-last")  # a run of its own, so soon after the first
    expect(stage.verdict).to_have_text("1 incident is open", timeout=10_000)
    _take_in_hand(stage)
    _resolve(stage)


def _take_in_hand(stage: Stage) -> None:
    stage.page.goto(f"/incidents/{stage.remote.incidents('hourly-sync')[0]['id']}")
    stage.page.get_by_role("button", name="Acknowledge").click()
    asked = stage.page.locator("#ack")
    asked.get_by_label("Note").fill("Rotating the token.")
    asked.get_by_role("button", name="Acknowledge").click()
    owner = stage.page.locator("#inc-owner")
    expect(owner).to_contain_text("Rotating the token.")
    expect(owner).to_contain_text(OWNER.name)


def _resolve(stage: Stage) -> None:
    stage.page.get_by_role("button", name="Resolve…").click()
    stage.page.locator("#resolve").get_by_role("button", name="Resolve").click()
    expect(stage.verdict).to_have_text("Hourly-Sync is well again; 1 tenant was hit")
    wait_until(lambda: stage.told()[-1] == "incident.resolved", 10, "the all-clear")
