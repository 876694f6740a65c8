"""A server's API, as the file's reader and writer use it."""

import json
import time
from collections.abc import Callable, Iterator
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.parse import quote
from urllib.request import HTTPErrorProcessor, Request, build_opener

from tocsin import __version__
from tocsin.client.destination import Destination

_SECONDS = 30.0
_TRIES = 5
_LONGEST_WAIT = 60.0
_PAGE = 100


class RemoteError(Exception):
    """What the server said, or why it could not be asked: a sentence."""


class _AsItCame(HTTPErrorProcessor):
    """A refusal is an answer like any other. So is a redirect: followed, a POST would become a GET, which does nothing,
    and the key would go to somebody else."""

    def http_response(self, request: Request, response: HTTPResponse) -> HTTPResponse:
        return response

    https_response = http_response


_opener = build_opener(_AsItCame)


class Remote:
    """Requests with an API key. `data` is what the server answers; it waits where it is told to ask later."""

    def __init__(self, target: Destination, sleep: Callable[[float], None] = time.sleep) -> None:
        self._target = target
        self._sleep = sleep

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Raises `RemoteError`."""
        for _ in range(_TRIES):
            status, content, after = self._once(method, path, body)
            if status not in {429, 503}:
                break
            self._sleep(min(after, _LONGEST_WAIT))
        if status in {200, 201} and content.get("isSuccess") is True:
            return content.get("data")
        raise RemoteError(str(content.get("message") or f"The server answered {status}, and not as Tocsin does."))

    def pages(self, path: str) -> Iterator[Any]:
        """Every item of a list."""
        number, seen = 1, 0
        while True:
            page = self.call("GET", f"{path}?page={number}&pageSize={_PAGE}")
            yield from page["items"]
            seen += len(page["items"])
            if seen >= page["total"] or not page["items"]:
                return
            number += 1

    def _once(self, method: str, path: str, body: Any) -> tuple[int, dict[str, Any], float]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"X-Api-Key": self._target.api_key, "User-Agent": f"tocsin/{__version__}"}
        headers |= {"Content-Type": "application/json"} if data is not None else {}
        request = Request(f"{self._target.url}/api/v1{path}", data, headers, method=method)  # noqa: S310 -- http(s) alone
        try:
            with _opener.open(request, timeout=_SECONDS) as answer:
                status, content, answered = answer.status, answer.read(), answer.headers
        except (OSError, HTTPException, ValueError) as error:
            raise RemoteError(f"{self._target.url} could not be reached: {_why(error)}.") from None
        if 300 <= status < 400:
            elsewhere = answered.get("Location", "another address")
            raise RemoteError(f"{self._target.url} sends on to {elsewhere}: give the address of the server itself.")
        return status, _content(content), _seconds(answered.get("Retry-After", ""))


def path_of(*parts: str) -> str:
    return "".join(f"/{quote(part, safe='')}" for part in parts)


def _why(error: Exception) -> str:
    if isinstance(error, HTTPException):
        return "what answers there breaks off, or is not of HTTP"
    return str(getattr(error, "reason", None) or type(error).__name__)


def _seconds(text: str) -> float:
    """A proxy may also name a date."""
    return float(text) if text.isascii() and text.isdigit() else 1


def _content(text: bytes) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
