"""Six hours during which Tocsin does not run: nobody is accused of them, and a silence that goes on is noticed."""

import signal
import time

import pytest
from sqlalchemy import select, update

from tests.acceptance import truth
from tests.acceptance.conftest import Home
from tests.support.bell import Bell
from tests.support.remote import Remote, post_all
from tests.support.server import Server
from tests.support.waiting import wait_until
from tocsin.clock import SystemClock
from tocsin.store.engine import Store
from tocsin.store.schema import incidents, jobs, log_entries, metadata, runs, streams
from tocsin.wire_time import parse_iso

pytestmark = pytest.mark.acceptance

SECOND = 1_000_000
AWAY = 6 * 3600 * SECOND
INTERVAL = 50 * 60  # seconds; we come back in the midst of it
TENANTS = [f"tenant-{n}" for n in range(50)]
REGULAR = [f"regular-{n}" for n in range(20)]
ENDS = [
    pytest.param("sqlite", signal.SIGKILL, id="sqlite"),
    pytest.param("postgresql", signal.SIGTERM, id="postgresql", marks=pytest.mark.postgresql),
]


@pytest.mark.parametrize(("home", "end"), ENDS, indirect=["home"])
def test_nobody_is_accused_of_our_own_absence(home: Home, the_bell: Bell, end: signal.Signals) -> None:
    with home.serving() as server:
        api_key = prepare(server, the_bell)
        time.sleep(1.5)  # longer than between two heartbeats: the last thing known is that we were alive
        Remote(server).ping("dead", TENANTS[0])
        server.stop(end)
    with home.store() as store:
        let_pass(store, AWAY)
    back_at = SystemClock().now()
    with home.serving() as server, home.store() as store:
        ring = the_bell.wait("opened")
        wait_until(lambda: not due_before(store, back_at), 5, "all to be judged that was due meanwhile")
        remote = Remote(server, api_key)
        nobody_was_accused(store)
        assert remote.ok("GET", "jobs/regular-0/streams")["items"][0]["missedRuns"] == 0
        assert remote.ok("GET", "jobs/regular-0")["status"] == "up"
    # What is silent since before we left, and still is, is noticed by what it misses after we came back.
    assert back_at < parse_iso(ring.timestamp) < back_at + 15 * SECOND
    assert ring.at < parse_iso(ring.timestamp) + 2 * SECOND
    assert [r.data["job"]["jobKey"] for r in the_bell.rings] == ["dead"]


def prepare(server: Server, the_bell: Bell) -> str:
    """A thousand streams that are due every 50 minutes, and one, soon dead, that is due every 2 seconds."""
    remote = Remote(server)
    remote.ok("PUT", "workspaces/me/channels/webhook", the_bell.webhook)
    post_all([server.url], server.api_key, [("tenants", {"externalId": tenant}) for tenant in TENANTS])
    for job_key in REGULAR:
        remote.job(job_key, INTERVAL, grace=60)
    ping = {"status": "success"}
    pings = [(f"jobs/{job}/ping", {**ping, "tenantId": tenant}) for job in REGULAR for tenant in TENANTS]
    post_all([server.url], server.api_key, pings)
    remote.job("dead", 2)
    return server.api_key


def let_pass(store: Store, duration: int) -> None:
    """Whatever is known happened so much longer ago; nobody was there meanwhile."""
    with store.write() as connection:
        for table in metadata.sorted_tables:
            moments = [c for c in table.columns if c.name == "at" or c.name.endswith("_at")]
            if moments:
                connection.execute(update(table).values({c.name: c - duration for c in moments}))


def due_before(store: Store, moment: int) -> bool:
    return bool(truth.rows(store, select(streams.c.id).where(streams.c.check_at < moment).limit(1)))


def nobody_was_accused(store: Store) -> None:
    """Every regular stream has its unknown runs and nothing else that counts; the log says why, once."""
    query = select(jobs.c.job_key, runs.c.stream_id, runs.c.outcome).join(jobs, jobs.c.id == runs.c.job_id)
    found = [row for row in truth.rows(store, query) if row["job_key"] in REGULAR]
    assert {row["outcome"] for row in found} == {"ok", "unknown"}
    assert len({row["stream_id"] for row in found if row["outcome"] == "unknown"}) == len(REGULAR) * len(TENANTS)
    assert [row["job_key"] for row in truth.rows(store, select(incidents))] == ["dead"]
    assert [row["kind"] for row in truth.rows(store, select(log_entries))] == ["system"]
