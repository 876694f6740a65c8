"""The health routes answer whom they should."""

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tocsin.telemetry.health import health_routes
from tocsin.telemetry.metrics import Metrics


def _client(reason: str | None = None, token: str = "", address: str = "127.0.0.1") -> TestClient:
    async def ready() -> str | None:
        return reason

    app = Starlette(routes=health_routes(ready, Metrics(), token))
    return TestClient(app, client=(address, 5000))


def test_healthz_answers_while_the_process_lives() -> None:
    assert _client(reason="disk full").get("/healthz").status_code == 200


def test_readyz_answers_200_while_check_ins_can_be_committed() -> None:
    answer = _client().get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


def test_readyz_says_why_not() -> None:
    answer = _client(reason="The disk is full.").get("/readyz")
    assert (answer.status_code, answer.json()["reason"]) == (503, "The disk is full.")


@pytest.mark.parametrize(
    ("address", "headers", "token", "status"),
    [
        ("127.0.0.1", {}, "", 200),
        ("::1", {}, "", 200),
        ("10.0.0.9", {}, "", 403),
        ("127.0.0.1", {"X-Forwarded-For": "203.0.113.7"}, "", 403),
        ("10.0.0.9", {"Authorization": "Bearer open"}, "open", 200),
        ("10.0.0.9", {"Authorization": "Bearer opem"}, "open", 403),
        ("10.0.0.9", {"Authorization": "Bearer "}, "", 403),
    ],
)
def test_metrics_are_not_public(address: str, headers: dict[str, str], token: str, status: int) -> None:
    assert _client(token=token, address=address).get("/metrics", headers=headers).status_code == status


def test_metrics_are_read_when_somebody_asks() -> None:
    metrics = Metrics()
    metrics.watch(tick_lag=lambda: 0.25, queue_depth=lambda: 7)
    metrics.set_vitals(open_incidents=2, undelivered=1, undelivered_age=3.5)
    metrics.check_ins.labels("refused", "Job not found.").inc()
    metrics.count_changes({("Closed", "stable"): 2})
    text = metrics.text().decode()
    for line in (
        'tocsin_incident_changes_total{reason="stable",status="Closed"} 2.0',
        "tocsin_tick_lag_seconds 0.25",
        "tocsin_queue_depth 7.0",
        "tocsin_open_incidents 2.0",
        "tocsin_oldest_undelivered_alert_seconds 3.5",
        'tocsin_check_ins_total{outcome="refused",reason="Job not found."} 1.0',
    ):
        assert line in text
