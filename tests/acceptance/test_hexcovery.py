"""Hexcovery heartbeats against the whole server, in both documented shapes."""

import subprocess
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.acceptance.conftest import Home
from tests.support.remote import Remote

pytestmark = pytest.mark.acceptance


class Place:
    def __init__(self, remote: Remote, url: str) -> None:
        self.remote = remote
        self.url = f"{url}/api/v1/heartbeat"

    def beat(self, path: str, json: Any = None, method: str = "POST", **more: Any) -> httpx2.Response:
        headers = {"X-API-Key": self.remote.api_key, **more.pop("headers", {})}
        return httpx2.request(method, f"{self.url}/{path}", json=json, headers=headers, trust_env=False, **more)

    def runs(self, key: str) -> list[dict[str, Any]]:
        return list(self.remote.ok("GET", f"jobs/{key}/runs")["items"])

    def timeline(self, key: str) -> list[tuple[str, str]]:
        run = self.remote.ok("GET", f"runs/{self.runs(key)[0]['id']}")
        return [(entry["kind"], entry["message"]) for entry in run["timeline"]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with Home(tmp_path_factory.mktemp("hexcovery"), "").serving() as server:
        yield Place(Remote(server), server.url)
        assert '"level": "error"' not in server.output, server.output
        assert "Traceback" not in server.output, server.output


def test_the_documented_example(place: Place) -> None:
    """As its page has it, by curl."""
    for event, body in (
        ("start", '{"name":"nightly-backup"}'),
        ("end", '{"name":"nightly-backup","status":"success"}'),
    ):
        command = ["curl", "-sS", "-X", "POST", f"{place.url}/{event}", "-H", f"X-API-Key: {place.remote.api_key}"]
        more = ["-H", "X-Hexcovery-Host: db-prod-01", "-H", "X-Hexcovery-Service: backup-runner"]
        more += ["-H", "X-Hexcovery-Project: data-platform", "-H", "Content-Type: application/json", "-d", body]
        done = subprocess.run([*command, *more], capture_output=True, text=True, check=True, timeout=20)
        assert '"ok":true,"job":"nightly-backup"' in done.stdout
    [run] = place.runs("nightly-backup")
    assert (run["outcome"], run["host"], run["service"], run["project"]) == (
        "ok",
        "db-prod-01",
        "backup-runner",
        "data-platform",
    )
    job = place.remote.ok("GET", "jobs/nightly-backup")
    assert (job["schedule"], job["failureThreshold"]) == ({"type": "learned"}, 1)
    assert (job["consecutiveMissThreshold"], job["tenantImpactThreshold"]) == (1, 1)


def test_a_run_from_start_to_end_with_what_it_said(place: Place) -> None:
    started = place.beat("start", {"name": "job"})
    assert (started.status_code, started.json()["ok"]) == (202, True)
    place.beat("log", {"name": "job", "message": "half way"})
    place.beat("job/log", content=b"plain text")
    ended = place.beat("end", {"name": "job", "status": "failure", "exit_code": 3, "duration_ms": 5_000})
    assert ended.json()["run_id"] == started.json()["run_id"]
    place.beat("log", {"name": "job", "message": "afterwards"})
    [run] = place.runs("job")
    assert (run["outcome"], run["exitCode"], run["durationMs"]) == ("error", 3, 5_000)
    logs = [text for kind, text in place.timeline("job") if kind == "log"]
    assert logs == ["half way", "plain text", "afterwards"]


@pytest.mark.parametrize(
    ("path", "method", "outcome"),
    [
        ("second/end", "POST", "ok"),
        ("second/end?status=success", "POST", "ok"),
        ("second/end?status=fail&exit_code=7&duration_ms=12", "POST", "error"),
        ("second/ping", "GET", "ok"),
        ("second/ping", "POST", "ok"),
        ("second/start?run_id=r1", "POST", "in_progress"),
    ],
)
def test_the_second_shape(place: Place, path: str, method: str, outcome: str) -> None:
    place.beat("second/end?status=fail", method="POST")  # so that no success is a duplicate of the one before
    assert place.beat(path, method=method).status_code == 202
    newest = max(place.runs("second"), key=lambda run: str(run["finishedAt"] or run["startedAt"]))
    assert newest["outcome"] == outcome


def test_a_name_that_is_no_job_key_is_kept_as_the_jobs_name(place: Place) -> None:
    assert place.beat("ping", {"name": "Nightly Bäckup / EU"}).json()["job"] == "nightly-backup-eu"
    assert place.remote.ok("GET", "jobs/nightly-backup-eu")["name"] == "Nightly Bäckup / EU"


def test_overlapping_runs_are_told_apart_by_id(place: Place) -> None:
    for run_id in ("a", "b"):
        place.beat("start", {"name": "twice", "run_id": run_id})
    place.beat("end", {"name": "twice", "run_id": "a", "status": "ok"})
    assert {(run["runId"], run["outcome"]) for run in place.runs("twice")} == {("a", "ok"), ("b", "in_progress")}


def test_a_tenant_may_be_named(place: Place) -> None:
    assert place.beat("ping", {"name": "of-tenants", "tenant": "acme"}).status_code == 404
    place.remote.ok("POST", "tenants", {"externalId": "acme"})
    assert place.beat("ping", {"name": "of-tenants", "tenant": "acme"}).status_code == 202
    assert [run["tenantId"] for run in place.runs("of-tenants")] == ["acme"]


def test_the_topology(place: Place) -> None:
    headers = {"X-Tocsin-Host": "h1", "X-Tocsin-Service": "topo-service", "X-Tocsin-Project": "topo"}
    place.beat("ping", {"name": "topo-job"}, headers=headers)
    tree = place.remote.ok("GET", "topology")
    [project] = [one for one in tree["projects"] if one["project"] == "topo"]
    [service] = project["services"]
    [job] = service["jobs"]
    assert (service["service"], job["jobKey"], job["hosts"][0]["host"]) == ("topo-service", "topo-job", "h1")
    assert {one["status"] for one in (project, service, job, *job["hosts"])} == {"up"}
    assert place.remote.ok("GET", "jobs?project=topo&service=topo-service")["total"] == 1
    assert place.remote.ok("GET", "jobs/topo-job/runs?host=h2")["total"] == 0


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("start", {}, 400, "name is required."),
        ("start", {"name": ""}, 400, "name must be"),
        ("start", {"name": 5}, 400, "name must be"),
        ("start", {"name": "日本"}, 400, "name must have some letters"),
        ("start", {"name": "x" * 201}, 400, "name must be"),
        ("log", {"name": "wrong"}, 400, "message is required."),
        ("end", {"name": "wrong", "status": "meh"}, 400, "status must be"),
        ("end", {"name": "wrong", "exit_code": 256}, 400, "exit_code must be at most 255."),
        ("end", {"name": "wrong", "exit_code": "x"}, 400, "exit_code must be a whole number."),
        ("end", {"name": "wrong", "duration_ms": -1}, 400, "duration_ms must be at least 0."),
        ("end", [], 400, "The body must be a JSON object"),
        ("wrong/end?exit_code=999", None, 400, "exit_code must be at most 255."),
        ("bogus", {"name": "wrong"}, 404, "The event must be"),
    ],
)
def test_what_is_wrong_is_named(place: Place, path: str, body: Any, status: int, says: str) -> None:
    answer = place.beat(path, body)
    assert (answer.status_code, says in answer.json()["error"]) == (status, True), answer.text
    assert place.remote.refused("GET", "jobs/wrong") == (404, "Job not found.")


def test_who_is_not_known_and_what_is_too_large(place: Place) -> None:
    assert place.beat("ping", {"name": "x"}, headers={"X-API-Key": "sg_no"}).status_code == 401
    assert place.beat("x/log", content=b"x" * 102_401).status_code == 413
    assert place.beat("x/end", method="GET").status_code == 405
    long = place.beat("ping", {"name": "x"}, headers={"X-Hexcovery-Host": "x" * 201})
    assert (long.status_code, "X-Hexcovery-Host" in long.json()["error"]) == (400, True)


def test_a_message_is_kept_by_its_end(place: Place) -> None:
    place.beat("start", {"name": "long"})
    place.beat("long/log", content=b"a" * 20_000 + b"end")
    [(_, text)] = [entry for entry in place.timeline("long") if entry[0] == "log"]
    assert (len(text), text[-4:]) == (10_240, "aend")
