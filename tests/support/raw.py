"""HTTP by hand over a socket: what no client library would send."""

import socket
import time
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

TIMEOUT = 10


class Answer(NamedTuple):
    """`status` is 0 where the server closed the connection without a word."""

    status: int
    body: bytes


def request(method: str, path: str, body: bytes | None, headers: Iterable[tuple[str, str]] = ()) -> bytes:
    """A well-formed request; `Content-Length` is added where there is a body."""
    lines = [f"{method} {path} HTTP/1.1", "Host: tocsin.test", *(f"{name}: {value}" for name, value in headers)]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def say(url: str, *pieces: bytes, pause: float = 0.0, half_close: bool = False) -> Answer:
    """Sends the pieces with a pause between, and closes our half if told to; gives the first final answer."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=TIMEOUT) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it answered before it had heard us out
        return _read(connection, has_body=not pieces[0].startswith(b"HEAD "))


def _read(connection: socket.socket, *, has_body: bool) -> Answer:
    with connection.makefile("rb") as stream:
        try:
            status, headers = _head(stream.readline(), stream)
            while status == 100:
                status, headers = _head(stream.readline(), stream)
            return Answer(status, stream.read(int(headers.get("content-length", 0))) if has_body else b"")
        except ConnectionError:
            return Answer(0, b"")


def _head(first: bytes, lines: Iterable[bytes]) -> tuple[int, dict[str, str]]:
    headers: dict[str, str] = {}
    for line in lines:
        if not line.strip():
            break
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    return int(first.split()[1]) if first else 0, headers
