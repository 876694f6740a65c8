"""The envelope of every answer."""

import json
from typing import Any, Literal

from pydantic import BaseModel
from starlette.responses import Response

from tocsin.application.errors import ErrorCode, Refused

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Failure(BaseModel):
    """What a refusal looks like; here for the OpenAPI document."""

    isSuccess: Literal[False]  # noqa: N815
    errorCode: int  # noqa: N815
    statusCode: int  # noqa: N815
    message: str


def success_body(data: Any, message: str = "OK") -> bytes:
    return _encode({"isSuccess": True, "errorCode": ErrorCode.SUCCESS, "message": message, "data": data})


def failure_body(refusal: Refused) -> bytes:
    return _encode(
        {
            "isSuccess": False,
            "errorCode": refusal.error_code,
            "statusCode": refusal.status,
            "message": refusal.message,
        }
    )


def respond(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(body, status, {**HEADERS, **(headers or {})}, "application/json")


def failure(refusal: Refused) -> Response:
    headers = {"Retry-After": str(refusal.retry_after)} if refusal.retry_after is not None else {}
    if refusal.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return respond(failure_body(refusal), refusal.status, headers)


def _encode(envelope: dict[str, Any]) -> bytes:
    return json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode()
