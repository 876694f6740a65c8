"""The API's own page: every endpoint and what it takes, drawn from the OpenAPI document, without any outside host."""

import json
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from html import escape
from typing import Any

from fastapi import FastAPI
from starlette.responses import Response

from tocsin.api.envelope import HEADERS

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "code,pre{font-family:ui-monospace,monospace}pre{background:#f4f4f4;color:#222;padding:1rem;overflow:auto}"
    "summary{cursor:pointer;padding:.3rem 0}b{display:inline-block;min-width:4.5rem}"
)
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'; "
    "frame-ancestors 'none'; base-uri 'none'"
)


def add_docs(app: FastAPI, address: str) -> None:
    """Serve the page at `address`."""

    @app.get(address, include_in_schema=False)
    def docs() -> Response:
        page = "".join(_page(app.openapi(), str(app.openapi_url)))
        return Response(page, headers={**HEADERS, "Content-Security-Policy": _POLICY}, media_type="text/html")


def _page(document: dict[str, Any], source: str) -> Iterator[str]:
    title = escape(document["info"]["title"])
    yield f"<!doctype html><html lang=en><meta charset=utf-8><title>{title} API</title><style>{_STYLE}</style>"
    yield f"<h1>{title} API</h1><p>{escape(document['info']['description'])}</p>"
    yield f"<p>The same as OpenAPI 3.1: <a href='{escape(source)}'><code>{escape(source)}</code></a>.</p>"
    schemas = document.get("components", {}).get("schemas", {})
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield from _operation(path, method, operation, schemas)


def _operation(path: str, method: str, operation: dict[str, Any], schemas: dict[str, Any]) -> Iterator[str]:
    yield f"<details><summary><b>{method.upper()}</b><code>{escape(path)}</code></summary>"
    yield f"<p>{escape(operation.get('description', ''))}</p>"
    parameters = operation.get("parameters", [])
    if parameters:
        yield "<ul>"
        for parameter in parameters:
            schema = escape(json.dumps(parameter["schema"]))
            yield f"<li><code>{escape(parameter['name'])}</code> ({parameter['in']}): <code>{schema}</code></li>"
        yield "</ul>"
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body is not None:
        name = body.get("$ref", "").rpartition("/")[2]
        yield f"<pre>{escape(json.dumps(schemas.get(name, body), indent=2))}</pre>"
    yield "</details>"
