"""The same hostile corpus on every protocol but our own: the same answer on both engines, and never a 5xx."""

import gzip
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.acceptance.conftest import Home
from tests.api.bad_input import CORPUS, Bad
from tests.support.databases import Postgres
from tests.support.raw import Answer, request, say
from tests.support.remote import Remote
from tests.support.server import Server

pytestmark = [pytest.mark.acceptance, pytest.mark.postgresql]

JSON = ("Content-Type", "application/json")
API_KEY = ("X-API-Key", "API-KEY")
AUTH = ("X-Sentry-Auth", "Sentry sentry_key=DSN-KEY")
ENVELOPE, CRON = "/api/DSN-PROJECT/envelope/", "/api/DSN-PROJECT/cron/{}/DSN-KEY/"
BEARER = ("Authorization", "Bearer API-KEY")
MONITORS, MONITOR, PINGED = "/api/monitors", "/api/monitors/MONITOR-ID", "/p/PING-SLUG"
BY_UUID, BY_KEY = "/ping/PING-UUID", "/ping/PING-KEY"
BODIES = [bad for bad in CORPUS if bad.method == "POST" and bad.body is not None]
#: What a text may be where a name belongs; each as it is written in an address, and in JSON.
TEXTS = [
    ("nul", "%00", "\0"),
    ("surrogate", "%ed%a0%80", "\ud800"),
    ("not utf-8", "%ff%fe", "\udfff"),
    ("sql", "%27;DROP%20TABLE%20runs;--", "'; DROP TABLE runs;--"),
    ("html", "%3Cscript%3E", "<script>"),
    ("emoji", "%F0%9F%98%80", "😀"),
    ("control", "%07%1b%5b", "\x07\x1b["),
    ("dots", "%2e%2e", ".."),
    ("slash", "a%2fb", "a/b"),
    ("endless", "x" * 5_000, "x" * 5_000),
    ("direction", "%E2%80%AE", "\u202e"),
    ("newline", "%0d%0aX-Evil:1", "\r\nX-Evil: 1"),
]


@dataclass
class Pair:
    """A server on each engine. `API-KEY`, `DSN-KEY` and their like in a request stand for each one's own."""

    servers: list[tuple[Server, dict[bytes, bytes]]]

    def say(self, *pieces: bytes) -> Answer:
        """The one answer that both give."""
        answers = []
        for server, own in self.servers:
            said = list(pieces)
            for name, value in own.items():
                said = [piece.replace(name, value) for piece in said]
            answers.append(say(server.url, *said))
        assert len({answer.status for answer in answers}) == 1, answers
        assert 200 <= answers[0].status < 500, answers
        return answers[0]


