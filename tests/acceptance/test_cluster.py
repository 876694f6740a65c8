"""Three API and three worker processes on one PostgreSQL behave as one Tocsin."""

import random
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

import httpx2
import pytest
from sqlalchemy import select

from tests.acceptance import truth
from tests.acceptance.conftest import Home
from tests.support.bell import Bell
from tests.support.databases import Postgres
from tests.support.remote import Remote, post_all
from tests.support.server import Server
from tests.support.waiting import wait_until
from tocsin.clock import stopwatch
from tocsin.store.engine import Store
from tocsin.store.schema import incident_tenants, incidents, jobs, nodes, runs

pytestmark = [pytest.mark.acceptance, pytest.mark.postgresql]

ALONE = 950  # jobs of one tenant each
TENANTS = [f"tenant-{n}" for n in range(50)]
SECOND = 1_000_000
STOPPED_FOR = 20  # seconds; a node counts as dead after 10
MISSED = runs.c.outcome == "missed"
QUIET = {"consecutiveMissThreshold": 1_000, "tenantImpactThreshold": 1_000}


@dataclass
class Cluster:
    """Nodes that answer, and nodes that judge and deliver. `home` is where their database is."""

    home: Home
    apis: list[Server]
    workers: list[Server]
    api_key: str

    def remote(self, number: int = 0) -> Remote:
        return Remote(self.apis[number], self.api_key)


@contextmanager
def running(home: Home) -> Iterator[Cluster]:
    with ExitStack() as stack, ThreadPoolExecutor() as pool:
        first = stack.enter_context(home.serving("--role", "api"))
        roles = ["api", "api", "worker", "worker", "worker"]
        starting = [home.serving("--role", role) for role in roles]
        others = list(pool.map(stack.enter_context, starting))
        yield Cluster(home, [first, *others[:2]], others[2:], first.api_key)


