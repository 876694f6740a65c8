"""How the OpenAPI document tells of a route that machines report to."""

from typing import Any

from pydantic import BaseModel

from tocsin.api.document import CREDENTIALS
from tocsin.api.envelope import Failure


def operation(
    name: str,
    summary: str,
    description: str,
    takes: type[BaseModel],
    example: dict[str, Any],
    status: int,
    gives: type[BaseModel],
    *in_path: str,
) -> dict[str, Any]:
    """One operation: `takes` is the body's model, `gives` the answer's, `in_path` the parameters in the address."""
    refused = _as_json(Failure.model_json_schema())
    return {
        "operationId": name,
        "tags": ["ingest"],
        "security": CREDENTIALS,
        "summary": summary,
        "description": description,
        "parameters": [
            *({"name": one, "in": "path", "required": True, "schema": {"type": "string"}} for one in in_path),
            {"name": "Idempotency-Key", "in": "header", "required": False, "schema": {"type": "string"}},
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": takes.model_json_schema(), "example": example}},
        },
        "responses": {
            str(status): {
                "description": "Recorded.",
                "content": _as_json(gives.model_json_schema(mode="serialization")),
            },
            "4XX": {"description": "Refused; the message says why, and what to do.", "content": refused},
            "503": {
                "description": "Too much is waiting to be recorded; try again after Retry-After.",
                "content": refused,
            },
        },
    }


def _as_json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
