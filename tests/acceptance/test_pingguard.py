"""PingGuard against the whole server: its documented examples with `curl`, and requests as clients sent them."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest

from tests.acceptance.conftest import Home
from tests.conftest import ENGINES
from tests.support.raw import Answer, say
from tests.support.remote import Remote
from tests.support.server import Server
from tests.support.waiting import wait_until
from tocsin.clock import stopwatch

pytestmark = pytest.mark.acceptance

RECORDED = Path(__file__).parent.parent / "wire" / "pingguard"
#: What the recorded requests were told to be.
KEY, MONITOR, SLUG = b"sg_" + b"0" * 48, b"monitor_abc123", b"daily-backup-x7f2k"
ID = re.compile(r"monitor_[0-9a-z]+")


class Place(NamedTuple):
    """A server, and the ways to speak to it."""

    remote: Remote
    url: str
    client: httpx2.Client

    def call(self, method: str, path: str = "", json: Any = None, key: str = "", **more: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {key or self.remote.api_key}", **more.pop("headers", {})}
        return self.client.request(method, f"/api/monitors{path}", json=json, headers=headers, **more)

    def monitor(self, name: str = "daily-backup", **fields: Any) -> Any:
        answer = self.call("POST", json={"name": name, "interval_seconds": 3600, "grace_seconds": 300, **fields})
        assert answer.status_code == 201, answer.text
        return answer.json()["monitor"]

    def ping(self, slug: str, method: str = "GET", **more: Any) -> httpx2.Response:
        return self.client.request(method, f"/p/{slug}", **more)

    def shell(self, command: str, **variables: str) -> str:
        """What the command printed; `$URL` and `$KEY` stand for the server's."""
        known = {"URL": self.url, "KEY": self.remote.api_key, "PATH": "/usr/bin:/bin", **variables}
        done = subprocess.run(command, shell=True, env=known, capture_output=True, text=True, timeout=30, check=True)
        return done.stdout


@pytest.fixture(scope="module", params=ENGINES)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with ExitStack() as stack:
        url = ""
        if request.param != "sqlite":
            url = stack.enter_context(request.getfixturevalue("postgres").database(empty=True))
        server = stack.enter_context(Home(tmp_path_factory.mktemp("pingguard"), url).serving())
        yield server
        assert '"level": "error"' not in server.output, server.output
        assert "Traceback" not in server.output, server.output


@pytest.fixture
def place(server: Server) -> Iterator[Place]:
    """The server with a fresh API key, which has its own rate, and without a monitor."""
    server.api_key = Remote(server).ok("POST", "workspaces/rotate-key")["apiKey"]
    with httpx2.Client(base_url=server.url, trust_env=False, timeout=30) as client:
        yield Place(Remote(server), server.url, client)
    remote = Remote(server)
    for job in remote.ok("GET", "jobs?pageSize=100")["items"]:
        remote.ok("DELETE", f"jobs/{job['jobKey']}")


def test_its_documented_examples_do_what_its_documents_say(place: Place) -> None:
    """One after the other, with curl, as they are printed there; only the address and the key are ours."""
    auth = '-H "Authorization: Bearer $KEY"'
    as_json = '-H "Content-Type: application/json"'
    assert json.loads(place.shell(f"curl -s $URL/api/monitors {auth}")) == {"monitors": []}
    made = place.shell(
        f"""curl -s -w "\\n%{{http_code}}" -X POST $URL/api/monitors {auth} {as_json} -d '{{
"name": "weekly-report",
"interval_seconds": 604800,
"grace_seconds": 600
}}' """
    )
    body, _, status = made.rpartition("\n")
    monitor = json.loads(body)["monitor"]
    assert (status, monitor["status"], monitor["last_ping_at"]) == ("201", "new", None)
    assert (monitor["interval_seconds"], monitor["grace_seconds"]) == (604_800, 600)
    assert re.fullmatch(r"weekly-report-[a-z0-9]{5}", monitor["slug"])
    assert monitor["ping_url"] == f"{place.url}/p/{monitor['slug']}"
    assert ID.fullmatch(monitor["id"])
    one = f"$URL/api/monitors/{monitor['id']}"
    assert json.loads(place.shell(f"curl -s {one} {auth}")) == {"monitor": monitor}

    assert place.shell("curl -s $PING", PING=monitor["ping_url"]) == "OK"
    changed = json.loads(
        place.shell(
            f"""curl -s -X PATCH {one} {auth} {as_json} -d '{{"name": "daily-backup-v2", "grace_seconds": 60}}' """
        )
    )["monitor"]
    assert (changed["name"], changed["grace_seconds"], changed["interval_seconds"]) == ("daily-backup-v2", 60, 604_800)
    assert (changed["slug"], changed["status"]) == (monitor["slug"], "up")
    assert changed["last_ping_at"] is not None
    assert json.loads(place.shell(f"curl -s $URL/api/monitors {auth}")) == {"monitors": [changed]}

    pings = json.loads(place.shell(f"curl -s {one}/pings {auth}"))
    assert (pings["total"], pings["page"]) == (1, 1)
    assert {**pings["pings"][0], "id": ""} == {
        "id": "",
        "received_at": changed["last_ping_at"],
        "status": "ok",
        "duration_ms": None,
    }
    assert place.shell(f'curl -s -w "%{{http_code}}" -X DELETE {one} {auth}') == "204"
    assert place.shell(f'curl -s -o /dev/null -w "%{{http_code}}" {one} {auth}') == "404"


