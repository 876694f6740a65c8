"""What integrations report: one curl opens an incident, people hear of it once, over restarts and on several nodes."""

import json
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from tests.acceptance import truth
from tests.acceptance.conftest import Home
from tests.support.bell import Bell
from tests.support.remote import Remote, post_all
from tests.support.server import Server
from tests.support.waiting import wait_until
from tocsin.store.engine import Store
from tocsin.store.schema import alerts, events, incident_tenants, incidents

pytestmark = pytest.mark.acceptance

AUTH = {"integrationKey": "payments-service", "eventType": "token_refresh_failed", "errorCode": "401"}
SPIKE = {"integrationKey": "payments-service", "eventType": "webhook_failed"}
PATTERN = "patterns/webhook_failure_spike"


def curl(server: Server, body: dict[str, Any]) -> Any:
    """As the quick start does it."""
    key = f"X-Api-Key: {server.api_key}"
    command = ["curl", "-s", f"{server.url}/api/v1/events", "-H", key, "-H", "Content-Type: application/json"]
    answer = subprocess.run([*command, "-d", json.dumps(body)], capture_output=True, timeout=30, check=True)
    return json.loads(answer.stdout)


def test_one_curl_rings_once(home: Home, the_bell: Bell) -> None:
    with home.serving() as server:
        remote = Remote(server)
        remote.ok("PUT", "workspaces/me/channels/webhook", the_bell.webhook)
        told = curl(server, {**AUTH, "tenantId": "acme-corp"})["data"]
        assert (told["incidentStatus"], told["patternId"], told["confidence"]) == ("Open", "auth_failure", "High")
        assert (told["isNewIncident"], told["affectedTenants"]) == (True, ["acme-corp"])
        ring = the_bell.wait("opened")
        assert (ring.incident, ring.tenants) == (told["incidentId"], ["acme-corp"])
        assert (ring.data["job"], ring.data["incident"]["integrationKey"]) == (None, "payments-service")
        again = curl(server, {**AUTH, "tenantId": "acme-corp"})["data"]
        assert (again["incidentId"], again["isNewIncident"]) == (told["incidentId"], False)
        joined = curl(server, {**AUTH, "tenantId": "beta-ltd"})["data"]
        assert (joined["affectedTenants"], joined["tenantCount"]) == (["acme-corp", "beta-ltd"], 2)
        the_bell.wait("blast_radius_expanded")
        remote.ok("POST", f"incidents/{told['incidentId']}/resolve")
        the_bell.wait("resolved")
        kinds = Counter(ring.kind for ring in the_bell.rings)
        metrics = httpx2.get(f"{server.url}/metrics").text
        assert 'tocsin_events_total{outcome="recorded",reason="event_opened"} 1.0' in metrics
        assert 'tocsin_events_total{outcome="recorded",reason="event_joined"} 2.0' in metrics
        assert kinds == {"incident.opened": 1, "incident.blast_radius_expanded": 1, "incident.resolved": 1}
        assert the_bell.complaints == []


def test_an_incident_of_an_integration_recovers_and_closes_by_itself(home: Home, the_bell: Bell) -> None:
    with home.serving() as server:
        remote = Remote(server)
        remote.windows(1, 1, 60)
        remote.ok("PUT", "workspaces/me/channels/webhook", the_bell.webhook)
        told = remote.ok("POST", "events", {**AUTH, "tenantId": "acme"})
        the_bell.wait("resolved")
        timeline = remote.ok("GET", f"incidents/{told['incidentId']}/timeline")
        assert [step["reason"] for step in timeline] == [
            "Pattern matched: auth_failure",
            "No events for 1 s",
            "Stable for 1 s",
        ]
        again = remote.ok("POST", "events", {**AUTH, "tenantId": "acme"})
        assert (again["incidentId"], again["isNewIncident"]) == (told["incidentId"], False)
        the_bell.wait("reopened")


def test_a_count_goes_on_over_a_restart(home: Home, the_bell: Bell) -> None:
    with home.serving() as server:
        api_key = server.api_key
        remote = Remote(server)
        remote.ok("PUT", "workspaces/me/channels/webhook", the_bell.webhook)
        remote.ok("PATCH", PATTERN, {"thresholdCount": 3, "thresholdWindowSeconds": 3600})
        for tenant in ("a", "b"):
            assert remote.ok("POST", "events", {**SPIKE, "tenantId": tenant})["incidentStatus"] == "Open"
        server.kill()
    with home.serving() as server:
        remote = Remote(server, api_key)
        assert the_bell.rings == []
        remote.ok("POST", "events", {**SPIKE, "tenantId": "c"})
        assert sorted(the_bell.wait("opened").tenants) == ["a", "b", "c"]
        remote.ok("POST", "events", {**SPIKE, "tenantId": "c"})
    assert [ring.kind for ring in the_bell.rings] == ["incident.opened"]


