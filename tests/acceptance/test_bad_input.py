"""Whatever is thrown at the ping route, on the wire itself: the right answer, the same on both engines, never a 5xx."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select

from tests.acceptance import truth
from tests.acceptance.conftest import Home
from tests.api.bad_input import CORPUS, Bad
from tests.support.databases import Postgres
from tests.support.raw import Answer, request, say
from tests.support.remote import Remote
from tests.support.server import Server
from tests.support.waiting import wait_until
from tocsin.clock import SystemClock
from tocsin.store.schema import rejections, runs
from tocsin.wire_time import iso

pytestmark = [pytest.mark.acceptance, pytest.mark.postgresql]

PING = "/api/v1/jobs/nightly/ping"
JSON = ("Content-Type", "application/json")
LIMIT = 100 * 1024
#: Faults of the text itself, whatever its fields.
OF_THE_TEXT = [
    bad for bad in CORPUS if bad.method == "POST" and not bad.says.startswith(("externalId", "name", "control"))
]


@dataclass
class Pair:
    """A server on each engine, with the same job and tenants."""

    servers: list[tuple[Home, Server]]

    def say(self, *pieces: bytes, **more: Any) -> Answer:
        """The one answer both give; `API-KEY` in a piece stands for each one's own key."""
        answers = [say(server.url, *_keyed(pieces, server.api_key), **more) for _, server in self.servers]
        statuses = {answer.status for answer in answers}
        assert len(statuses) == 1, answers
        if answers[0].status >= 400:
            assert answers[0] == answers[1]
        assert answers[0].status < 500, answers
        return answers[0]

    def ping(self, body: bytes, *headers: tuple[str, str], path: str = PING) -> Answer:
        return self.say(request("POST", path, body, [("X-Api-Key", "API-KEY"), *(headers or [JSON])]))

    def count(self) -> list[int]:
        """How many runs each has stored."""
        counts = []
        for home, _ in self.servers:
            with home.store() as store:
                counts.append(len(truth.rows(store, select(runs.c.id))))
        return counts


def _keyed(pieces: tuple[bytes, ...], api_key: str) -> list[bytes]:
    return [piece.replace(b"API-KEY", api_key.encode()) for piece in pieces]