def test_requests_as_clients_sent_them(place: Place) -> None:
    def replay(name: str) -> Answer:
        request = (RECORDED / f"{name}.http").read_bytes().replace(KEY, place.remote.api_key.encode())
        return say(place.url, request.replace(MONITOR, monitor["id"].encode()).replace(SLUG, monitor["slug"].encode()))

    monitor = place.monitor()
    for name in ("curl-ping", "curl-ping-head", "wget-ping", "curl-ping-start", "curl-ping-log-chunked"):
        assert replay(name) in {(200, b"OK"), (200, b"")}
    assert replay("curl-ping-fail-body") == (200, b"OK")
    assert replay("curl-ping-duration") == (200, b"OK")
    told = [(run["outcome"], run["durationMs"] == 4200, run["message"]) for run in _runs(place)]
    assert told == [
        ("ok", True, None),
        ("error", False, "half way\n2 files could not be read\n"),
        ("ok", False, None),
    ]
    assert [replay(name)[0] for name in ("curl-list", "curl-detail", "curl-pings")] == [200] * 3
    status, body = replay("curl-update")
    assert (status, json.loads(body)["monitor"]["name"]) == (200, "daily-backup-v2")
    status, body = replay("curl-create")
    assert (status, json.loads(body)["monitor"]["name"]) == (201, "weekly-report")
    assert replay("curl-delete") == (204, b"")


def test_a_run_from_start_to_end(place: Place) -> None:
    monitor = place.monitor()
    slug = monitor["slug"]
    assert place.ping(f"{slug}/start").text == "OK"
    started = place.call("GET", f"/{monitor['id']}/pings").json()["pings"]
    assert [(ping["status"], ping["duration_ms"]) for ping in started] == [("started", None)]
    assert place.ping(f"{slug}/log", "POST", content=b"half way").status_code == 200
    assert place.ping(f"{slug}/fail?duration_ms=45", "POST", content=b"no space left").status_code == 200
    [failed] = place.call("GET", f"/{monitor['id']}/pings").json()["pings"]
    assert (failed["status"], failed["duration_ms"], failed["id"]) == ("failed", 45, started[0]["id"])
    assert place.call("GET", f"/{monitor['id']}").json()["monitor"]["status"] == "down"
    [incident] = place.remote.incidents("daily-backup")
    assert incident["status"] == "Open"
    assert place.ping(slug).status_code == 200
    assert place.call("GET", f"/{monitor['id']}").json()["monitor"]["status"] == "up"
    head = place.ping(slug, "HEAD")
    assert (head.status_code, head.text, head.headers["content-length"]) == (200, "", "2")


def test_one_miss_is_enough_for_an_incident(place: Place) -> None:
    monitor = place.monitor(interval_seconds=1, grace_seconds=1)
    place.ping(monitor["slug"])
    [incident] = wait_until(lambda: place.remote.incidents("daily-backup"), 30, "an incident")
    assert incident["missedRuns"] >= 1
    assert place.call("GET", f"/{monitor['id']}").json()["monitor"]["status"] == "down"
    pings = place.call("GET", f"/{monitor['id']}/pings").json()["pings"]
    assert (pings[0]["status"], pings[0]["received_at"], pings[-1]["status"]) == ("missed", None, "ok")
    assert set(pings[0]) == {"id", "received_at", "status", "expected_at"}


