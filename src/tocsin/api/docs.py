"""The API's own page: every endpoint, what it takes and what it answers, drawn from the OpenAPI document, without any
outside host and without a script."""

import json
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from html import escape
from itertools import groupby
from typing import Any

from fastapi import FastAPI
from starlette.responses import Response

from tocsin.api.envelope import HEADERS

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "code,pre{font-family:ui-monospace,monospace}pre{background:#f4f4f4;color:#222;padding:1rem;overflow:auto}"
    "summary{cursor:pointer;padding:.3rem 0}b{display:inline-block;min-width:4.5rem}"
    "table{border-collapse:collapse}td,th{padding:.2rem 1rem .2rem 0;text-align:left;vertical-align:top}"
)
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
_REFERENCE = "#/components/schemas/"
Schema = dict[str, Any]


def add_docs(app: FastAPI, address: str) -> None:
    """Serve the page at `address`."""

    @app.get(address, include_in_schema=False)
    def docs() -> Response:
        page = "".join(_page(app.openapi(), str(app.openapi_url)))
        return Response(page, headers={**HEADERS, "Content-Security-Policy": _POLICY}, media_type="text/html")


def _page(document: Schema, source: str) -> Iterator[str]:
    title = escape(document["info"]["title"])
    yield f"<!doctype html><html lang=en><meta charset=utf-8><title>{title} API</title><style>{_STYLE}</style>"
    yield f"<h1>{title} API</h1><p>{escape(document['info']['description'])}</p>"
    yield f"<p>The same as OpenAPI 3.1: <a href='{escape(source)}'><code>{escape(source)}</code></a>.</p>"
    operations = [
        (operation.get("tags", ["other"])[0], path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    for tag, group in groupby(sorted(operations, key=lambda one: one[0]), key=lambda one: one[0]):
        yield f"<h2>{escape(tag.capitalize())}</h2>"
        for _, path, method, operation in group:
            yield from _operation(path, method, operation)
    yield "<h2>Objects</h2>"
    for name, schema in sorted(document["components"]["schemas"].items()):
        yield f"<h3 id='{_anchor(name)}'>{escape(schema.get('title', name))}</h3>"
        yield from _object(schema)


def _operation(path: str, method: str, operation: Schema) -> Iterator[str]:
    yield f"<details><summary><b>{method.upper()}</b><code>{escape(path)}</code></summary>"
    yield f"<p>{escape(operation.get('description', ''))}</p>"
    if parameters := operation.get("parameters", []):
        yield "<ul>"
        for parameter in parameters:
            yield f"<li><code>{escape(parameter['name'])}</code> ({parameter['in']}): {_type(parameter['schema'])}</li>"
        yield "</ul>"
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    if content:
        yield f"<p>Body: {_type(content['schema'])}</p>"
        yield from _object(content["schema"])
        for example in _examples(content):
            yield f"<pre>{escape(json.dumps(example, indent=2, ensure_ascii=False))}</pre>"
    for status, answer in operation["responses"].items():
        schema = answer.get("content", {}).get("application/json", {}).get("schema")
        words = escape(answer["description"])
        yield f"<p>{escape(status)}: {_type(schema) if schema else ''} {words}</p>"
    yield "</details>"


def _object(schema: Schema) -> Iterator[str]:
    """The fields of an object, each with its type."""
    if "description" in schema:
        yield f"<p>{escape(schema['description'])}</p>"
    if fields := schema.get("properties"):
        yield "<table>"
        required = schema.get("required", [])
        for name, field in fields.items():
            optional = "" if name in required else " (optional)"
            yield f"<tr><td><code>{escape(name)}</code>{optional}<td>{_type(field)}"
        yield "</table>"


def _type(schema: Schema) -> str:
    """A schema in a few words; what has a name is a link to it."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_REFERENCE)
        return f"<a href='#{_anchor(name)}'>{escape(name)}</a>"
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(_type(choice) for choice in choices)
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    limits = {key: value for key, value in schema.items() if key not in _UNSAID}
    said = escape(", ".join(f"{key} {json.dumps(value, ensure_ascii=False)}" for key, value in limits.items()))
    kind = escape(str(schema.get("type", "anything")))
    return f"{kind} <code>{said}</code>" if said else kind


_UNSAID = {"type", "title", "description", "properties", "required", "items", "examples", "$defs"}


def _examples(content: Schema) -> list[Any]:
    """The bodies that the document shows."""
    single = [content["example"]] if "example" in content else []
    return [*single, *(one["value"] for one in content.get("examples", {}).values())]


def _anchor(name: str) -> str:
    return escape(f"object-{name}", quote=True)
