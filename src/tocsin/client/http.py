"""HTTP to the server. Of the standard library: a client that is to start in milliseconds cannot load a larger one."""

import ssl
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from tocsin import __version__
from tocsin.client.destination import Answer, Destination, UnreachableError

_ANSWER_BYTES = 64 * 1024


class Server:
    """One destination, over a connection that is kept for the next request. `post` is a `destination.Post`."""

    def __init__(self, target: Destination) -> None:
        self._target = target
        self._connection: HTTPConnection | None = None
        self._prefix = ""

    def post(self, path: str, body: bytes, headers: Mapping[str, str], seconds: float) -> Answer:
        """Redirects are not followed: the answer says so, and a POST that became a GET would report nothing."""
        everything = {**headers, "X-Api-Key": self._target.api_key, "User-Agent": f"tocsin/{__version__}"}
        is_kept = self._connection is not None
        try:
            return self._once(path, body, everything, seconds)
        except (OSError, HTTPException, ValueError) as error:
            self.close()
            if not is_kept or isinstance(error, TimeoutError):
                raise UnreachableError(_why(error)) from error
        try:  # the server may have closed what we had kept
            return self._once(path, body, everything, seconds)
        except (OSError, HTTPException, ValueError) as error:
            self.close()
            raise UnreachableError(_why(error)) from error

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _once(self, path: str, body: bytes, headers: Mapping[str, str], seconds: float) -> Answer:
        if self._connection is None:
            self._connection = self._open(seconds)
        self._connection.timeout = seconds
        if self._connection.sock is not None:
            self._connection.sock.settimeout(seconds)
        self._connection.request("POST", self._prefix + path, body, dict(headers))
        answer = self._connection.getresponse()
        return Answer(answer.status, self._read(answer))

    def _read(self, answer: HTTPResponse) -> bytes:
        content = answer.read(_ANSWER_BYTES)
        if not answer.isclosed():  # there is more than anybody needs: such a connection is of no more use
            self.close()
        return content

    def _open(self, seconds: float) -> HTTPConnection:
        url = urlsplit(self._target.url)
        host, is_secure = url.hostname or "", url.scheme == "https"
        proxy = urlsplit("" if proxy_bypass(host) else getproxies().get(url.scheme, ""))
        if not proxy.hostname:
            self._prefix = url.path
            return _connection(host, url.port, seconds, is_secure=is_secure)
        if not is_secure:
            self._prefix = self._target.url
            return _connection(proxy.hostname, proxy.port, seconds, is_secure=False)
        self._prefix = url.path
        connection = _connection(proxy.hostname, proxy.port, seconds, is_secure=True)
        connection.set_tunnel(host, url.port or 443)
        return connection


def _connection(host: str, port: int | None, seconds: float, *, is_secure: bool) -> HTTPConnection:
    if is_secure:
        return HTTPSConnection(host, port, timeout=seconds, context=ssl.create_default_context())
    return HTTPConnection(host, port, timeout=seconds)


def _why(error: Exception) -> str:
    """Never the request's own words: they hold the key."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError):
        return error.strerror or str(error) or type(error).__name__
    return "the URL, or what answers there, is not of HTTP"
