"""Healthchecks pings against the whole server: requests as real clients sent them, and the clients themselves."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest

from tests.support.raw import say
from tests.support.server import Server, serving

pytestmark = pytest.mark.acceptance

RECORDED = Path(__file__).parent.parent / "wire" / "healthchecks"
#: Where the recorded requests went.
UUID, KEY = b"f0e1d2c3-b4a5-4697-8879-6a5b4c3d2e1f", b"q1w2e3r4t5y6u7i8o9p0a1"
RID = "123e4567-e89b-12d3-a456-426614174000"


class Place(NamedTuple):
    """A server with a job `nightly`, and the addresses that lead to it."""

    server: Server
    url: str
    key: str

    def runs(self, job: str = "nightly") -> list[dict[str, Any]]:
        return list(self.server.client().get(f"jobs/{job}/runs").json()["data"]["items"])

    def told(self, job: str = "nightly") -> list[tuple[Any, ...]]:
        return [(run["outcome"], run["exitCode"], run["message"]) for run in self.runs(job)]

    def ping(self, path: str = "", method: str = "GET", **more: Any) -> httpx2.Response:
        return httpx2.request(method, self.url + path, trust_env=False, **more)

    def by_key(self, path: str, key: str = "", **more: Any) -> httpx2.Response:
        return httpx2.get(f"{self.server.url}/ping/{key or self.key}/{path}", trust_env=False, **more)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with serving(tmp_path) as server:
        client = server.client()
        job = {"jobKey": "nightly", "name": "Nightly", "schedule": {"type": "none"}}
        url = client.post("jobs", json=job).json()["data"]["healthchecksUrl"]
        yield Place(server, url, client.get("workspaces/me").json()["data"]["pingKey"])


@pytest.mark.parametrize(
    ("recorded", "job", "told"),
    [
        ("curl-success", "nightly", [("ok", None, None)]),
        ("wget-success", "nightly", [("ok", None, None)]),
        ("curl-start-rid", "nightly", [("in_progress", None, None)]),
        ("curl-exit-code-body", "nightly", [("error", 7, "2 files could not be read\n")]),
        ("curl-fail-pipe", "nightly", [("error", None, "line one\nline two \N{REPLACEMENT CHARACTER}\n")]),
        ("python-chunked", "nightly", [("ok", None, "chunk one chunk two")]),
        ("curl-slug-create", "nightly-backup", [("ok", None, None)]),
    ],
)
def test_what_real_clients_sent_arrives(place: Place, recorded: str, job: str, told: list[tuple[Any, ...]]) -> None:
    request = (RECORDED / f"{recorded}.http").read_bytes()
    uuid = place.url.rpartition("/")[2]
    answer = say(place.server.url, request.replace(UUID, uuid.encode()).replace(KEY, place.key.encode()))
    assert answer in {(200, b"OK"), (201, b"Created")}
    assert place.told(job) == told


def test_what_a_client_logs_is_kept_with_the_run(place: Place) -> None:
    request = (RECORDED / "python-urllib-log.http").read_bytes()
    assert place.by_key("nightly-backup/start?create=1").status_code == 201
    assert say(place.server.url, request.replace(KEY, place.key.encode())) == (200, b"OK")
    assert place.told("nightly-backup") == [("in_progress", None, "half way")]


def test_a_run_from_start_to_end_with_what_it_said(place: Place) -> None:
    assert place.ping(f"/start?rid={RID}").status_code == 200
    assert place.ping(f"/log?rid={RID.upper()}", "POST", content=b"half way").status_code == 200
    assert place.told() == [("in_progress", None, "half way")]
    assert place.ping(f"/0?rid={RID}", "POST", content=b"done").status_code == 200
    assert place.told() == [("ok", 0, "half way\ndone")]


def test_the_answer_is_the_originals(place: Place) -> None:
    answer = place.ping()
    assert (answer.status_code, answer.text) == (200, "OK")
    assert answer.headers["ping-body-limit"] == "10240"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "no-store" in answer.headers["cache-control"]
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
def test_every_method_is_a_ping(place: Place, method: str) -> None:
    answer = place.ping("/fail", method)
    assert (answer.status_code, answer.text) == (200, "" if method == "HEAD" else "OK")
    assert len(place.runs()) == 1


def test_a_browsers_question_is_no_ping(place: Place) -> None:
    answer = place.ping("", "OPTIONS")
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (204, "*")
    assert place.runs() == []


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/256", 400, "invalid url format"),
        ("?rid=x", 400, "invalid uuid format"),
        ("?rid=", 400, "invalid uuid format"),
        ("/bogus", 404, "not found"),
        ("/FAIL", 400, "invalid url format"),
    ],
)
def test_a_wrong_ping_is_refused_and_recorded_nowhere(place: Place, path: str, status: int, text: str) -> None:
    answer = place.ping(path)
    assert (answer.status_code, answer.text) == (status, text)
    assert place.runs() == []


def test_who_knows_no_address_learns_nothing(place: Place) -> None:
    stranger = httpx2.get(f"{place.server.url}/ping/{UUID.decode()}/256", trust_env=False)
    assert (stranger.status_code, stranger.text) == (404, "not found")
    for answer in (place.by_key("nightly", key="x" * 22), place.by_key("no-such-job")):
        assert (answer.status_code, answer.text) == (404, "not found")


def test_a_job_is_pinged_by_its_key(place: Place) -> None:
    assert place.by_key("nightly/fail").status_code == 200
    assert place.by_key("Nightly").status_code == 400
    assert place.told() == [("error", None, None)]


def test_a_first_ping_may_make_the_job(place: Place) -> None:
    assert place.by_key("fresh").status_code == 404
    assert place.by_key("fresh?create=true").status_code == 404
    assert place.by_key("fresh?create=1&rid=x").status_code == 400
    assert place.server.client().get("jobs/fresh").status_code == 404
    made = place.by_key("fresh/start?create=1")
    assert (made.status_code, made.text) == (201, "Created")
    assert place.by_key("fresh?create=1").status_code == 200
    job = place.server.client().get("jobs/fresh").json()["data"]
    assert (job["expectedIntervalSeconds"], job["gracePeriodSeconds"], job["failureThreshold"]) == (86_400, 3_600, 1)
    assert [run["outcome"] for run in place.runs("fresh")] == ["ok"]


def test_a_renamed_job_keeps_its_address_and_a_deleted_one_has_none(place: Place) -> None:
    assert place.ping("/fail").status_code == 200
    client = place.server.client()
    assert client.patch("jobs/nightly", json={"jobKey": "weekly"}).status_code == 200
    assert place.ping("/fail").status_code == 200
    assert len(place.runs("weekly")) == 2
    assert client.delete("jobs/weekly").status_code == 200
    assert place.ping().status_code == 404


def test_a_body_that_is_far_too_large_is_refused(place: Place) -> None:
    assert place.ping("", "POST", content=b"x" * 2_621_440).status_code == 200
    assert place.ping("", "POST", content=b"x" * 2_621_441).status_code == 400
    (run,) = place.runs()
    assert run["message"] == "x" * 10_240


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("curl -fsS -m 10 --retry 5 -o /dev/null $URL", [("ok", None, None)]),
        ("curl -fsS -I $URL", [("ok", None, None)]),
        ("wget -q -O /dev/null $URL/start; wget -q -O /dev/null $URL", [("ok", None, None)]),
        ('m=$(echo no; exit 3); curl -fsS --retry 3 --data-raw "$m" $URL/$?', [("error", 3, "no")]),
        ("echo piped | curl -fsS --data-binary @- $URL/fail", [("error", None, "piped\n")]),
    ],
)
def test_the_commands_of_its_documents_work(place: Place, command: str, told: list[tuple[Any, ...]]) -> None:
    subprocess.run(["sh", "-c", command], env={"URL": place.url, "PATH": "/usr/bin:/bin"}, timeout=30, check=True)
    assert place.told() == told
