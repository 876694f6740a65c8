"""The OpenAPI document: whole, typed, and readable without any outside host."""

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.api.conftest import Api
from tests.support.document import Document


@pytest.fixture
def document(anonymous: Api) -> dict[str, Any]:
    answer: dict[str, Any] = anonymous.call("GET", "/openapi.json").json()
    return answer


def test_every_answer_says_what_it_holds(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            successes = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
            assert successes, f"{method} {path}"
            for answer in successes:
                schema = answer["content"]["application/json"]["schema"]
                envelope = schemas[schema["$ref"].rpartition("/")[2]]
                assert envelope["properties"]["data"].keys() & {"$ref", "anyOf", "items", "type"}, f"{method} {path}"


def test_the_judge_finds_faults(document: dict[str, Any]) -> None:
    judge = Document(document)
    success = {"isSuccess": True, "errorCode": 0, "message": "OK"}
    tenant = {"id": "01a201a1-34b0-7000-8003-f4152757fe3d", "externalId": "acme", "name": None, "isActive": True}
    tenant["createdAt"] = "2026-01-05T12:00:00Z"
    path = "/api/v1/tenants/acme"
    assert judge.faults("GET", path, 200, {**success, "data": tenant}) == []
    assert judge.faults("GET", path, 200, {**success, "data": {**tenant, "more": 1}})
    assert judge.faults("GET", path, 200, {**success, "data": {**tenant, "createdAt": "yesterday"}})
    assert judge.faults("GET", path, 200, {**success, "data": None})
    assert judge.faults("GET", path, 302, {})


class _Addresses(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self.tags.add(tag)
        self.links += [value for name, value in attrs if name in {"href", "src"} and value]
        self.anchors |= {name for name in (known.get("id"),) if name}


def test_the_page_shows_everything_and_needs_nobody_else(anonymous: Api, document: dict[str, Any]) -> None:
    answer = anonymous.call("GET", "/docs")
    page = _Addresses()
    page.feed(answer.text)
    assert not page.tags & {"script", "link", "img", "iframe"}
    assert {link for link in page.links if not link.startswith("#")} == {"/api/v1/openapi.json"}
    assert {link[1:] for link in page.links if link.startswith("#")} <= page.anchors
    assert len(page.anchors) == len(document["components"]["schemas"])
    for path in document["paths"]:
        assert f"<code>{path}</code>" in answer.text


def test_its_own_policy_lets_its_style_through(anonymous: Api) -> None:
    answer = anonymous.call("GET", "/docs")
    styles = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    (hashed,) = [b64encode(sha256(style.encode()).digest()).decode() for style in styles]
    assert f"style-src 'sha256-{hashed}'" in answer.headers["content-security-policy"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "style=" not in answer.text
