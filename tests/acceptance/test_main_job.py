"""What Tocsin is for: two customers' scripts ping, one falls silent, people hear of it once, it comes back."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.acceptance.conftest import Home
from tests.support.bell import Bell
from tests.support.remote import Remote
from tests.support.server import Server
from tests.support.waiting import stalls, wait_until
from tocsin.clock import SystemClock, stopwatch
from tocsin.wire_time import parse_iso

pytestmark = pytest.mark.acceptance

SECOND = 1_000_000
#: Of the job. The scripts ping twice a second, so that one of them is never silent for so long but on purpose.
EVERY, GRACE = 6, 4
WINDOW = (EVERY + GRACE) * SECOND


class Cron:
    """A customer's script: pings twice a second until it is stopped. `first_at` and `last_at` are receipts it was
    given."""

    def __init__(self, remote: Remote, tenant: str) -> None:
        self.first_at = self.last_at = 0
        self._remote = remote
        self._tenant = tenant
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        self._stopped.set()
        self._thread.join()
        return self.last_at

    def _run(self) -> None:
        while not self._stopped.is_set():
            self.last_at = parse_iso(self._remote.ping("nightly", self._tenant)["receivedAt"])
            self.first_at = self.first_at or self.last_at
            self._stopped.wait(0.5)


@contextmanager
def crons(server: Server, *tenants: str) -> Iterator[list[Cron]]:
    running = [Cron(Remote(server), tenant) for tenant in tenants]
    try:
        yield running
    finally:
        for cron in running:
            cron.stop()


def test_one_falls_silent_and_comes_back(home: Home, the_bell: Bell) -> None:
    with home.serving() as server:
        remote = Remote(server)
        prepare(remote, the_bell)
        with crons(server, "acme", "globex") as (_, globex):
            deadline = wait_until(lambda: globex.last_at, 30, "the first ping") and globex.stop() + WINDOW
            incident = falls_silent(remote, deadline)
            assert the_bell.wait("opened").incident == incident["id"]
            assert readiness(server) == 200
            back_at = comes_back(server, remote, incident["id"])
        story(remote, incident["id"], deadline, back_at)
        once_each(the_bell, incident["id"])
        the_owner_sees_it(server, incident["id"])
        assert server.stop() == 0
    assert '"level": "error"' not in server.output


def prepare(remote: Remote, the_bell: Bell) -> None:
    remote.windows(1, 1, 1)
    remote.ok("PUT", "workspaces/me/channels/webhook", the_bell.webhook)
    remote.ok("PUT", "workspaces/me/channels/webhook/dead", the_bell.dead_webhook)
    remote.ok("PUT", "workspaces/me/channels/slack", the_bell.slack_channel)
    for tenant in ("acme", "globex"):
        remote.tenant(tenant)
    remote.job("nightly", EVERY, grace=GRACE)


def falls_silent(remote: Remote, deadline: int) -> dict[str, Any]:
    """The incident opens for exactly that tenant, within a second of its deadline and never before it; what this
    machine stood still in between, nobody could have used."""
    clock = SystemClock()
    with stalls() as stalled:
        [incident] = wait_until(lambda: remote.incidents("nightly"), 60, "the incident")
        assert deadline <= clock.now() <= deadline + SECOND + stalled()
    assert parse_iso(incident["openedAt"]) == deadline
    assert (incident["status"], incident["tenantCount"], incident["missedRuns"]) == ("Open", 1, 1)
    assert [tenant["externalId"] for tenant in incident["affectedTenants"]] == ["globex"]
    assert remote.ok("GET", "jobs/nightly")["status"] == "down"
    return dict(incident)


def comes_back(server: Server, remote: Remote, incident_id: str) -> int:
    """When it came back; the incident has become Recovering, and then Closed."""
    with crons(server, "globex") as (globex,):
        first_at = wait_until(lambda: globex.first_at, 30, "the first ping")
        for status in ("Recovering", "Closed"):
            wait_until(partial(has_been, remote, incident_id, status), 30, status)
        assert remote.ok("GET", "jobs/nightly")["status"] == "up"
        remote.ok("PATCH", "jobs/nightly", {"isActive": False})  # nobody pings from here on
    return first_at


def has_been(remote: Remote, incident_id: str, status: str) -> bool:
    timeline = remote.ok("GET", f"incidents/{incident_id}/timeline")
    return any(change["toStatus"] == status for change in timeline)


def story(remote: Remote, incident_id: str, deadline: int, back_at: int) -> None:
    timeline = remote.ok("GET", f"incidents/{incident_id}/timeline")
    assert [(t["fromStatus"], t["toStatus"], t["reason"], parse_iso(t["occurredAt"])) for t in timeline] == [
        (None, "Open", "1 tenant missed nightly", deadline),
        ("Open", "Recovering", "No events for 1 s", back_at + SECOND),
        ("Recovering", "Closed", "Stable for 1 s", back_at + 2 * SECOND),
    ]
    missed = remote.ok("GET", "jobs/nightly/runs", params={"outcome": "missed"})["items"]
    assert {run["tenantId"] for run in missed} == {"globex"}


def once_each(the_bell: Bell, incident_id: str) -> None:
    the_bell.wait("resolved")
    wait_until(lambda: len(the_bell.slack) == 2, 30, "Slack to hear of both")
    assert [ring.kind for ring in the_bell.rings] == ["incident.opened", "incident.resolved"]
    assert [ring.tenants for ring in the_bell.rings] == [["globex"], ["globex"]]
    titles = [message["blocks"][0]["text"]["text"] for message in the_bell.slack]
    assert titles == ["Nightly missed a run for globex", "Resolved: Nightly"]
    assert all(incident_id in message["text"] for message in the_bell.slack)
    assert the_bell.complaints == []


def the_owner_sees_it(server: Server, incident_id: str) -> None:
    found = re.search(r"/claim#(\S+)", server.output)
    assert found
    claim = {"email": "owner@example.com", "password": "correct horse battery staple", "claimToken": found[1]}
    token = Remote(server).ok("POST", "auth/register", claim)["token"]
    owner = {"Authorization": f"Bearer {token}"}
    answer = httpx2.get(f"{server.url}/api/v1/incidents/{incident_id}", headers=owner)
    assert answer.json()["data"]["jobKey"] == "nightly"


def readiness(server: Server) -> int:
    return httpx2.get(f"{server.url}/readyz").status_code


def test_a_rotated_key_is_dead_at_once(home: Home) -> None:
    with home.serving() as server:
        remote = Remote(server)
        remote.tenant("acme")
        remote.job("nightly", 3600)
        for _ in range(5):
            remote.ping("nightly", "acme")
            renewed = Remote(server, remote.ok("POST", "workspaces/rotate-key")["apiKey"])
            ping = {"tenantId": "acme", "status": "success"}
            assert remote.refused("POST", "jobs/nightly/ping", ping)[0] == 401
            assert remote.refused("GET", "jobs")[0] == 401
            remote = renewed


def test_pings_under_way_are_answered_before_it_stops(home: Home) -> None:
    with home.serving() as server:
        remote = Remote(server)
        remote.tenant("acme")
        remote.job("nightly", 3600)
        under_way = [Halfway(server, n) for n in range(20)]
        endless = Halfway(server, 99)
        time.sleep(0.2)
        took = stopwatch()
        ending = threading.Thread(target=server.stop)
        ending.start()
        time.sleep(0.5)
        statuses = [ping.finish() for ping in under_way]
        ending.join()
        assert statuses == [200] * 20
        assert (server.process.returncode, took() < 10 * SECOND) == (0, True)
        endless.socket.close()
    with home.serving() as server:
        remote = Remote(server, remote.api_key)
        assert remote.ok("GET", "jobs/nightly/runs")["total"] == 20


class Halfway:
    """A ping of which the second half of the body is still to come."""

    def __init__(self, server: Server, number: int) -> None:
        address = urlsplit(server.url)
        body = b'{"tenantId": "acme", "status": "success", "runId": "run-%d"}' % number
        head = (
            f"POST /api/v1/jobs/nightly/ping HTTP/1.1\r\nHost: {address.netloc}\r\nX-Api-Key: {server.api_key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self.socket = socket.create_connection((address.hostname or "", address.port or 0), timeout=10)
        self.socket.sendall(head.encode() + body[:20])
        self._rest = body[20:]

    def finish(self) -> int:
        """Its status."""
        with self.socket:
            self.socket.sendall(self._rest)
            return int(self.socket.recv(4096).split()[1])