def test_jobs_made_elsewhere_are_monitors_too(place: Place) -> None:
    place.remote.ok("POST", "jobs", {"jobKey": "nightly", "name": "Nightly", "schedule": {"type": "learned"}})
    crontab = {"type": "crontab", "value": "0 3 * * *", "timezone": "Europe/Vienna"}
    place.remote.ok("POST", "jobs", {"jobKey": "at-three", "name": "At three", "schedule": crontab})
    nightly, at_three = place.call("GET").json()["monitors"]
    assert (nightly["name"], nightly["interval_seconds"], nightly["grace_seconds"]) == ("Nightly", None, None)
    assert (at_three["interval_seconds"], at_three["grace_seconds"]) in {(hours * 3600, 60) for hours in (23, 24, 25)}
    assert re.fullmatch(r"nightly-[a-z0-9]{20}", nightly["slug"])
    assert place.ping(nightly["slug"]).status_code == 200
    assert [run["outcome"] for run in _runs(place, "nightly")] == ["ok"]
    changed = place.call("PATCH", f"/{at_three['id']}", {"interval_seconds": 60}).json()["monitor"]
    assert changed["interval_seconds"] == 60
    assert place.remote.ok("GET", "jobs/at-three")["schedule"] == {"type": "interval", "seconds": 60}
    place.remote.ok("PATCH", "jobs/at-three", {"isActive": False})
    assert place.call("GET", f"/{at_three['id']}").json()["monitor"]["status"] == "paused"


def test_monitors_of_one_name_have_slugs_of_their_own(place: Place) -> None:
    first, second = place.monitor("Daily Backup"), place.monitor("Daily Backup")
    assert first["slug"] != second["slug"]
    keys = [job["jobKey"] for job in place.remote.ok("GET", "jobs")["items"]]
    assert keys[0] == "daily-backup"
    assert re.fullmatch(r"daily-backup-[a-z0-9]{5}", keys[1])
    assert keys[1] != second["slug"]
    place.remote.ok("PATCH", "workspaces/me", {"longPingSlugs": True})
    assert re.fullmatch(r"daily-backup-[a-z0-9]{20}", place.monitor("Daily Backup")["slug"])
    place.remote.ok("PATCH", "workspaces/me", {"longPingSlugs": False})


def test_the_list_of_pings_has_pages(place: Place) -> None:
    monitor = place.monitor()
    for _ in range(31):
        place.ping(f"{monitor['slug']}/fail")
    first, second, third = (place.call("GET", f"/{monitor['id']}/pings?page={page}").json() for page in (1, 2, 3))
    assert (first["total"], first["page"], len(first["pings"])) == (31, 1, 30)
    assert (second["page"], len(second["pings"]), third["pings"]) == (2, 1, [])
    moments = [ping["received_at"] for ping in first["pings"] + second["pings"]]
    assert moments == sorted(moments, reverse=True)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code", "says"),
    [
        ("POST", "", {}, 400, "bad_request", "name is required."),
        ("POST", "", {"name": "x"}, 400, "bad_request", "interval_seconds is required."),
        ("POST", "", [], 400, "bad_request", "must be an object"),
        ("POST", "", None, 400, "bad_request", "Content-Type: application/json"),
        ("GET", "/monitor_abc123", None, 404, "not_found", "Monitor not found."),
        ("GET", "/monitor_abc123/pings", None, 404, "not_found", "Monitor not found."),
        ("PATCH", "/monitor_abc123", {}, 404, "not_found", "Monitor not found."),
        ("DELETE", "/17", None, 404, "not_found", "Monitor not found."),
        ("GET", "/monitor_abc123/other", None, 404, "not_found", "nothing at this address"),
        ("PUT", "", {}, 405, "method_not_allowed", "does not know this method"),
    ],
)
def test_what_is_wrong_is_said_in_its_shape(
    place: Place, method: str, path: str, body: Any, status: int, code: str, says: str
) -> None:
    answer = place.call(method, path, body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], says in error["message"]) == (status, code, True), answer.text


def test_a_page_is_a_number(place: Place) -> None:
    monitor = place.monitor()
    for page in ("0", "-1", "x", "1.5", "", "9" * 30, "1&page=2"):
        answer = place.call("GET", f"/{monitor['id']}/pings?page={page}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request"), page
    wrong = place.ping(f"{monitor['slug']}?duration_ms=soon")
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "bad_request")


def test_who_is_not_known_learns_nothing(place: Place) -> None:
    for key in ("sg_" + "0" * 48, "no key at all"):
        answer = place.call("GET", key=key)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")
    assert place.client.get("/api/monitors").status_code == 401
    assert place.ping("no-such-slug-x7f2k").json() == {"error": {"code": "not_found", "message": "Monitor not found."}}
    assert place.ping("NO").status_code == 404
    assert place.ping("no-such-slug-x7f2k", "DELETE").status_code == 405


