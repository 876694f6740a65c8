"""A lone success as it comes in each protocol: the request of its usual client, byte for byte."""

import gzip
import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from tocsin.domain.model import SECOND

_MINUTE, _HOUR, _DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND
_THRESHOLDS = {"threshold_mode": "any", "miss_threshold": 1, "impact_threshold": 1, "failure_threshold": 1}
_JOB = {**_THRESHOLDS, "recovery_threshold": 1, "tenant_scope": "seen"}
_DAILY = {**_JOB, "schedule_type": "interval", "schedule_interval": _DAY, "grace": _HOUR}
#: Its pings have no run id: one within a tenth of the interval would be the ping before, once more.
_EVERY_SECOND = {**_DAILY, "schedule_interval": SECOND}
_LEARNED = {**_JOB, "schedule_type": "learned"}
#: A monitor's config as an SDK sends it with each check-in, and the job that it makes.
_CONFIG = {
    "schedule": {"type": "crontab", "value": "0 * * * *"},
    "checkin_margin": 5,
    "max_runtime": 10,
    "timezone": "Europe/Vienna",
}
_HOURLY = {**_JOB, "threshold_mode": "all", "schedule_type": "crontab", "schedule_value": "0 * * * *",
           "schedule_zone": "Europe/Vienna", "grace": 5 * _MINUTE, "max_runtime": 10 * _MINUTE}  # fmt: skip
_SDK = {
    "name": "sentry.python",
    "version": "2.75.0",
    "packages": [{"name": "pypi:sentry-sdk", "version": "2.75.0"}],
    "integrations": ["argv", "atexit", "dedupe", "excepthook", "logging", "modules", "stdlib", "threading"],
}


class Keys(NamedTuple):
    """What the owner of a workspace gives to those who report to it."""

    api_key: str
    ping_key: str
    project: int
    dsn_key: str


class Job(NamedTuple):
    """Who pings: a job with one tenant. Its key is its ping slug, too."""

    key: str
    uuid: str


class Protocol(NamedTuple):
    """`jobs`: columns of the jobs that its clients have; `least`: how much of the native ping's rate it must reach."""

    name: str
    prefix: str
    jobs: Mapping[str, Any]
    least: float
    ping: Callable[[Keys, Job, UUID], bytes]


def _request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: bench"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if method != "GET":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def native_ping(api_key: str, job_key: str, tenant: str, run_id: str) -> bytes:
    body = json.dumps({"tenantId": tenant, "status": "success", "runId": run_id}).encode()
    return _request("POST", f"/api/v1/jobs/{job_key}/ping", body, X_Api_Key=api_key, Content_Type="application/json")


def _native(keys: Keys, job: Job, run: UUID) -> bytes:
    return native_ping(keys.api_key, job.key, "default", run.hex)


def _by_uuid(_: Keys, job: Job, run: UUID) -> bytes:
    return _request("GET", f"/ping/{job.uuid}?rid={run}")


def _monitor(_: Keys, job: Job, run: UUID) -> bytes:
    return _request("GET", f"/p/{job.key}")


def _by_slug(keys: Keys, job: Job, run: UUID) -> bytes:
    return _request("GET", f"/ping/{keys.ping_key}/{job.key}?rid={run}")


def _heartbeat(keys: Keys, job: Job, run: UUID) -> bytes:
    body = json.dumps({"name": job.key, "run_id": run.hex}).encode()
    return _request("POST", "/api/v1/heartbeat/ping", body, X_API_Key=keys.api_key, Content_Type="application/json")


def _attributed(keys: Keys, job: Job, run: UUID) -> bytes:
    body = json.dumps({"name": job.key, "run_id": run.hex}).encode()
    where = {"X_Hexcovery_Host": "db-prod-01", "X_Hexcovery_Service": "backup", "X_Hexcovery_Project": "platform"}
    return _request(
        "POST", "/api/v1/heartbeat/ping", body, X_API_Key=keys.api_key, Content_Type="application/json", **where
    )


def _cron(keys: Keys, job: Job, run: UUID) -> bytes:
    return _request("GET", f"/api/{keys.project}/cron/{job.key}/{keys.dsn_key}/?check_in_id={run}&status=ok")


def _envelope(keys: Keys, job: Job, run: UUID) -> bytes:
    """As the Python SDK sends it when it is told to take gzip; it sends its config and its host each time."""
    event_id, sent_at = uuid4().hex, "2026-11-21T22:37:02.960249Z"
    trace = {"trace_id": event_id, "span_id": event_id[:16], "parent_span_id": None}
    check_in = {
        "type": "check_in", "monitor_slug": job.key, "check_in_id": run.hex, "status": "ok", "duration": 0.25,
        "environment": "production", "release": "app@1.2.3", "monitor_config": _CONFIG, "event_id": event_id,
        "timestamp": sent_at, "contexts": {"trace": trace}, "server_name": "job-host", "sdk": _SDK,
        "platform": "python",
    }  # fmt: skip
    item = json.dumps(check_in).encode()
    header = {"event_id": event_id, "sent_at": sent_at, "trace": {"trace_id": event_id, "public_key": keys.dsn_key}}
    kind = {"type": "check_in", "content_type": "application/json", "length": len(item)}
    body = gzip.compress(b"%b\n%b\n%b\n" % (json.dumps(header).encode(), json.dumps(kind).encode(), item), 6)
    return _request(
        "POST",
        f"/api/{keys.project}/envelope/",
        body,
        Content_Type="application/x-sentry-envelope",
        Content_Encoding="gzip",
        X_Sentry_Auth=f"Sentry sentry_key={keys.dsn_key}, sentry_version=7, sentry_client=sentry.python/2.75.0",
    )


SENTRY = (
    Protocol("Sentry, cron endpoint", "cron", _HOURLY, 0.75, _cron),
    Protocol("Sentry, envelope, gzip", "envelope", _HOURLY, 0.5, _envelope),
)
PROTOCOLS = (
    Protocol("native, a job each", "native", _DAILY, 0.75, _native),
    Protocol("Healthchecks, UUID", "by-uuid", _DAILY, 0.75, _by_uuid),
    Protocol("Healthchecks, slug", "by-slug", _DAILY, 0.75, _by_slug),
    Protocol("PingGuard", "monitor", _EVERY_SECOND, 0.75, _monitor),
    Protocol("Hexcovery", "heartbeat", _LEARNED, 0.75, _heartbeat),
    Protocol("Hexcovery, with host", "attributed", _LEARNED, 0.65, _attributed),  # and a place to write
    *SENTRY,
)
