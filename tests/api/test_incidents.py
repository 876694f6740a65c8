from typing import Any

import pytest
from sqlalchemy import insert

from tests.api.conftest import Api
from tocsin.domain.ids import from_uuid, to_uuid
from tocsin.store import schema
from tocsin.store.views_incidents import incident_object

HOUR = 3_600_000_000
NOON = "2026-01-05T12:00:00Z"


def rows(api: Api, table: Any, *values: dict[str, Any]) -> None:
    with api.services.store.write() as connection:
        for row in values:
            connection.execute(insert(table).values({"workspace_id": api.workspace_id, **row}))


@pytest.fixture
def incident(api: Api) -> str:
    """A job with one affected tenant, its run missed, and its incident Open."""
    now = api.clock.now()
    tenant = from_uuid(api.ok("POST", "/tenants", {"externalId": "acme", "name": "Acme"})["id"])
    job = {"jobKey": "nightly", "name": "Nightly", "expectedIntervalSeconds": 3600, "tenantImpactThreshold": 1}
    job_id = from_uuid(api.ok("POST", "/jobs", job)["id"])
    new = api.services.ids.new
    environment, stream, incident, run = new(now), new(now), new(now), new(now)
    rows(api, schema.job_environments, {"id": environment, "job_id": job_id, "environment": "production"})
    rows(
        api,
        schema.streams,
        {
            "id": stream,
            "job_environment_id": environment,
            "tenant_id": tenant,
            "is_watched": True,
            "expected_since_at": now - 2 * HOUR,
            "anchor_at": now - 2 * HOUR,
            "anchor_misses": 1,
            "missed_runs": 1,
            "is_affected": True,
            "last_check_in_at": now - 2 * HOUR,
            "last_success_at": now - 2 * HOUR,
        },
    )
    rows(
        api,
        schema.runs,
        {
            "id": run,
            "job_id": job_id,
            "stream_id": stream,
            "outcome": "missed",
            "at": now,
            "expected_at": now - 60_000_000,
            "received_at": now,
        },
    )
    identity = {"job_environment_id": environment, "job_key": "nightly", "job_name": "Nightly"}
    rows(
        api,
        schema.incidents,
        {
            "id": incident,
            "kind": "job",
            **identity,
            "environment": "production",
            "status": "Open",
            "opened_at": now,
            "missed_runs": 1,
            "tenant_count": 1,
            "cycle_tenants": 1,
        },
    )
    seen = {"first_seen_at": now, "last_seen_at": now, "cycle_seen_at": now}
    rows(
        api,
        schema.incident_tenants,
        {"incident_id": incident, "tenant_id": tenant, "cycle": 1, "missed_runs": 1, **seen},
    )
    rows(
        api,
        schema.transitions,
        {
            "id": new(now),
            "incident_id": incident,
            "to_status": "Open",
            "reason": "miss_threshold",
            "sentence": "1 tenant missed nightly",
            "occurred_at": now,
        },
    )
    return to_uuid(incident)


def test_an_incident_is_shown_whole(api: Api, incident: str) -> None:
    shown = api.ok("GET", f"/incidents/{incident}")
    tenant = shown["affectedTenants"][0]
    assert (tenant["tenantName"], tenant["externalId"], tenant["missedRuns"]) == ("Acme", "acme", 1)
    del shown["affectedTenants"], shown["workspaceId"]
    assert shown == {
        "id": incident,
        "kind": "job",
        "integrationKey": None,
        "jobKey": "nightly",
        "jobName": "Nightly",
        "environment": "production",
        "patternId": None,
        "patternName": None,
        "status": "Open",
        "confidence": None,
        "openedAt": NOON,
        "recoveringAt": None,
        "closedAt": None,
        "reopenedAt": None,
        "reopenCount": 0,
        "eventCount": 1,
        "missedRuns": 1,
        "tenantCount": 1,
        "isChronic": False,
        "acknowledgedAt": None,
        "acknowledgedBy": None,
        "acknowledgementNote": None,
        "ownerId": None,
        "snoozedUntil": None,
        "snoozedBy": None,
        "held": None,
        "heldIncidents": [],
    }
    assert api.ok("GET", f"/incidents/{incident}/tenants")["items"] == [tenant]
    assert api.ok("GET", f"/incidents/{incident}/timeline") == [
        {"fromStatus": None, "toStatus": "Open", "reason": "1 tenant missed nightly", "occurredAt": NOON}
    ]
    number = from_uuid(incident)
    assert number is not None
    with api.services.store.read() as connection:
        assert incident_object(connection, api.workspace_id, number, tenants=0) == {
            **{
                name: value
                for name, value in api.ok("GET", f"/incidents/{incident}").items()
                if name != "heldIncidents"
            },
            "affectedTenants": [],
        }


@pytest.mark.parametrize(
    ("query", "total"),
    [
        ("", 1),
        ("?status=open", 1),
        ("?status=all", 1),
        ("?status=recovering", 0),
        ("?status=closed", 0),
        ("?jobKey=nightly", 1),
        ("?jobKey=daily", 0),
        ("?tenantId=acme", 1),
        ("?tenantId=beta", 0),
        ("?chronic=true", 0),
        ("?chronic=false", 1),
        ("?integrationKey=payments", 0),
        ("?patternId=auth_failure", 0),
        ("?page=2", 1),
    ],
)
def test_incidents_are_filtered(api: Api, incident: str, query: str, total: int) -> None:
    listed = api.ok("GET", f"/incidents{query}")
    assert listed["total"] == total
    assert [found["id"] for found in listed["items"]] == ([incident] if total and query != "?page=2" else [])