def test_a_rotated_key_is_dead_at_once(server: Server, place: Place) -> None:
    assert place.call("GET").status_code == 200
    server.api_key = place.remote.ok("POST", "workspaces/rotate-key")["apiKey"]
    assert place.call("GET").status_code == 401
    assert place.call("GET", key=server.api_key).status_code == 200


def test_a_write_is_done_once_under_its_key(place: Place) -> None:
    once: dict[str, Any] = {"headers": {"Idempotency-Key": "k1"}}
    body = {"name": "once", "interval_seconds": 60}
    first, again = place.call("POST", "", body, **once), place.call("POST", "", body, **once)
    assert (first.status_code, again.status_code, first.json()) == (201, 201, again.json())
    assert len(place.call("GET").json()["monitors"]) == 1
    other = place.call("POST", "", {**body, "name": "other"}, **once)
    assert (other.status_code, other.json()["error"]["code"]) == (400, "bad_request")
    gone = f"/{first.json()['monitor']['id']}"
    assert [place.call("DELETE", gone, **once).status_code for _ in range(2)] == [204, 204]


def test_what_was_written_stands_in_the_audit_log(place: Place) -> None:
    monitor = place.monitor()
    place.call("PATCH", f"/{monitor['id']}", {"grace_seconds": 5})
    place.call("DELETE", f"/{monitor['id']}")
    entries = [one for one in place.remote.ok("GET", "audit")["items"] if one["action"].endswith("_monitor")]
    assert [(one["action"], one["target"], one["fields"]) for one in entries[:3]] == [
        ("delete_monitor", f"/api/monitors/{monitor['id']}", []),
        ("change_monitor", f"/api/monitors/{monitor['id']}", ["grace_seconds"]),
        ("create_monitor", "/api/monitors", ["name", "interval_seconds", "grace_seconds"]),
    ]


def test_sixty_requests_a_minute_and_pings_are_not_among_them(place: Place) -> None:
    watch = stopwatch()
    monitor = place.monitor()
    asked = 1
    while (refused := place.call("GET", f"/{monitor['id']}")).status_code == 200:
        asked += 1
    assert 60 <= asked <= 61 + watch() / 1_000_000  # all at once if one likes, and one more each second
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limited")
    assert refused.headers["retry-after"] == "1"
    assert {place.ping(monitor["slug"], "POST").status_code for _ in range(70)} == {200}


def test_guessing_slugs_leads_nowhere(place: Place) -> None:
    """Twenty may be wrong; then even a right one tells nothing, but where this address has pinged it before."""
    known, other = place.monitor("known"), place.monitor("other")
    guesser = httpx2.HTTPTransport(local_address="127.0.0.2")
    with httpx2.Client(base_url=f"{place.url}/p/", transport=guesser) as client:
        assert client.get(known["slug"]).status_code == 200
        statuses = [client.get(f"other-{i:05}").status_code for i in range(40)]
        assert statuses[:20] == [404] * 20
        assert 429 in statuses
        while (refused := client.get(other["slug"])).status_code == 404:
            pass
        assert client.get(known["slug"]).status_code == 200
    assert (refused.status_code, int(refused.headers["retry-after"]) > 0) == (429, True)
    assert place.ping(other["slug"]).status_code == 200


def test_a_slug_goes_with_its_job_and_stays_when_it_is_renamed(place: Place) -> None:
    monitor = place.monitor()
    assert place.ping(monitor["slug"]).status_code == 200
    place.remote.ok("PATCH", "jobs/daily-backup", {"jobKey": "renamed"})
    assert place.ping(f"{monitor['slug']}/fail").status_code == 200
    assert len(_runs(place, "renamed")) == 2
    assert place.call("DELETE", f"/{monitor['id']}").status_code == 204
    assert place.ping(monitor["slug"]).status_code == 404


def test_a_body_that_is_far_too_large_is_refused(place: Place) -> None:
    monitor = place.monitor()
    assert place.ping(monitor["slug"], "POST", content=b"x" * 2_621_440).status_code == 200
    large = place.ping(monitor["slug"], "POST", content=b"x" * 2_621_441)
    assert (large.status_code, large.json()["error"]["code"]) == (413, "payload_too_large")
    [run] = _runs(place)
    assert run["message"] == "x" * 10_240
    name = {"name": "x" * 102_400, "interval_seconds": 60}
    assert place.call("POST", "", name).status_code == 413


def _runs(place: Place, job: str = "daily-backup") -> list[dict[str, Any]]:
    return list(place.remote.ok("GET", f"jobs/{job}/runs")["items"])
