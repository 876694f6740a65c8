"""One corpus of bad requests, the same answers on both engines, and nothing half written."""

from collections.abc import Iterator

import pytest

from tests.api.bad_input import CORPUS, Bad
from tests.api.conftest import Api, MakeApi
from tocsin.store.engine import Store


@pytest.mark.parametrize("bad", CORPUS, ids=lambda bad: bad.name)
def test_bad_input_is_told_what_is_wrong(api: Api, bad: Bad) -> None:
    headers = {**api.headers, **dict(bad.headers)}
    answer = api.client.request(bad.method, bad.path, content=bad.body, headers=headers)
    envelope = answer.json()
    assert (answer.status_code, envelope["statusCode"]) == (bad.status, bad.status), envelope
    assert envelope["isSuccess"] is False
    assert bad.says in envelope["message"]
    assert envelope["message"].endswith(".")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert api.ok("GET", "/tenants")["total"] == 1


def test_the_limit_holds_without_a_declared_length(api: Api) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(1_000):
            yield b" " * 1024

    assert "100 KB" in api.refused(413, "POST", "/tenants", content=chunks())


def test_the_largest_body_passes(api: Api) -> None:
    body = b'{"externalId": "acme", "padding": "' + b"x" * (100 * 1024 - 37) + b'"}'
    assert len(body) == 100 * 1024
    api.ok("POST", "/tenants", content=body, headers={"Content-Type": "application/json; charset=utf-8"})


def test_what_nobody_foresaw_is_a_bare_500(sqlite_store: Store, make_api: MakeApi) -> None:
    api = make_api(sqlite_store)
    with sqlite_store.write() as connection:
        connection.exec_driver_sql("ALTER TABLE api_keys RENAME TO lost")
    message = api.as_(X_Api_Key="sg_" + "0" * 48).refused(500, "GET", "/tenants")
    assert message == "Something went wrong on our side. Try again later."


def test_the_api_describes_itself(anonymous: Api) -> None:
    document = anonymous.call("GET", "/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert {"/api/v1/jobs/{jobKey}", "/api/v1/auth/login"} <= set(document["paths"])


def test_the_api_shows_itself_without_any_outside_host(anonymous: Api) -> None:
    page = anonymous.call("GET", "/docs")
    assert page.headers["Content-Type"].startswith("text/html")
    assert "/api/v1/jobs/{jobKey}/runs" in page.text
    assert "//" not in page.text.replace("://json-schema.org", "")
