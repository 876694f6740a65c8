"""Whatever is thrown at the event routes: the right answer, the same on both engines, nothing half stored."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from sqlalchemy import select

from tests.acceptance import truth
from tests.acceptance.conftest import Home
from tests.acceptance.test_bad_input import JSON, LIMIT, OF_THE_TEXT, Pair
from tests.api.bad_input import Bad
from tests.support.databases import Postgres
from tests.support.raw import Answer, request
from tests.support.remote import Remote
from tocsin.store.schema import events, incidents, integration_patterns, rejections, tenants

pytestmark = [pytest.mark.acceptance, pytest.mark.postgresql]

EVENTS, BATCH = "/api/v1/events", "/api/v1/events/batch"
GOOD = {"integrationKey": "payments", "eventType": "auth_failed", "tenantId": "acme"}


@pytest.fixture(scope="module")
def pair(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with ExitStack() as stack:
        homes = [
            Home(tmp_path_factory.mktemp("sqlite"), ""),
            Home(tmp_path_factory.mktemp("postgresql"), stack.enter_context(postgres.database(empty=True))),
        ]
        pair = Pair([(home, stack.enter_context(home.serving())) for home in homes])
        for _, server in pair.servers:
            Remote(server).tenant("gone")
            Remote(server).ok("DELETE", "tenants/gone")
        yield pair
        for home, server in pair.servers:
            with home.store() as store:
                assert truth.rows(store, select(rejections)) == []
            assert '"level": "error"' not in server.output, server.output
            assert "Traceback" not in server.output, server.output


def send(pair: Pair, path: str, body: bytes, *headers: tuple[str, str]) -> Answer:
    return pair.say(request("POST", path, body, [("X-Api-Key", "API-KEY"), *(headers or [JSON])]))


def event(**fields: Any) -> bytes:
    return json.dumps({**GOOD, **fields}).encode()


def stored(pair: Pair) -> list[list[int]]:
    """How many rows each has in every table an event could touch."""
    counts = []
    for home, _ in pair.servers:
        with home.store() as store:
            tables = (events, incidents, integration_patterns, tenants)
            counts.append([len(truth.rows(store, select(table.c.id))) for table in tables])
    return counts


@pytest.mark.parametrize("path", [EVENTS, BATCH])
@pytest.mark.parametrize("bad", OF_THE_TEXT, ids=lambda bad: bad.name)
def test_an_event_is_read_as_strictly_as_anything_else(pair: Pair, path: str, bad: Bad) -> None:
    if path == BATCH and bad.name in {"a list", "over 100 KB"}:
        pytest.skip("a batch may be a list, and larger")
    before = stored(pair)
    answer = pair.say(request("POST", path, bad.body, [("X-Api-Key", "API-KEY"), *bad.headers]))
    assert (answer.status, bad.says in json.loads(answer.body)["message"]) == (bad.status, True), answer
    assert stored(pair) == before


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ({"tenantId": "gone"}, 422, "Tenant is deactivated."),
        ({"tenantId": " new"}, 404, "Tenant not found."),
        ({"tenantId": "new\u0007"}, 404, "Tenant not found."),
        ({"tenantId": "\0"}, 422, "NUL character"),
        ({"tenantId": "\ud800"}, 422, "surrogate"),
        ({"eventType": "x" * 10_240}, 422, "eventType must be at most 200 characters long."),
        ({"errorCode": 503}, 422, "errorCode must be a string."),
        ({"rawPayload": {"x": "y" * 65_536}}, 422, "rawPayload must be at most 64 KB of JSON."),
        ({"rawPayload": {"x": 2**63}}, 422, "64 bits"),
        ({"rawPayload": {"\udfff": 1}}, 422, "surrogate"),
        ({"occurredAt": "1969-12-31T23:59:59Z"}, 422, "occurredAt must be"),
    ],
    ids=lambda value: str(value)[:50],
)
@pytest.mark.parametrize("path", [EVENTS, BATCH])
def test_of_what_is_refused_nothing_is_stored(
    pair: Pair, path: str, fields: dict[str, Any], status: int, says: str
) -> None:
    before = stored(pair)
    good = {**GOOD, "tenantId": "never seen before", "integrationKey": "never seen before"}
    body = event(**fields) if path == EVENTS else json.dumps([good, {**GOOD, **fields}]).encode()
    answer = send(pair, path, body)
    message = json.loads(answer.body)["message"]
    assert (answer.status, says in message) == (status, True), answer
    assert stored(pair) == before


def test_what_is_strange_but_allowed_is_kept_alike(pair: Pair) -> None:
    payload = {"é\u2028😀": "\n\t\\\"'{},", "": 1e308, "n": [-(2**63), 2**63 - 1, 0.1, True, None], "NULL": "NULL"}
    strange = {
        "integrationKey": "'; DROP TABLE events; --",
        "eventType": 'AUTH_failed {"a",NULL} \\',
        "errorCode": "401",
    }
    assert send(pair, EVENTS, event(**strange, rawPayload=payload, tenantId='größe, "x" \\ {NULL}')).status == 201
    for _, server in pair.servers:
        [kept] = Remote(server).ok("GET", "events", params={"tenantId": 'größe, "x" \\ {NULL}'})["items"]
        assert kept["rawPayload"] == payload
        assert {name: kept[name] for name in strange} == strange
        found = Remote(server).ok("GET", "events", params={"payload.NULL": "NULL", "payload.é\u2028😀": "\n\t\\\"'{},"})
        assert [one["id"] for one in found["items"]] == [kept["id"]]


def test_limits_of_size(pair: Pair) -> None:
    padded = event(padding="x" * (LIMIT - len(event(padding=""))))
    assert send(pair, EVENTS, padded).status == 201
    answer = send(pair, EVENTS, padded + b" ")
    assert (answer.status, "100 KB" in json.loads(answer.body)["message"]) == (413, True)
    many = json.dumps([{**GOOD, "rawPayload": {"x": "y" * 3_000}}] * 1_000).encode()
    assert send(pair, BATCH, many).status == 201
    answer = send(pair, BATCH, many + b" " * (4 * 1024 * 1024))
    assert (answer.status, "4 MB" in json.loads(answer.body)["message"]) == (413, True)


def test_who_may_not_send(pair: Pair) -> None:
    for headers in ([JSON], [JSON, ("X-Api-Key", "sg_" + "0" * 48)], [JSON, ("Authorization", "Bearer x.y.z")]):
        assert pair.say(request("POST", EVENTS, event(), headers)).status == 401
    assert send(pair, EVENTS, event(), ("Content-Type", "text/plain")).status == 415


@pytest.mark.parametrize("path", [EVENTS, BATCH])
def test_other_methods(pair: Pair, path: str) -> None:
    for method in ("PUT", "DELETE", "PATCH"):
        assert pair.say(request(method, path, None, [("X-Api-Key", "API-KEY")])).status == 405
