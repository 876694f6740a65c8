"""The OpenAPI document: the management API's, and beside it what machines ping."""

import json
from collections.abc import Mapping
from typing import Any

_HERE, _THERE = '"#/$defs/', '"#/components/schemas/'
#: Whoever may use the API may also ping.
CREDENTIALS: list[dict[str, list[str]]] = [{"APIKeyHeader": []}, {"HTTPBearer": []}]


def complete(document: dict[str, Any], described: Mapping[str, Any]) -> dict[str, Any]:
    """The document with the `described` paths added to it, also if they were before.

    Schemas that pydantic has put beside theirs (`$defs`) move to where the document keeps all of its schemas.
    """
    schemas = document["components"]["schemas"]
    for path, methods in _moved(json.loads(json.dumps(described).replace(_HERE, _THERE)), schemas).items():
        document["paths"].setdefault(path, {}).update(methods)
    return document


def _moved(part: Any, schemas: dict[str, Any]) -> Any:
    if isinstance(part, list):
        return [_moved(one, schemas) for one in part]
    if not isinstance(part, dict):
        return part
    for name, schema in part.pop("$defs", {}).items():
        schemas.setdefault(name, _moved(schema, schemas))
    return {key: _moved(value, schemas) for key, value in part.items()}