@pytest.fixture(scope="module")
def pair(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with ExitStack() as stack:
        homes = [
            Home(tmp_path_factory.mktemp("sqlite"), ""),
            Home(tmp_path_factory.mktemp("postgresql"), stack.enter_context(postgres.database(empty=True))),
        ]
        pair = Pair([(home, stack.enter_context(home.serving())) for home in homes])
        for _, server in pair.servers:
            remote = Remote(server)
            remote.job("nightly", 3600)
            remote.tenant("acme")
            remote.tenant("gone")
            remote.ok("DELETE", "tenants/gone")
        yield pair
        for home, server in pair.servers:
            with home.store() as store:
                assert truth.rows(store, select(rejections)) == []
            assert '"level": "error"' not in server.output, server.output
            assert "Traceback" not in server.output, server.output


def ping(**fields: Any) -> bytes:
    """`inSeconds` gives `occurredAt` as so many seconds from now."""
    if "inSeconds" in fields:
        fields["occurredAt"] = iso(SystemClock().now() + fields.pop("inSeconds") * 1_000_000)
    return json.dumps({"tenantId": "acme", "status": "success", **fields}).encode()


def of_size(size: int) -> bytes:
    return ping(padding="x" * (size - len(ping(padding=""))))


@pytest.mark.parametrize("bad", CORPUS, ids=lambda bad: bad.name)
def test_the_api_says_the_same_on_both_engines(pair: Pair, bad: Bad) -> None:
    answer = pair.say(request(bad.method, bad.path, bad.body, [("X-Api-Key", "API-KEY"), *bad.headers]))
    assert (answer.status, bad.says in json.loads(answer.body)["message"]) == (bad.status, True)


@pytest.mark.parametrize("bad", OF_THE_TEXT, ids=lambda bad: bad.name)
def test_a_ping_is_read_as_strictly_as_anything_else(pair: Pair, bad: Bad) -> None:
    answer = pair.say(request("POST", PING, bad.body, [("X-Api-Key", "API-KEY"), *bad.headers]))
    assert (answer.status, bad.says in json.loads(answer.body)["message"]) == (bad.status, True), answer


FIELDS: list[tuple[dict[str, Any], int, str]] = [
    ({"tenantId": None}, 422, "tenantId must be a string."),
    ({"tenantId": 5}, 422, "tenantId must be a string."),
    ({"tenantId": ""}, 422, "tenantId must be at least 1 character long."),
    ({"tenantId": "x" * 201}, 422, "tenantId must be at most 200 characters long."),
    ({"tenantId": "nobody"}, 404, "Tenant not found."),
    ({"tenantId": "ACME"}, 404, "Tenant not found."),
    ({"tenantId": "' OR 1=1 --"}, 404, "Tenant not found."),
    ({"tenantId": "gone"}, 422, "Tenant is deactivated."),
    ({"tenantId": "a\0b"}, 422, "NUL character"),
    ({"tenantId": "\ud800"}, 422, "surrogate"),
    ({"status": "ok"}, 422, "status must be"),
    ({"status": None}, 422, "status must be"),
    ({"status": ["success"]}, 422, "status must be"),
    ({"environment": ""}, 422, "environment must be at least 1 character long."),
    ({"environment": "x" * 65}, 422, "environment must be at most 64 characters long."),
    ({"runId": 7}, 422, "runId must be a string."),
    ({"runId": ""}, 422, "runId must be at least 1 character long."),
    ({"runId": "x" * 201}, 422, "runId must be at most 200 characters long."),
    ({"durationMs": -1}, 422, "durationMs must be at least 0."),
    ({"durationMs": 1.5}, 422, "durationMs must be a whole number."),
    ({"durationMs": "5"}, 422, "durationMs must be a whole number."),
    ({"durationMs": True}, 422, "durationMs must be a whole number."),
    ({"durationMs": 2**63 - 1}, 422, "durationMs must be at most"),
    ({"durationMs": 2**63}, 422, "64 bits"),
    ({"exitCode": 2**32}, 422, "exitCode must be at most"),
    ({"message": {"a": 1}}, 422, "message must be a string."),
    ({"message": "\udfff"}, 422, "surrogate"),
    ({"metrics": [1]}, 422, "metrics must be an object."),
    ({"metrics": {"rows": "5"}}, 422, "metrics.rows must be a number."),
    ({"metrics": {"a": {"b": 1}}}, 422, "metrics.a must be a number."),
    ({"metrics": {str(n): n for n in range(101)}}, 422, "metrics must have at most 100"),
    ({"metrics": {"x" * 101: 1}}, 422, "metrics"),
    ({"metrics": {"rows": float("nan")}}, 400, "NaN is no JSON number"),
    ({"metrics": {"rows": float("inf")}}, 400, "Infinity is no JSON number"),
    ({"occurredAt": 5}, 422, "occurredAt must be a string."),
    ({"occurredAt": "yesterday"}, 422, "occurredAt must be a moment"),
    ({"occurredAt": "2026-02-30T00:00:00Z"}, 422, "occurredAt must be a moment that exists"),
    ({"occurredAt": "294277-01-01T00:00:00Z"}, 422, "occurredAt must be"),
    ({"inSeconds": 360}, 422, "at most 7 days back and 5 minutes ahead"),
    ({"inSeconds": -7 * 86_400 - 60}, 422, "at most 7 days back and 5 minutes ahead"),
]


@pytest.mark.parametrize(("fields", "status", "says"), FIELDS, ids=lambda value: str(value)[:60])
def test_a_wrong_field_is_named(pair: Pair, fields: dict[str, Any], status: int, says: str) -> None:
    before = pair.count()
    answer = pair.ping(ping(**fields))
    assert (answer.status, says in json.loads(answer.body)["message"]) == (status, True), answer
    assert pair.count() == before


@pytest.mark.parametrize("missing", ["tenantId", "status"])
def test_a_missing_field_is_named(pair: Pair, missing: str) -> None:
    fields = {name: value for name, value in json.loads(ping()).items() if name != missing}
    answer = pair.ping(json.dumps(fields).encode())
    assert (answer.status, json.loads(answer.body)["message"]) == (422, f"{missing} is required.")


STRANGE_BUT_GOOD: list[dict[str, Any]] = [
    {"environment": None, "message": None, "metrics": {}},
    {"tenantId": "acme", "unknown": {"a": [1, None, True, 1e308, 2**63 - 1, -(2**63)]}},
    {"message": "é\u2028😀\n\t" * 3_000},
    {"durationMs": 0, "exitCode": -1, "metrics": {"größe": -0.0, "n": 2**53}},
    {"runId": "'; DROP TABLE runs; --"},
    {"environment": "<script>", "inSeconds": -3_600},
    {"inSeconds": 200},
]


@pytest.mark.parametrize("fields", STRANGE_BUT_GOOD, ids=lambda value: str(value)[:60])
def test_what_is_strange_but_allowed_is_recorded(pair: Pair, fields: dict[str, Any]) -> None:
    before = pair.count()
    assert pair.ping(ping(**{"status": "failure", **fields})).status == 200
    assert pair.count() == [count + 1 for count in before]


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/api/v1/jobs/nobody/ping", 404, "Job not found."),
        ("/api/v1/jobs/NIGHTLY/ping", 404, "Job not found."),
        ("/api/v1/jobs/%00/ping", 404, "Job not found."),
        ("/api/v1/jobs/%ff%fe/ping", 404, "Job not found."),
        ("/api/v1/jobs/%F0%9F%98%80/ping", 404, "Job not found."),
        (f"/api/v1/jobs/{'x' * 5_000}/ping", 404, "Job not found."),
        ("/api/v1/jobs//ping", 404, "There is nothing at this address."),
        ("/api/v1/jobs/nightly/ping/", 404, "There is nothing at this address."),
    ],
)
def test_an_unknown_job_is_not_found(pair: Pair, path: str, status: int, says: str) -> None:
    answer = pair.ping(ping(), path=path)
    assert (answer.status, says in json.loads(answer.body)["message"]) == (status, True), answer


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([], 401),
        ([("X-Api-Key", "")], 401),
        ([("X-Api-Key", "sg_" + "0" * 48)], 401),
        ([("X-Api-Key", "\xff\x80")], 401),
        ([("Authorization", "Bearer not.a.token")], 401),
        ([("Authorization", "Bearer \xff")], 401),
        ([("Authorization", "Basic YTpi")], 401),
        ([("X-Api-Key", "API-KEY"), ("Idempotency-Key", "x" * 256)], 422),
        ([("X-Api-Key", "API-KEY"), ("Idempotency-Key", "\xe9")], 422),
    ],
)
def test_headers_are_judged(pair: Pair, headers: list[tuple[str, str]], status: int) -> None:
    answer = pair.say(request("POST", PING, ping(), [JSON, *headers]))
    assert answer.status == status, answer


