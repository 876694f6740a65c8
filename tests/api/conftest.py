"""The management API in process, over real HTTP messages and a real database."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import httpx2
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from tests.support.document import Document
from tests.support.routes import borrow_api, give_back
from tocsin.api.app import build_api
from tocsin.api.services import Services
from tocsin.application import accounts
from tocsin.clock import ManualClock
from tocsin.delivery.channel import Config, Delivered, Verdict
from tocsin.domain.ids import IdMaker
from tocsin.secret_box import SecretBox
from tocsin.settings import Settings
from tocsin.store.engine import Store

PASSWORD = "correct horse battery staple"


@dataclass
class Api:
    """A client of the API that speaks as one workspace. `call` gives the whole answer, `ok` the data of a success.

    Every answer is held against the OpenAPI `document`.
    """

    client: TestClient
    services: Services
    clock: ManualClock
    tests_sent: list[tuple[str, Config]]
    headers: dict[str, str] = field(default_factory=dict)
    workspace_id: int = 0
    document: Document | None = None

    def call(self, method: str, path: str, json: Any = None, **more: Any) -> httpx2.Response:
        headers = {**self.headers, **more.pop("headers", {})}
        if json is not None:
            more["json"] = json
        answer = self.client.request(method, f"/api/v1{path}", headers=headers, **more)
        if self.document is not None and answer.headers.get("content-type") == "application/json":
            assert self.document.faults(method, f"/api/v1{path}", answer.status_code, answer.json()) == []
        return answer

    def ok(self, method: str, path: str, json: Any = None, **more: Any) -> Any:
        answer = self.call(method, path, json, **more)
        assert answer.status_code in {200, 201}, answer.text
        body = answer.json()
        assert body["isSuccess"] is True
        assert body["errorCode"] == 0
        return body["data"]

    def refused(self, status: int, method: str, path: str, json: Any = None, **more: Any) -> str:
        """The message of a refusal with this status."""
        answer = self.call(method, path, json, **more)
        assert answer.status_code == status, answer.text
        body = answer.json()
        assert body["isSuccess"] is False
        assert body["statusCode"] == status
        assert "data" not in body
        return str(body["message"])

    def as_(self, **headers: str) -> "Api":
        """The same API with other credentials."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Api(self.client, self.services, self.clock, self.tests_sent, named, self.workspace_id, self.document)


@cache
def _document() -> Document:
    nobody: Any = None
    return Document(build_api(nobody).openapi())


class MakeApi(Protocol):
    """Builds the API on a store, with settings other than the usual."""

    def __call__(self, store: Store, **settings: Any) -> Api: ...


@pytest.fixture
def make_api(tmp_path: Path, clock: ManualClock, ids: IdMaker) -> Iterator[MakeApi]:
    served: list[tuple[TestClient, FastAPI]] = []

    def make(store: Store, **settings: Any) -> Api:
        sent: list[tuple[str, Config]] = []

        def send_test(provider: str, config: Config) -> Verdict:
            sent.append((provider, config))
            return Delivered("HTTP 200: ok", 200)

        secrets = SecretBox.open(tmp_path / "secret.key")
        known = Settings(base_url="https://tocsin.test", **settings)
        services = Services(store, clock, ids, secrets, known, send_test)
        app = borrow_api(services)
        client = TestClient(app)
        client.__enter__()
        served.append((client, app))
        return Api(client, services, clock, sent, document=_document())

    yield make
    for client, app in served:
        client.__exit__(None, None, None)
        give_back(app)


def in_workspace(api: Api, name: str = "Acme") -> Api:
    """The API with the key of a new workspace."""
    with api.services.store.write() as connection:
        made = accounts.create_workspace(connection, api.services.ids, api.clock.now(), name)
    joined = api.as_(X_Api_Key=made.api_key)
    joined.workspace_id = made.id
    return joined


@pytest.fixture
def api(store: Store, make_api: MakeApi) -> Api:
    """The API on each engine, with the key of a workspace."""
    return in_workspace(make_api(store))


@pytest.fixture
def anonymous(sqlite_store: Store, make_api: MakeApi) -> Api:
    """The API without credentials, on SQLite."""
    return make_api(sqlite_store)


@pytest.fixture
def stranger(api: Api) -> Api:
    """Another workspace of the same installation."""
    return in_workspace(api, "Stranger")
