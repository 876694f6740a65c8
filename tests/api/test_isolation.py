"""Nobody gets at another workspace, and nobody does what their role or their key may not: every route of the OpenAPI
document × every kind of caller, on both engines. A new route is in it by itself."""

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select
from starlette.routing import Route as StarletteRoute
from starlette.testclient import TestClient

from tests.api.conftest import Api
from tests.conftest import ENGINES
from tests.dashboard.conftest import Browser
from tests.support.alerting import Desk
from tests.support.people import add_user, log_in
from tests.support.statements import statements
from tests.support.waiting import wait_until
from tocsin.api.services import Services
from tocsin.bootstrap import build
from tocsin.clock import SystemClock
from tocsin.dashboard.pages import AREAS
from tocsin.domain.ids import IdMaker, from_uuid, to_uuid
from tocsin.domain.model import AlertKind
from tocsin.settings import Settings
from tocsin.store.engine import Store
from tocsin.store.schema import metadata
from tocsin.wire_time import iso

PUBLIC = {
    "POST /auth/register",
    "POST /auth/login",
    "POST /auth/login/totp",
    "POST /auth/refresh",
    "POST /auth/token",
    "POST /auth/password/reset",
    "POST /auth/password/reset/confirm",
    "POST /invitations/accept",
}
#: For a signed-in user, whatever their role; no API key.
USER = {
    "POST /auth/logout",
    "POST /auth/password",
    "POST /auth/totp",
    "POST /auth/totp/confirm",
    "DELETE /auth/totp",
    "POST /workspaces",
}
INGEST = {"POST /jobs/{jobKey}/ping", "POST /events", "POST /events/batch"}
READ = {"POST /schedules/preview", "POST /patterns/test"}
ADMINISTRATION = ("/keys", "/invitations", "/audit")
ADMINISTERED = ("/members", "/workspaces/")

#: Who may what, as docs/accounts.md says: a table of its own, beside the one that is enforced.
MAY = {
    "owner": {"read", "ingest", "write", "administer", "user"},
    "admin": {"read", "ingest", "write", "administer", "user"},
    "member": {"read", "ingest", "write", "user"},
    "viewer": {"read", "user"},
    "key for ingest": {"ingest"},
    "key for read": {"read"},
    "key for admin": {"read", "ingest", "write", "administer"},
    "key for ingest and read": {"ingest", "read"},
}
#: Bodies without which a route would say 422 before it looks for anything.
BODIES: dict[str, Any] = {
    "POST /jobs/{jobKey}/ping": {"tenantId": "secret-tenant", "status": "success"},
    "PATCH /members/{userId}": {"role": "viewer"},
    "PATCH /tenants/{tenant}": {"name": "Changed"},
    "PATCH /jobs/{jobKey}": {"name": "Changed"},
    "PATCH /patterns/{pattern}": {"isEnabled": False},
    "POST /incidents/{incident}/notes": {"text": "Changed"},
    "POST /incidents/{incident}/snooze": {"seconds": 60},
}
#: Parameters of addresses that name no object of a workspace.
NAMES = {"provider": "slack", "name": "default"}


class Route(NamedTuple):
    method: str
    path: str
    queries: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def parameters(self) -> list[str]:
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]

    @property
    def needs(self) -> str:
        if self.name in USER:
            return "user"
        if self.name in INGEST:
            return "ingest"
        if self.path.startswith(ADMINISTRATION):
            return "administer"
        if self.method == "GET" or self.name in READ:
            return "read"
        return "administer" if self.path.startswith(ADMINISTERED) else "write"

    def address(self, values: dict[str, str]) -> str:
        path = self.path
        for name in self.parameters:
            path = path.replace(f"{{{name}}}", values[name])
        return path


class World(NamedTuple):
    """Two workspaces: ours, of which `secrets` hold every id and name, and another."""

    store: Store
    ours: Api
    theirs: Api
    secrets: dict[str, str]

    @property
    def routes(self) -> list[Route]:
        paths = self.ours.client.get("/api/v1/openapi.json").json()["paths"]
        found = [
            Route(
                method.upper(),
                path.removeprefix("/api/v1"),
                tuple(p["name"] for p in operation.get("parameters", []) if p["in"] == "query"),
            )
            for path, methods in paths.items()
            for method, operation in methods.items()
        ]
        return sorted(found, key=lambda route: route.path == "/auth/logout")  # whoever logs out may ask no more


@pytest.fixture(params=ENGINES)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    if request.param == "sqlite":
        yield from _world(tmp_path, "")
        return
    with request.getfixturevalue("postgres").database(empty=True) as url:
        yield from _world(tmp_path, url)