@pytest.fixture(scope="module")
def pair(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with ExitStack() as stack:
        homes = [
            Home(tmp_path_factory.mktemp("sqlite"), ""),
            Home(tmp_path_factory.mktemp("postgresql"), stack.enter_context(postgres.database(empty=True))),
        ]
        servers = []
        for home in homes:
            server = stack.enter_context(home.serving(sentry_rate="0", pingguard_rate="0"))
            servers.append((server, {name.encode(): value.encode() for name, value in _own(server).items()}))
        yield Pair(servers)
        for server, _ in servers:
            assert '"level": "error"' not in server.output, server.output
            assert "Traceback" not in server.output, server.output


def _own(server: Server) -> dict[str, str]:
    """What leads to this server's workspace, and to a job in it."""
    remote = Remote(server)
    me = remote.ok("GET", "workspaces/me")
    dsn = urlsplit(me["sentryDsn"])
    job = remote.ok("POST", "jobs", {"jobKey": "hostile-pings", "name": "x", "schedule": {"type": "none"}})
    authorization = {"Authorization": f"Bearer {server.api_key}"}
    monitors = httpx2.get(f"{server.url}/api/monitors", headers=authorization, trust_env=False).json()["monitors"]
    return {
        "API-KEY": server.api_key,
        "DSN-KEY": dsn.username or "",
        "DSN-PROJECT": dsn.path[1:],
        "PING-UUID": job["healthchecksUrl"].rpartition("/")[2],
        "PING-KEY": me["pingKey"],
        "PING-SLUG": monitors[0]["slug"],
        "MONITOR-ID": monitors[0]["id"],
    }


@pytest.mark.parametrize("bad", BODIES, ids=lambda bad: bad.name)
def test_a_body_is_taken_for_what_it_is(pair: Pair, bad: Bad) -> None:
    body = bad.body or b""
    item = b'{}\n{"type":"check_in","length":%d}\n%s\n' % (len(body), body)
    assert pair.say(request("POST", ENVELOPE, body, [AUTH])).status in {200, 400, 413}
    assert pair.say(request("POST", ENVELOPE, item, [AUTH])).status == 200
    packed = gzip.compress(item)
    assert pair.say(request("POST", ENVELOPE, packed, [AUTH, ("Content-Encoding", "gzip")])).status == 200
    assert pair.say(request("POST", CRON.format("job"), body, [JSON])).status in {202, 413}
    assert pair.say(request("POST", "/api/v1/heartbeat/end", body, [API_KEY, JSON])).status in {400, 413}
    assert pair.say(request("POST", "/api/v1/heartbeat/job/log", body, [API_KEY])).status in {202, 400, 413}
    for path in (PINGED, PINGED + "/fail", PINGED + "/log", BY_UUID, BY_UUID + "/3", BY_KEY + "/hostile-pings/log"):
        assert pair.say(request("POST", path, body, [JSON])).status == 200  # what a ping says may be anything
    assert pair.say(request("POST", MONITORS, body, [BEARER, JSON])).status in {400, 413}
    assert pair.say(request("PATCH", MONITOR, body, [BEARER, JSON])).status in {200, 400, 413}


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "x-unknown"])
def test_a_bomb_is_not_inflated_where_nothing_is(pair: Pair, encoding: str) -> None:
    """Sentry alone takes compressed bodies, and cuts them off: see `test_sentry`."""
    bomb = gzip.compress(gzip.compress(b"\0" * 50_000_000))
    coded = ("Content-Encoding", encoding)
    assert pair.say(request("POST", MONITORS, bomb, [BEARER, JSON, coded])).status == 400
    assert pair.say(request("POST", "/api/v1/heartbeat/end", bomb, [API_KEY, JSON, coded])).status == 400
    for path in (PINGED, BY_UUID):
        assert pair.say(request("POST", path, bomb, [coded])).status == 200
    for server, _ in pair.servers:
        told = Remote(server).ok("GET", "jobs/hostile-pings/runs?pageSize=1")["items"][0]["message"]
        assert len((told or "").encode()) <= 10_240


@pytest.mark.parametrize(("name", "address", "text"), TEXTS, ids=[name for name, _, _ in TEXTS])
def test_a_name_may_be_anything(pair: Pair, name: str, address: str, text: str) -> None:
    for place in ("monitor_slug", "environment", "release", "check_in_id", "status", "server_name"):
        fields: dict[str, Any] = {"monitor_slug": "hostile", "status": "ok", place: text}
        fields["monitor_config"] = {"schedule": {"type": "crontab", "value": "0 3 * * *"}}
        body = b'{}\n{"type":"check_in"}\n' + json.dumps(fields).encode()
        assert pair.say(request("POST", ENVELOPE, body, [AUTH])).status == 200
        query = f"?status=ok&{place}={address}"
        assert pair.say(request("GET", CRON.format("hostile") + query, None)).status in {202, 400}
    assert pair.say(request("GET", CRON.format(address) + "?status=ok", None)).status in {202, 400, 404, 403}
    assert pair.say(request("POST", f"/api/{address}/envelope/", b"{}", [AUTH])).status in {400, 403, 404, 415}
    for place in ("name", "run_id", "tenant", "environment", "message", "status", "exit_code", "duration_ms"):
        body = json.dumps({"name": "hostile", place: text}).encode()
        assert pair.say(request("POST", "/api/v1/heartbeat/end", body, [API_KEY, JSON])).status in {202, 400, 404}
        query = f"?{place}={address}"
        assert pair.say(request("POST", f"/api/v1/heartbeat/hostile/end{query}", None, [API_KEY])).status in {
            202,
            400,
            404,
        }
    assert pair.say(request("POST", f"/api/v1/heartbeat/{address}/ping", None, [API_KEY])).status in {202, 400, 404}
    for path in (
        f"{BY_UUID}/{address}",
        f"{BY_KEY}/{address}?create=1",
        f"/ping/{address}/hostile",
        f"/ping/{address}",
    ):
        assert pair.say(request("GET", path, None)).status in {200, 201, 400, 404}
    for place in ("rid", "create", "other"):
        query = f"?{place}={address}"
        assert pair.say(request("POST", BY_UUID + query, None)).status in {200, 400}
    for path in (f"{PINGED}/{address}", f"/p/{address}/"):
        assert pair.say(request("GET", path, None)).status == 404
    assert pair.say(request("GET", f"{PINGED}?duration_ms={address}", None)).status == 400
    for path in (f"{MONITORS}/{address}", f"{MONITOR}/{address}", f"{MONITORS}/monitor_{address}/pings"):
        assert pair.say(request("GET", path, None, [BEARER])).status == 404
    assert pair.say(request("GET", f"{MONITOR}/pings?page={address}", None, [BEARER])).status == 400
    for place in ("name", "interval_seconds", "grace_seconds"):
        body = json.dumps({"name": "hostile", "interval_seconds": 3600, place: text}).encode()
        assert pair.say(request("POST", MONITORS, body, [BEARER, JSON])).status in {201, 400}
        assert pair.say(request("PATCH", MONITOR, body, [BEARER, JSON])).status in {200, 400}