def test_only_post_is_a_ping(pair: Pair) -> None:
    for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS"):
        assert pair.say(request(method, PING, None, [("X-Api-Key", "API-KEY")])).status == 405


def test_the_limit_is_100_kb_exactly(pair: Pair) -> None:
    assert pair.ping(of_size(LIMIT)).status == 200
    answer = pair.ping(of_size(LIMIT + 1))
    assert (answer.status, "100 KB" in json.loads(answer.body)["message"]) == (413, True)


# --- on the wire ------------------------------------------------------------------------------------------------------

HEAD = request("POST", PING, None, [("X-Api-Key", "API-KEY"), JSON])[:-2]
BODY = ping(status="failure")
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


def test_a_slow_body_is_waited_for(pair: Pair) -> None:
    drops = [BODY[n : n + 8] for n in range(0, len(BODY), 8)]
    assert pair.say(HEAD + LENGTH + b"\r\n", *drops, pause=0.1).status == 200


def test_a_body_in_chunks_is_put_together(pair: Pair) -> None:
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in BODY)
    assert pair.say(HEAD + CHUNKED + chunks + b"0\r\n\r\n").status == 200


def test_a_body_without_end_is_cut_off(pair: Pair) -> None:
    chunk = b"2000\r\n" + b" " * 0x2000 + b"\r\n"
    assert pair.say(HEAD + CHUNKED, *[chunk] * 20).status == 413
    assert pair.say(HEAD + b"Content-Length: 99999999999999999999\r\n\r\n", b" " * 1_000).status in {400, 413}


def test_who_asks_before_sending_is_told_to_go_on(pair: Pair) -> None:
    assert pair.say(HEAD + LENGTH + b"Expect: 100-continue\r\n\r\n", BODY, pause=0.1).status == 200


def test_an_old_client_is_served(pair: Pair) -> None:
    old = (HEAD + LENGTH + b"\r\n" + BODY).replace(b"HTTP/1.1", b"HTTP/1.0")
    assert pair.say(old).status == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"HELLO\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500,
        b"POST\0 / HTTP/1.1\r\n\r\n",
        HEAD + b"Content-Length: -1\r\n\r\n" + BODY,
        HEAD + b"Content-Length: many\r\n\r\n" + BODY,
        HEAD + LENGTH + b"Content-Length: 1\r\n\r\n" + BODY,
        HEAD + CHUNKED + b"many\r\n" + BODY,
        HEAD + b"X-Bad\0: 1\r\n\r\n",
    ],
    ids=lambda sent: repr(sent[-40:]),
)
def test_what_is_not_http_is_400(pair: Pair, sent: bytes) -> None:
    before = pair.count()
    assert pair.say(sent).status == 400
    assert pair.count() == before


@pytest.mark.parametrize("kept", [0, 1, len(BODY) // 2, len(BODY) - 1])
def test_half_a_ping_is_no_ping(pair: Pair, kept: int) -> None:
    before = pair.count()
    answer = pair.say(HEAD + LENGTH + b"\r\n" + BODY[:kept], half_close=True)
    assert answer.status in {0, 400, 422}
    assert pair.count() == before


def test_who_has_said_all_may_close_their_half(pair: Pair) -> None:
    before = pair.count()
    for _, server in pair.servers:  # an answer may find the line cut, on the one and not on the other
        answer = say(server.url, *_keyed((HEAD + LENGTH + b"\r\n" + BODY,), server.api_key), half_close=True)
        assert answer.status in {0, 200}
    wait_until(lambda: pair.count() == [count + 1 for count in before], 5, "the ping to be stored")


def test_all_that_left_the_servers_well(pair: Pair) -> None:
    assert pair.ping(BODY).status == 200
    for _, server in pair.servers:
        assert Remote(server).ping("nightly", "acme")["missedRuns"] == 0