def test_the_job_of_an_open_incident_is_down(api: Api, incident: str) -> None:
    job = api.ok("GET", "/jobs/nightly")
    assert (job["status"], job["watchedTenantCount"], job["affectedTenantCount"]) == ("down", 1, 1)
    stream = api.ok("GET", "/jobs/nightly/streams")["items"][0]
    assert (stream["status"], stream["missedRuns"], stream["tenantName"]) == ("down", 1, "Acme")
    assert api.ok("GET", "/jobs/nightly/tenants")["items"][0]["status"] == "down"


def test_runs_are_listed_and_told(api: Api, incident: str) -> None:
    listed = api.ok("GET", "/jobs/nightly/runs")
    run = listed["items"][0]
    assert (run["outcome"], run["tenantId"], run["expectedAt"]) == ("missed", "acme", "2026-01-05T11:59:00Z")
    told = api.ok("GET", f"/runs/{run['id']}")
    assert [(entry["at"], entry["kind"]) for entry in told["timeline"]] == [
        ("2026-01-05T11:59:00Z", "expected"),
        (NOON, "missed"),
    ]
    for query, total in (
        ("outcome=missed", 1),
        ("outcome=ok", 0),
        ("tenantId=acme", 1),
        ("tenantId=beta", 0),
        ("environment=staging", 0),
        (f"from={NOON}&to={NOON}", 1),
        ("from=2026-01-05T12:00:01Z", 0),
        ("to=2026-01-05T12:59:59%2B01:00", 0),
    ):
        assert api.ok("GET", f"/jobs/nightly/runs?{query}")["total"] == total
    assert api.refused(422, "GET", "/jobs/nightly/runs?from=yesterday").startswith("from must be a moment like")
    assert api.refused(422, "GET", "/jobs/nightly/runs?outcome=x").startswith("outcome must be")


def test_an_incident_is_resolved_once(api: Api, incident: str) -> None:
    assert api.ok("POST", f"/incidents/{incident}/resolve")["status"] == "Closed"
    api.refused(409, "POST", f"/incidents/{incident}/resolve")
    assert api.ok("GET", "/incidents")["items"] == []
    assert [entry["toStatus"] for entry in api.ok("GET", f"/incidents/{incident}/timeline")] == ["Open", "Closed"]


def test_nobody_sees_another_workspaces_incident(api: Api, stranger: Api, incident: str) -> None:
    run = api.ok("GET", "/jobs/nightly/runs")["items"][0]["id"]
    for path in ("", "/tenants", "/timeline"):
        assert stranger.refused(404, "GET", f"/incidents/{incident}{path}") == "Incident not found."
    stranger.refused(404, "POST", f"/incidents/{incident}/resolve")
    stranger.refused(404, "GET", f"/runs/{run}")
    assert stranger.ok("GET", "/incidents?status=all")["total"] == 0


def test_deliveries_with_their_attempts(api: Api, stranger: Api, incident: str) -> None:
    config = {"config": {"webhookUrl": "https://hooks.slack.com/services/T000/B000/sEcReTsEcReT"}}
    channel = from_uuid(api.ok("PUT", "/workspaces/me/channels/slack", config)["id"])
    now, number = api.clock.now(), from_uuid(incident)
    new = api.services.ids.new
    alert, delivery = new(now), new(now)
    common = {"incident_id": number, "kind": "opened", "created_at": now}
    rows(api, schema.alerts, {"id": alert, "cycle": 1, "moment_at": now, **common})
    rows(
        api,
        schema.deliveries,
        {"id": delivery, "alert_id": alert, "channel_id": channel, "state": "delivered", "settled_at": now, **common},
    )
    attempt = {"id": new(now), "delivery_id": delivery, "at": now, "duration": 25_000, "status_code": 200}
    rows(api, schema.delivery_attempts, {**attempt, "outcome": "delivered", "arrival": "yes", "detail": "HTTP 200: ok"})
    shown = api.ok("GET", f"/deliveries?incidentId={incident}&state=delivered&provider=slack")["items"][0]
    assert (shown["id"], shown["kind"], shown["provider"], shown["channelName"]) == (
        to_uuid(delivery),
        "opened",
        "slack",
        "default",
    )
    assert shown["attempts"] == [
        {
            "at": NOON,
            "durationMs": 25,
            "outcome": "delivered",
            "arrival": "yes",
            "statusCode": 200,
            "detail": "HTTP 200: ok",
        }
    ]
    assert api.ok("GET", "/deliveries?state=pending")["items"] == []
    assert stranger.ok("GET", "/deliveries")["total"] == 0
    stranger.refused(404, "POST", f"/deliveries/{shown['id']}/resend")
    assert api.ok("POST", f"/deliveries/{shown['id']}/resend")["state"] == "pending"
    assert "already" in api.refused(409, "POST", f"/deliveries/{shown['id']}/resend")


def test_rejections_are_listed(api: Api, stranger: Api) -> None:
    now = api.clock.now()
    rows(api, schema.rejections, {"id": api.services.ids.new(now), "at": now, "reason": "poison", "detail": "x"})
    assert [(r["at"], r["reason"]) for r in api.ok("GET", "/rejections")["items"]] == [(NOON, "poison")]
    assert stranger.ok("GET", "/rejections")["total"] == 0