@pytest.mark.parametrize("value", ["\xff\xfe", "x" * 300, "\xe2\x80\xae", "😀".encode().decode("latin-1"), ""])
def test_a_header_may_be_anything(pair: Pair, value: str) -> None:
    for header in ("X-Hexcovery-Host", "X-Tocsin-Project", "X-API-Key", "Content-Encoding", "Content-Type"):
        headers = [(header, value), *([API_KEY] if header != "X-API-Key" else [])]
        pair.say(request("POST", "/api/v1/heartbeat/ping", b'{"name": "by-header"}', headers))
    for header in ("X-Sentry-Auth", "Content-Encoding", "Content-Type"):
        headers = [(header, value), *([AUTH] if header != "X-Sentry-Auth" else [])]
        pair.say(request("POST", ENVELOPE, b"{}", headers))
    for header in ("Authorization", "Content-Encoding", "Content-Type", "Idempotency-Key", "X-Forwarded-For"):
        headers = [(header, value), *([BEARER] if header != "Authorization" else [])]
        pair.say(request("PATCH", MONITOR, b"{}", headers))
        pair.say(request("POST", PINGED, b"{}", headers))
        pair.say(request("POST", BY_UUID, b"{}", headers))


@pytest.mark.parametrize(
    "path",
    [
        ENVELOPE,
        CRON.format("job"),
        "/api/v1/heartbeat/ping",
        "/api/v1/heartbeat/x/ping",
        PINGED,
        MONITORS,
        MONITORS + "/x",
        MONITOR + "/pings",
        BY_UUID,
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_a_method_may_be_anything(pair: Pair, path: str, method: str) -> None:
    pair.say(request(method, path, None, [AUTH, API_KEY, BEARER]))


def test_two_check_ins_of_one_moment_and_one_id_are_one_run(pair: Pair) -> None:
    fields = {"monitor_slug": "same", "status": "in_progress", "check_in_id": "a" * 32}
    fields_made: dict[str, Any] = {**fields, "monitor_config": {"schedule": {"type": "crontab", "value": "@daily"}}}
    body = b"{}\n" + b"".join(b'{"type":"check_in"}\n%s\n' % json.dumps(fields_made).encode() for _ in range(50))
    assert pair.say(request("POST", ENVELOPE, body, [AUTH])).status == 200
    for server, _ in pair.servers:
        assert Remote(server).ok("GET", "jobs/same/runs")["total"] == 1


def test_lengths_that_lie_and_bodies_that_never_end(pair: Pair) -> None:
    for path, headers in (
        (ENVELOPE, [AUTH]),
        (CRON.format("job"), [JSON]),
        ("/api/v1/heartbeat/ping", [API_KEY, JSON]),
        (MONITORS, [BEARER, JSON]),
        (PINGED, []),
        (BY_UUID, []),
    ):
        huge = request("POST", path, None, [*headers, ("Content-Length", "9" * 18)])
        assert pair.say(huge).status in {400, 413}
        chunked = request("POST", path, None, [*headers, ("Transfer-Encoding", "chunked")])
        chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
        assert pair.say(chunked, *[chunk] * 22).status in {0, 400, 413}


def test_a_key_that_sends_too_much_is_told_when_to_go_on(tmp_path: Path) -> None:
    with Home(tmp_path, "").serving(ingest_rate="3", pingguard_rate="3") as server:
        told = Remote(server).ok("GET", "workspaces/me")
        with httpx2.Client(base_url=server.url, trust_env=False, timeout=30) as client:
            asked = [
                ("/api/v1/heartbeat/x/ping", {"X-API-Key": server.api_key}),
                ("/api/monitors", {"Authorization": f"Bearer {server.api_key}"}),
            ]
            for path, headers in asked:
                answers = [client.get(path, headers=headers) for _ in range(6)]
                assert {answer.status_code for answer in answers[:3]} <= {200, 202}
                assert answers[-1].status_code == 429
                assert int(answers[-1].headers["retry-after"]) >= 1
            # Whoever pings by a secret address has no key that could be counted.
            free = [client.get(f"/ping/{told['pingKey']}/free?create=1").status_code for _ in range(20)]
            assert free == [201] + [200] * 19
