"""Every way a request can fail, as one envelope with one sentence."""

from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tocsin.api.envelope import failure
from tocsin.api.sentences import sentence
from tocsin.application.errors import ErrorCode, Refused, invalid, not_json
from tocsin.secret_box import SecretError

_log = structlog.get_logger(__name__)
_WORDS = {
    404: (ErrorCode.NOT_FOUND, "There is nothing at this address. See /api/v1/openapi.json for what there is."),
    405: (ErrorCode.VALIDATION, "This address does not know this method."),
}


def install(app: FastAPI) -> None:
    """Answer every refusal, and what the framework finds wrong, in the envelope."""
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(SecretError, _sealed)


class LastResort:
    """ASGI middleware, outermost: what nobody foresaw is logged in full and answered 500 without a detail."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def watch(message: Message) -> None:
            nonlocal has_begun
            has_begun = has_begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception as error:
            if scope["type"] != "http" or has_begun:
                raise
            _log.exception("request_failed", error=type(error).__name__, method=scope["method"], path=scope["path"])
            refusal = Refused(500, ErrorCode.SERVER_ERROR, "Something went wrong on our side. Try again later.")
            await failure(refusal)(scope, receive, send)


async def _refused(_: Request, error: Any) -> Response:
    return failure(error)


async def _invalid(_: Request, error: Any) -> Response:
    first = error.errors()[0]
    return failure(not_json() if first["type"] == "json_invalid" else invalid(sentence(first)))


async def _sealed(_: Request, error: Any) -> Response:
    _log.error("secret_unreadable", reason=str(error))
    sentence = "This node cannot open the workspace's secrets: its operator has to give it the current secret key file."
    return failure(Refused(503, ErrorCode.UNAVAILABLE, sentence))


async def _http(request: Request, error: Any) -> Response:
    code, message = _WORDS.get(error.status_code, (ErrorCode.VALIDATION, str(error.detail)))
    answer = failure(Refused(error.status_code, code, message))
    answer.headers.update(error.headers or {})
    if error.status_code == 405:
        answer.headers["Allow"] = ", ".join(_methods(request))
    return answer


def _methods(request: Request) -> list[str]:
    """What the address knows: the framework names the methods of one route only, and each of ours has one."""
    known: dict[str, set[str]] = {}
    for route in request.app.routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            known.setdefault(route.path, set()).update(route.methods or ())
    if not known:
        return []
    # Of `/{provider}/{name}` and `/{provider}/test` the second is meant.
    path = min(known, key=lambda path: path.count("{"))
    beside = request.app.state.described.get(path, {})
    return sorted(known[path] | {method.upper() for method in beside})