def test_an_idempotency_key_reports_once(home: Home) -> None:
    with home.serving() as server:
        remote = Remote(server)
        once, body = {"Idempotency-Key": "once"}, {**AUTH, "tenantId": "acme"}
        with ThreadPoolExecutor(8) as pool:
            sending = [pool.submit(remote.call, "POST", "events", body, headers=once) for _ in range(8)]
            answers = [sent.result() for sent in sending]
        assert {answer.status_code for answer in answers} <= {201, 409}
        assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
        assert remote.call("POST", "events", body, headers=once).status_code == 201
        assert remote.refused("POST", "events", {**body, "tenantId": "other"}, headers=once)[0] == 422
        assert remote.ok("GET", "events")["total"] == 1


@pytest.mark.postgresql
def test_two_nodes_open_one_incident_and_count_together(postgres_home: Home, the_bell: Bell) -> None:
    with postgres_home.serving() as first, postgres_home.serving() as second:
        remote = Remote(first)
        remote.ok("PUT", "workspaces/me/channels/webhook", the_bell.webhook)
        remote.ok("PATCH", PATTERN, {"thresholdCount": 1_000, "thresholdWindowSeconds": 3600})
        urls = [first.url, second.url]
        tenants = [f"tenant-{n}" for n in range(40)]
        calls: list[tuple[str, Any]] = [("events", {**AUTH, "tenantId": tenants[n % 40]}) for n in range(200)]
        calls += [("events", {**SPIKE, "tenantId": tenants[n % 40]}) for n in range(949)]
        calls += [("events/batch", [{**SPIKE, "tenantId": tenant} for tenant in tenants])]
        calls += [("events", {**AUTH, "integrationKey": f"other-{n % 5}", "tenantId": "alone"}) for n in range(100)]
        post_all(urls, first.api_key, calls)
        [auth] = remote.ok("GET", "incidents", params={"patternId": "auth_failure", "tenantId": "tenant-0"})["items"]
        assert (auth["eventCount"], auth["tenantCount"]) == (200, 40)
        [spike] = remote.ok("GET", "incidents", params={"patternId": "webhook_failure_spike"})["items"]
        assert (spike["eventCount"], spike["tenantCount"]) == (989, 40)
        wait_until(lambda: len(the_bell.heard("opened")) == 6, 20, "every opened that is due")
        assert spike["id"] not in {ring.incident for ring in the_bell.rings}
        post_all(urls, first.api_key, [("events", {**SPIKE, "tenantId": tenants[n]}) for n in range(20)])
        wait_until(lambda: len(the_bell.heard("opened")) == 7, 20, "the spike to be told of")
        with postgres_home.store() as store:
            wait_until(lambda: truth.is_told(store), 20, "all to be told")
            _once_each(store)
            _counters_are_true(store)
        assert Counter(ring.incident for ring in the_bell.heard("opened"))[spike["id"]] == 1
    assert len({ring.id for ring in the_bell.rings}) == len(the_bell.rings)
    assert the_bell.complaints == []


def _once_each(store: Store) -> None:
    """Every incident was opened once."""
    opened = truth.rows(store, select(alerts.c.incident_id).where(alerts.c.kind == "opened"))
    assert set(Counter(row["incident_id"] for row in opened).values()) == {1}


def _counters_are_true(store: Store) -> None:
    """What incidents and their tenants keep is what a count of the events finds."""
    found = truth.rows(store, select(events.c.incident_id, events.c.tenant_id))
    by_incident = Counter(row["incident_id"] for row in found)
    by_part = Counter((row["incident_id"], row["tenant_id"]) for row in found)
    kept = truth.rows(store, select(incidents.c.id, incidents.c.event_count, incidents.c.tenant_count))
    assert {row["id"]: row["event_count"] for row in kept} == by_incident
    parts = truth.rows(store, select(incident_tenants))
    assert {(row["incident_id"], row["tenant_id"]): row["event_count"] for row in parts} == by_part
    assert {row["id"]: row["tenant_count"] for row in kept} == Counter(row["incident_id"] for row in parts)
