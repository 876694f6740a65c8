"""A live page over the wire: a missed run is told of within two seconds, and a node with open pages stops at once."""

import re
from pathlib import Path

import httpx2
import pytest

from tests.support.databases import Postgres
from tests.support.server import Server, serving
from tocsin.clock import stopwatch

pytestmark = pytest.mark.acceptance

SECOND = 1_000_000
PERSON = {"email": "mara@example.com", "name": "Mara", "password": "correct horse battery staple"}


def test_who_looks_is_told(tmp_path: Path) -> None:
    with serving(tmp_path) as server, httpx2.Client(base_url=server.url, trust_env=False, timeout=30) as browser:
        _hear_of_a_missed_run(server, browser)
        stopping = stopwatch()
        assert server.stop() == 0
        assert stopping() < 4 * SECOND


@pytest.mark.postgresql
def test_who_looks_is_told_of_what_another_node_found(tmp_path: Path, postgres: Postgres) -> None:
    with (
        postgres.database(empty=True) as url,
        serving(tmp_path, "--role", "api", database_url=url) as api,
        serving(tmp_path, "--role", "worker", database_url=url),
        httpx2.Client(base_url=api.url, trust_env=False, timeout=30) as browser,
    ):
        _hear_of_a_missed_run(api, browser)


def _hear_of_a_missed_run(server: Server, browser: httpx2.Client) -> None:
    """Within two seconds of its deadline, which is two after its first check-in."""
    claim = re.search(r"/claim#(\S+)", server.output)
    token = re.search(r'name="csrf" content="([^"]+)"', browser.get("/claim").text)
    assert claim
    assert token
    assert browser.post("/claim", data={"csrf": token[1], "token": claim[1], **PERSON}).status_code == 303
    api = server.client()
    job = {"jobKey": "tick", "name": "Tick", "expectedIntervalSeconds": 1, "gracePeriodSeconds": 1}
    assert api.post("jobs", json={**job, "consecutiveMissThreshold": 1}).status_code == 201
    assert api.post("tenants", json={"externalId": "acme"}).status_code == 201
    with browser.stream("GET", "/live") as stream:
        lines = stream.iter_lines()
        assert "event: hello" in [next(lines) for _ in range(2)]
        since_ping = stopwatch()
        assert api.post("jobs/tick/ping", json={"tenantId": "acme", "status": "success"}).status_code == 200
        change = "0"
        while "not being served" not in _verdict(browser, change):
            while next(lines) != "event: change":
                pass
            change = next(lines).removeprefix("data: ")
        assert since_ping() < (2 + 2) * SECOND


def _verdict(browser: httpx2.Client, change: str) -> str:
    found = re.search(r"<title>([^<]+)", browser.get("/", headers={"Tocsin-Live": change}).text)
    return found[1] if found else ""
