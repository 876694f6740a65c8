"""Reading a request's body without trusting its length."""

from starlette.types import Receive, Scope


class TooLargeError(ValueError):
    """The body is, or says it is, larger than the limit."""


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The whole body, at most `limit` bytes; raises `TooLargeError` without reading on."""
    declared = header(scope, b"content-length")
    if declared.isdigit() and int(declared[:20]) > limit:
        raise TooLargeError
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False) and len(body) <= limit:
        return body  # as nearly every body comes
    chunks, size = [body], len(body)
    while message["type"] == "http.request" and message.get("more_body", False):
        if size > limit:
            raise TooLargeError
        message = await receive()
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
    if size > limit:
        raise TooLargeError
    return b"".join(chunks)


def header(scope: Scope, name: bytes) -> bytes:
    """The first header of this lower-case name, or nothing."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return b""