def _world(folder: Path, url: str) -> Iterator[World]:
    application = build(Settings(data_dir=folder, database_url=url, role="api", ingest_rate=0, api_rate=0))
    assert application.first_start is not None
    with TestClient(application.asgi, raise_server_exceptions=False) as client:
        services = cast(Services, SimpleNamespace(store=application.store, ids=IdMaker(200)))
        clock: Any = SystemClock()
        nobody = Api(client, services, clock, [])
        ours = nobody.as_(X_Api_Key=application.first_start.api_key)
        ours.workspace_id = from_uuid(ours.ok("GET", "/workspaces/me")["id"]) or 0
        add_user(ours, "them@example.com")
        made = log_in(ours, "them@example.com").ok("POST", "/workspaces", {"name": "Theirs"})
        theirs = nobody.as_(X_Api_Key=made["apiKey"])
        theirs.workspace_id = from_uuid(made["workspace"]["id"]) or 0
        yield World(application.store, ours, theirs, _furnish(ours, theirs, application.store))


def _furnish(ours: Api, theirs: Api, store: Store) -> dict[str, str]:
    """One of everything that a workspace can hold."""
    job = {"name": "Secret", "expectedIntervalSeconds": 3600, "failureThreshold": 1}
    tenant = ours.ok("POST", "/tenants", {"externalId": "secret-tenant", "name": "Secret tenant"})["id"]
    ours.ok("POST", "/jobs", {**job, "jobKey": "secret-job"})
    theirs.ok("POST", "/jobs", {**job, "jobKey": "their-job", "name": "Theirs"})
    ours.ok(
        "POST", "/jobs/secret-job/ping", {"tenantId": "secret-tenant", "status": "failure", "message": "secret-text"}
    )
    pattern = {"id": "secret_pattern", "name": "Secret pattern", "eventTypes": ["secret_failed"]}
    event = {"integrationKey": "secret-integration", "eventType": "secret_failed", "tenantId": "secret-tenant"}
    ours.ok("POST", "/patterns", pattern)
    ours.ok("POST", "/events", {**event, "rawPayload": {"text": "secret-text"}})
    slack = {"config": {"webhookUrl": "https://hooks.slack.com/services/T/B/secret-hook"}}
    channel = from_uuid(ours.ok("PUT", "/workspaces/me/channels/slack", slack)["id"]) or 0
    (incident,) = ours.ok("GET", "/incidents?jobKey=secret-job")["items"]
    with store.write() as connection:
        desk = Desk(connection, ours.services.ids)
        number = desk.delivery(
            ours.workspace_id, from_uuid(incident["id"]) or 0, channel, AlertKind.BLAST_RADIUS_EXPANDED
        )
    theirs_too = {"target": {"kind": "tag", "value": "secret-tag"}, "reason": "secret-text"}
    planned = {"startsAt": "2099-01-01T02:00:00Z", "endsAt": "2099-01-01T04:00:00Z"}
    until = iso(SystemClock().now() + 86_400_000_000)
    return {
        "mute": ours.ok("POST", "/mutes", {**theirs_too, "until": until})["id"],
        "window": ours.ok("POST", "/maintenance", {**theirs_too, **planned})["id"],
        "tenant": tenant,
        "jobKey": "secret-job",
        "stream": ours.ok("GET", "/jobs/secret-job/streams")["items"][0]["id"],
        "run": ours.ok("GET", "/jobs/secret-job/runs")["items"][0]["id"],
        "incident": incident["id"],
        "pattern": "secret_pattern",
        "delivery": to_uuid(number),
        "userId": add_user(ours, "secret@example.com", "member"),
        "invitation": ours.ok("POST", "/invitations", {"email": "secret2@example.com", "role": "admin"})["id"],
        "link": ours.ok("POST", "/public-links", {"kind": "badge", "target": {"kind": "workspace"}, "title": "secret"})[
            "id"
        ],
        "key": ours.ok("POST", "/keys", {"name": "secret-key", "scopes": ["read"]})["key"]["id"],
    }


def _unknown(world: World) -> dict[str, str]:
    """Of the same looks, and nobody's."""
    fresh = {name: to_uuid(IdMaker(201).new(SystemClock().now())) for name in world.secrets}
    return {**fresh, "jobKey": "nobodys-job", "pattern": "nobodys_pattern"}


def _callers(world: World) -> dict[str, Api]:
    for role in ("owner", "admin", "member", "viewer"):
        add_user(world.ours, f"{role}@example.com", role)
    callers = {role: log_in(world.ours, f"{role}@example.com") for role in ("owner", "admin", "member", "viewer")}
    for scopes in (["ingest"], ["read"], ["admin"], ["ingest", "read"]):
        name = f"key for {' and '.join(scopes)}"
        made = world.ours.ok("POST", "/keys", {"name": name, "scopes": scopes})
        callers[name] = world.ours.as_(X_Api_Key=made["apiKey"])
    return callers