@pytest.fixture(scope="module")
def cluster(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with postgres.database(empty=True) as url, running(Home(tmp_path_factory.mktemp("cluster"), url)) as cluster:
        urls = [api.url for api in cluster.apis]
        post_all(urls, cluster.api_key, [("tenants", {"externalId": tenant}) for tenant in TENANTS])
        yield cluster


def test_a_rotated_key_stops_on_every_node_at_once(cluster: Cluster) -> None:
    remote = cluster.remote()
    remote.job("rotated", 3600)
    old = remote.api_key
    is_over = threading.Event()

    def keep_pinging(number: int) -> list[tuple[int, int]]:
        pinging, told = Remote(cluster.apis[number], old), []
        while not is_over.is_set():
            sent_at = watch()
            answer = pinging.call("POST", "jobs/rotated/ping", {"tenantId": TENANTS[0], "status": "success"})
            told.append((sent_at, answer.status_code))
        return told

    watch = stopwatch()
    with ThreadPoolExecutor() as pool:
        pinging = [pool.submit(keep_pinging, number) for number in range(3)]
        time.sleep(0.5)
        cluster.api_key = remote.ok("POST", "workspaces/rotate-key")["apiKey"]
        rotated_at = watch()
        time.sleep(0.5)
        is_over.set()
    for told in (future.result() for future in pinging):
        assert {status for sent_at, status in told if sent_at < rotated_at} <= {200, 401}
        assert {status for sent_at, status in told if sent_at >= rotated_at} == {401}
        assert told[0][1] == 200
    for number in range(3):
        cluster.remote(number).ping("rotated", TENANTS[0])


def test_a_node_that_hangs_is_waited_for(cluster: Cluster) -> None:
    cluster.remote().job("hanging", 7, grace=1)
    with cluster.home.store() as store, stuck_pings(cluster, "hanging", store, after=5) as waiting:
        time.sleep(5)  # every deadline has passed that the pings in the queue are in time for
        cluster.apis[2].resume()
        assert Counter(future.result() for future in waiting) == {200: len(TENANTS)}
        assert cluster.remote().incidents("hanging", "all") == []
        assert missed_streams(store, "hanging") == set()


def test_a_stopped_node_makes_no_false_miss(cluster: Cluster) -> None:
    stopped = cluster.apis[2]
    for job_key in ("elsewhere", "stuck"):
        cluster.remote().job(job_key, 3, grace=1, **QUIET)
    with cluster.home.store() as store, Elsewhere(cluster) as elsewhere:
        with stuck_pings(cluster, "stuck", store) as waiting:
            time.sleep(STOPPED_FOR)
            missed = missed_streams(store, "stuck")
            stopped.resume()
            assert Counter(future.result() for future in waiting) == {503: len(TENANTS)}
            for tenant in TENANTS:
                wait_until(partial(is_heard, cluster, stopped, tenant), 5, "the node to join again")
        assert len(missed) == len(TENANTS)  # unheard is unheard: nobody waits for ever
        elsewhere.stop()
        assert elsewhere.faults == []
        assert truth.wrong_misses(store) == []
        assert {row["outcome"] for row in truth.rows(store, select(runs))} == {"ok", "missed"}


@contextmanager
def stuck_pings(cluster: Cluster, job_key: str, store: Store, after: int = 0) -> Iterator[list[Future[int]]]:
    """All tenants ping; `after` seconds they do so again, over the third node, which stops with that in its queue.

    When the block ends, it goes on, and the job is paused.
    """
    remote, stopped = cluster.remote(), cluster.apis[2]
    for tenant in TENANTS:
        remote.ping(job_key, tenant)
    time.sleep(after)
    with ThreadPoolExecutor(len(TENANTS)) as pool:
        try:
            with store.write() as connection:  # while its row is locked, that node can commit nothing
                connection.execute(select(nodes).where(nodes.c.number == number_of(stopped)).with_for_update())
                time.sleep(0.5)  # its next heartbeat is stuck now, and everything queues behind that
                waiting = [pool.submit(ping_status, cluster, stopped, job_key, tenant) for tenant in TENANTS]
                wait_until(lambda: queue_depth(stopped) == len(TENANTS), 5, "all pings to queue")
                stopped.pause()
            yield waiting
        finally:
            stopped.resume()
    remote.ok("PATCH", f"jobs/{job_key}", {"isActive": False})


def missed_streams(store: Store, job_key: str) -> set[int]:
    query = select(runs.c.stream_id).join(jobs, jobs.c.id == runs.c.job_id)
    return {r["stream_id"] for r in truth.rows(store, query.where(jobs.c.job_key == job_key, MISSED))}


class Elsewhere:
    """All tenants of another job, heard every second over the other nodes; `faults` are pings not acknowledged soon."""

    def __init__(self, cluster: Cluster) -> None:
        self.faults: list[str] = []
        self._cluster = cluster
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Elsewhere":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        remotes = [self._cluster.remote(number) for number in range(2)]
        while not self._stopped.is_set():
            for n, tenant in enumerate(TENANTS):
                took = stopwatch()
                ping = {"tenantId": tenant, "status": "success"}
                status = remotes[n % 2].call("POST", "jobs/elsewhere/ping", ping).status_code
                if status != 200 or took() > 5 * SECOND:
                    self.faults.append(f"{tenant}: {status} after {took() / SECOND:.1f} s")
            self._stopped.wait(1)


def ping_status(cluster: Cluster, server: Server, job_key: str, tenant: str) -> int:
    ping = {"tenantId": tenant, "status": "success"}
    with Remote(server, cluster.api_key).client as client:
        return client.post(f"jobs/{job_key}/ping", json=ping, timeout=STOPPED_FOR + 10).status_code


def is_heard(cluster: Cluster, server: Server, tenant: str) -> bool:
    return ping_status(cluster, server, "stuck", tenant) == 200


def number_of(server: Server) -> int:
    return int(re.findall(r'"node": (\d+)', server.output)[-1])


def queue_depth(server: Server) -> float:
    metrics = httpx2.get(f"{server.url}/metrics").text
    return float(re.findall(r"^tocsin_queue_depth (\S+)", metrics, re.MULTILINE)[0])


def test_a_thousand_streams_fall_silent_and_each_job_has_one_incident(cluster: Cluster, the_bell: Bell) -> None:
    remote = cluster.remote()
    remote.ok("PUT", "workspaces/me/channels/webhook", the_bell.webhook)
    urls = [api.url for api in cluster.apis]
    keys = [f"alone-{n}" for n in range(ALONE)]
    job = {"name": "Alone", "expectedIntervalSeconds": 8, "gracePeriodSeconds": 0}
    job |= {"consecutiveMissThreshold": 1, "failureThreshold": 1}
    post_all(urls, cluster.api_key, [("jobs", {"jobKey": key, **job}) for key in keys])
    remote.job("together", 8, tenantScope="all")
    pings = [(f"jobs/{key}/ping", {"tenantId": random.choice(TENANTS), "status": "success"}) for key in keys]
    post_all(urls, cluster.api_key, pings)
    time.sleep(6)
    # Some fail on one node while their silence is judged on another.
    post_all(urls, cluster.api_key, [(path, {**ping, "status": "failure"}) for path, ping in pings[:200]])

    wait_until(lambda: len(the_bell.heard("opened")) > ALONE, 60, "every job's alert")
    with cluster.home.store() as store:
        wait_until(lambda: truth.is_told(store), 20, "all to be told")
        assert truth.was_told(the_bell.rings) == truth.should_be_told(store)
        one_incident_each(store, {**dict.fromkeys(keys, 1), "together": len(TENANTS)})
    assert len({ring.id for ring in the_bell.rings}) == len(the_bell.rings)
    [together] = the_bell.heard("opened", "together")
    assert together.data["tenantCount"] == len(TENANTS)
    assert set(together.tenants) <= set(TENANTS)
    assert the_bell.complaints == []


def one_incident_each(store: Store, affected: dict[str, int]) -> None:
    """One incident for each job, and in it as many tenants as `affected` says."""
    found = truth.rows(store, select(incidents.c.job_key, incidents.c.tenant_count))
    assert sorted((row["job_key"], row["tenant_count"]) for row in found) == sorted(affected.items())
    joined = select(incidents.c.job_key).join(incident_tenants, incident_tenants.c.incident_id == incidents.c.id)
    assert Counter(row["job_key"] for row in truth.rows(store, joined)) == affected
