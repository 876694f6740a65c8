"""The same hostile corpus on every protocol but our own: the same answer on both engines, and never a 5xx."""

import gzip
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

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
    """A server on each engine. `API-KEY`, `DSN-KEY` and `DSN-PROJECT` in a request stand for each one's own."""

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
            server = stack.enter_context(home.serving(sentry_rate="0"))
            dsn = urlsplit(Remote(server).ok("GET", "workspaces/me")["sentryDsn"])
            own = {"API-KEY": server.api_key, "DSN-KEY": dsn.username or "", "DSN-PROJECT": dsn.path[1:]}
            servers.append((server, {name.encode(): value.encode() for name, value in own.items()}))
        yield Pair(servers)
        for server, _ in servers:
            assert '"level": "error"' not in server.output, server.output
            assert "Traceback" not in server.output, server.output


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


@pytest.mark.parametrize("value", ["\xff\xfe", "x" * 300, "\xe2\x80\xae", "😀".encode().decode("latin-1"), ""])
def test_a_header_may_be_anything(pair: Pair, value: str) -> None:
    for header in ("X-Hexcovery-Host", "X-Tocsin-Project", "X-API-Key", "Content-Encoding", "Content-Type"):
        headers = [(header, value), *([API_KEY] if header != "X-API-Key" else [])]
        pair.say(request("POST", "/api/v1/heartbeat/ping", b'{"name": "by-header"}', headers))
    for header in ("X-Sentry-Auth", "Content-Encoding", "Content-Type"):
        headers = [(header, value), *([AUTH] if header != "X-Sentry-Auth" else [])]
        pair.say(request("POST", ENVELOPE, b"{}", headers))


@pytest.mark.parametrize("path", [ENVELOPE, CRON.format("job"), "/api/v1/heartbeat/ping", "/api/v1/heartbeat/x/ping"])
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_a_method_may_be_anything(pair: Pair, path: str, method: str) -> None:
    pair.say(request(method, path, None, [AUTH, API_KEY]))


def test_two_check_ins_of_one_moment_and_one_id_are_one_run(pair: Pair) -> None:
    fields = {"monitor_slug": "same", "status": "in_progress", "check_in_id": "a" * 32}
    fields_made: dict[str, Any] = {**fields, "monitor_config": {"schedule": {"type": "crontab", "value": "@daily"}}}
    body = b"{}\n" + b"".join(b'{"type":"check_in"}\n%s\n' % json.dumps(fields_made).encode() for _ in range(50))
    assert pair.say(request("POST", ENVELOPE, body, [AUTH])).status == 200
    for server, _ in pair.servers:
        assert Remote(server).ok("GET", "jobs/same/runs")["total"] == 1