def test_every_caller_may_what_the_table_says(world: World) -> None:
    callers, unknown, wrong = _callers(world), {**_unknown(world), **NAMES}, []
    assert callers.keys() == MAY.keys()
    for route in (one for one in world.routes if one.name not in PUBLIC):
        for caller, may in MAY.items():
            body = BODIES.get(route.name, {}) if route.method != "GET" else None
            status = callers[caller].call(route.method, route.address(unknown), body).status_code
            is_let_in = status not in {401, 403}
            if is_let_in is not (route.needs in may) or status == 401 or status >= 500:
                wrong.append((route.name, caller, status))
    assert wrong == []


def test_without_a_credential_nothing_opens(world: World) -> None:
    nobody, unknown = world.ours.as_(), {**_unknown(world), **NAMES}
    for route in world.routes:
        body = BODIES.get(route.name, {}) if route.method != "GET" else None
        answer = nobody.call(route.method, route.address(unknown), body)
        assert answer.status_code in ({401} if route.name not in PUBLIC else {401, 403, 422}), route.name


def test_what_belongs_to_others_is_as_unknown_as_what_nobody_has(world: World) -> None:
    """The same status, the same body, and as many questions to the database: the time tells nothing either."""
    member = log_in(world.ours, "them@example.com", workspaceId=to_uuid(world.theirs.workspace_id))
    before, wrong = _contents(world), []
    unknown = _unknown(world)
    tried = 0
    world.theirs.call("POST", "/jobs/any/ping", BODIES["POST /jobs/{jobKey}/ping"])
    for route, caller in product(world.routes, (member, world.theirs)):
        if not set(route.parameters) - NAMES.keys() or route.name in PUBLIC:
            continue
        tried += 1
        for own in ({}, {"jobKey": "their-job"}):
            if own and ("jobKey" not in route.parameters or len(route.parameters) == 1):
                continue
            foreign, nobodys = (_ask(caller, route, {**ids, **NAMES, **own}) for ids in (world.secrets, unknown))
            if foreign != nobodys or foreign[0] != 404:
                wrong.append((route.name, foreign, nobodys))
    assert wrong == []
    assert tried > 30
    assert _contents(world) == before


def test_no_list_shows_what_belongs_to_others(world: World) -> None:
    """Nor where it is asked for by its name."""
    canaries = [*world.secrets.values(), to_uuid(world.ours.workspace_id), "secret", "Secret"]
    filters = {f"{name}Id": value for name, value in world.secrets.items()} | {
        "jobKey": "secret-job",
        "integrationKey": "secret-integration",
    }
    asked = 0
    for route in world.routes:
        if route.method != "GET" or set(route.parameters) - NAMES.keys():
            continue
        for query in ("", *(f"?{name}={filters[name]}" for name in route.queries if name in filters)):
            answer = world.theirs.call("GET", route.address(NAMES) + query)
            assert answer.status_code in {200, 404}, (route.name, query, answer.text)
            assert [canary for canary in canaries if canary in answer.text] == [], (route.name, query)
            asked += 1
    assert asked > 10


def test_every_parameter_of_an_address_is_known_here(world: World) -> None:
    known = world.secrets.keys() | NAMES.keys()
    assert {name for route in world.routes for name in route.parameters} <= known


def _ask(caller: Api, route: Route, values: dict[str, str]) -> tuple[int, str, int]:
    """(status, body, how many statements it took)"""
    body = BODIES.get(route.name, {}) if route.method != "GET" else None
    with statements() as counted:
        answer = caller.call(route.method, route.address(values), body)
    return answer.status_code, answer.text, len(counted)


def _contents(world: World) -> dict[str, list[str]]:
    """Every row of our workspace, once our check-in is counted: it is with the node's next heartbeat."""
    wait_until(lambda: _rows(world)["intake"], 30, "the count of our check-in")
    return _rows(world)


def _rows(world: World) -> dict[str, list[str]]:
    tables = [table for table in metadata.sorted_tables if "workspace_id" in table.c]
    with world.store.read() as connection:
        mine = {table.name: select(table).where(table.c.workspace_id == world.ours.workspace_id) for table in tables}
        return {name: sorted(str(row) for row in connection.execute(query)) for name, query in mine.items()}


# --- beside the OpenAPI document: other protocols, and pages ----------------------------------------------------------

#: What is served beside the document and the dashboard, and what opens it.
BESIDE = {
    "/healthz": "nothing: it tells nothing of anybody",
    "/readyz": "nothing: it tells nothing of anybody",
    "/metrics": "the operator's token",
    "/static/{}/{}": "nothing: the same for everybody",
    "/live": "a cookie",
    "/badge/{}": "the address",
    "/ping/{}": "the address",
    "/p/{}": "the address",
    "/api/{}/envelope": "a DSN",
    "/api/{}/cron/{}/{}": "a DSN",
    "/api/v1/heartbeat/{}": "a key",
    "/api/v1/heartbeat/{}/{}": "a key",
    "/api/monitors": "a key or a token",
    "/api/monitors/{}": "a key or a token",
}
_TOLD = ("secret-job", "secret-tenant", "secret-text", "Secret tenant", "secret-integration", "secret_pattern")


def _shape(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path).rstrip("/") or "/"


def _routes_beside(world: World) -> list[StarletteRoute]:
    documented = {_shape(f"/api/v1{route.path}") for route in world.routes}
    app: Any = world.ours.client.app
    return [one for one in app.routes if isinstance(one, StarletteRoute) and _shape(one.path) not in documented]


def _pages(method: str) -> set[str]:
    return {path for pages in AREAS for path, _ in pages.addresses(method)}


def test_every_route_beside_the_document_is_known_here(world: World) -> None:
    pages = {_shape(path) for path in _pages("GET") | _pages("POST")}
    assert {_shape(one.path) for one in _routes_beside(world)} - pages == BESIDE.keys()


def test_protocols_open_their_own_workspace_alone(world: World) -> None:
    ours, theirs = (api.ok("GET", "/workspaces/me") for api in (world.ours, world.theirs))
    project, key = (urlsplit(one["sentryDsn"]) for one in (ours, theirs))
    unknown = "/api/999999999/cron/secret-job"
    monitor = _ask_monitors(world.ours, "GET", "")[1]["monitors"][0]["id"]
    before = _contents(world)
    said = [
        # A project of ours with their key is as unknown as a project that nobody has.
        (_say(world.theirs, "POST", f"/api{project.path}/cron/secret-job/{key.username}/"), 403),
        (_say(world.theirs, "POST", f"{unknown}/{key.username}/"), 403),
        (_say(world.theirs, "GET", f"/ping/{theirs['pingKey']}/secret-job"), 404),
        (_say(world.theirs, "GET", f"/ping/{theirs['pingKey']}/nobodys-job"), 404),
    ]
    assert [answer.status_code for answer, _ in said] == [status for _, status in said]
    assert len({answer.content for answer, _ in said}) == 2
    for method in ("GET", "PATCH", "DELETE"):
        foreign, nobodys = (
            _ask_monitors(world.theirs, method, f"/{one}") for one in (monitor, "monitor_0123456789abcdef")
        )
        assert foreign == nobodys
        assert foreign[0] == 404
    assert [one["name"] for one in _ask_monitors(world.theirs, "GET", "")[1]["monitors"]] == ["Theirs"]
    # Whoever calls a job as ours is called makes one of their own.
    assert _say(world.theirs, "POST", "/api/v1/heartbeat/secret-job/ping").status_code == 202
    assert world.theirs.ok("GET", "/jobs/secret-job")["name"] == "secret-job"
    assert _contents(world) == before


def test_protocols_ask_what_a_caller_may(world: World) -> None:
    for name, caller in _callers(world).items():
        told = _say(caller, "POST", "/api/v1/heartbeat/may-i/ping").status_code
        assert told == (202 if "ingest" in MAY[name] else 403), name
        assert _ask_monitors(caller, "GET", "")[0] == (200 if "read" in MAY[name] else 403), name
        made = _ask_monitors(caller, "POST", "", {"name": f"By {name}", "interval_seconds": 60})
        assert made[0] == (201 if "write" in MAY[name] else 403), name


def test_no_page_shows_what_belongs_to_others(world: World) -> None:
    """Whatever is asked for by its id, in whichever part of an address."""
    browser = TestClient(world.ours.client.app, base_url="http://localhost")
    visitor = Browser(browser)
    visitor.sign_in("them@example.com")
    canaries = [*_TOLD, *(value for name, value in world.secrets.items() if name != "userId")]
    tried = 0
    for path in sorted(_pages("GET")):
        for address in _addresses(path, list(world.secrets.values())):
            answer = browser.get(address)
            assert answer.status_code in {200, 404}, (address, answer.status_code)
            assert [canary for canary in canaries if canary in answer.text and canary not in address] == [], address
            tried += 1
    assert tried > 5


def _addresses(path: str, values: list[str]) -> list[str]:
    """The address with each of the values in place of its parameters."""
    return [re.sub(r"\{[^}]*\}", value, path) for value in values] if "{" in path else [path]


def _say(caller: Api, method: str, address: str, json: Any = None) -> Any:
    return caller.client.request(method, address, headers=caller.headers, json=json)


def _ask_monitors(caller: Api, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """(status, body); a token stands where a key does."""
    key = caller.headers.get("X-Api-Key")
    headers = {"Authorization": f"Bearer {key}"} if key else caller.headers
    body = {"name": "Changed"} if method == "PATCH" else body
    answer = caller.client.request(method, f"/api/monitors{path}", headers=headers, json=body)
    return answer.status_code, answer.json() if answer.content else None
