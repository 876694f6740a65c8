"""The process that knows Apprise: one notification, or one look at a URL, and it is gone.

It reads a JSON object from standard input (`task`: send or check; `url`, `title`, `body`, `severity`, `allowed`,
`seconds`) and writes one to standard output: `status` (200: sent; else the HTTP status Apprise met; null: none),
`said`, `arrived` (whether it may have), and `refused`, our own sentence where the URL or what it led to may not be.
Nothing but `delivery.apprise_process` starts it.

A process, because Apprise speaks to the world by itself: here an audit hook sees every connection of the interpreter
before it is made, files and programs are out of reach, memory is bounded, and whoever hangs can be ended.
"""

import json
import logging
import os
import re
import resource
import signal
import ssl
import sys
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path
from typing import Any, NoReturn

from tocsin.delivery.destinations import BadDestinationError, Network, check_address

_MEMORY = 512 << 20
_GRACE_SECONDS = 5
_SAID_LIMIT = 10_000  # far more than is shown: what hides secrets must find them whole
_STATUS = re.compile(r"\berror=(\d{3})\b")
#: Schemes that lead to the machine Tocsin runs on.
_LOCAL = {"syslog", "dbus", "kde", "qt", "glib", "gio", "gnome", "macosx", "windows", "blink1"}
#: What Python code may read: itself, and what the system says of types of files, time zones and authorities.
_READABLE = (
    "/usr/lib",
    "/usr/local/lib",
    "/usr/share",
    "/etc/ssl",
    "/etc/pki",
    "/etc/mime.types",
    "/etc/os-release",
    "/dev/null",
    "/dev/urandom",
)
_PROGRAMS = (
    "subprocess.",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "pty.",
    "ctypes.",
    "syslog.",
)
_SENDING = {"socket.connect", "socket.sendto", "socket.sendmsg"}


class Guard:
    """Refuses what a notification has no business with. `refused`: the first sentence why, in words of our own."""

    def __init__(self, allowed: list[Network]) -> None:
        self.refused = ""
        self.is_connected = False
        self._allowed = allowed
        roots = (sys.prefix, sys.base_prefix, *(path for path in sys.path if path), *_READABLE)
        self._roots = {os.path.realpath(root) for root in roots}

    def watch(self, event: str, arguments: tuple[Any, ...]) -> None:
        """An audit hook: whatever it raises, the interpreter does not do."""
        if event in _SENDING and arguments[1] is not None:
            self._connection(arguments[1])
        elif event == "http.client.send":
            self._clear_text(arguments[0].sock)
        elif event == "open":
            self._file(arguments[0])
        elif event.startswith(_PROGRAMS):
            self._refuse("The service runs on the machine of Tocsin itself.")

    def _connection(self, address: Any) -> None:
        if not isinstance(address, tuple):
            self._refuse("The service runs on the machine of Tocsin itself.")
        try:
            check_address(str(address[0]), self._allowed, is_https=True)
        except BadDestinationError as error:
            self._refuse(str(error))
        self.is_connected = True

    def _clear_text(self, sock: Any) -> None:
        if sock is None or isinstance(sock, ssl.SSLSocket):
            return
        try:
            check_address(sock.getpeername()[0], self._allowed, is_https=False)
        except BadDestinationError:
            self._refuse("The service must be spoken to over https unless the operator has permitted its address.")

    def _file(self, path: Any) -> None:
        if not isinstance(path, str | bytes):
            return
        real = Path(os.path.realpath(os.fsdecode(path)))
        if not any(str(folder) in self._roots for folder in (real, *real.parents)):
            self._refuse("The URL names a file on the machine of Tocsin itself.")

    def _refuse(self, sentence: str) -> NoReturn:
        self.refused = self.refused or sentence
        raise PermissionError(sentence)


def main() -> None:
    task = json.load(sys.stdin)
    signal.alarm(int(task["seconds"]) + _GRACE_SECONDS)  # should nobody be left to end us
    out = os.dup(1)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)  # what a service prints is no answer of ours
    _bound()
    from apprise import Apprise, NotifyFormat  # noqa: F401 -- loaded before files are out of reach

    guard = Guard([ip_network(network) for network in task["allowed"]])
    sys.addaudithook(guard.watch)
    answer = _objection(task["url"]) if task["task"] == "check" else _send(task, guard)
    os.write(out, json.dumps(answer).encode())
    os._exit(0)  # threads a service left behind are not waited for


def _bound() -> None:
    """No memory without end for an answer without end, nothing written to disk, no dump that holds a token."""
    for limit, value in ((resource.RLIMIT_AS, _MEMORY), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        with suppress(ValueError, OSError):  # not every system knows every limit
            resource.setrlimit(limit, (value, value))


def _objection(url: str) -> dict[str, Any]:
    scheme = url.partition("://")[0].lower()
    refused = "Apprise cannot use this URL: look up the form of its service." if _open(url) is None else ""
    if scheme in _LOCAL:
        refused = "The service runs on the machine of Tocsin itself."
    return {"status": None, "said": "", "refused": refused}


def _open(url: str) -> Any:
    from apprise import Apprise

    service = Apprise.instantiate(url, suppress_exceptions=True)
    return service if service is not None and service.verify_certificate else None


def _send(task: dict[str, Any], guard: Guard) -> dict[str, Any]:
    from apprise import Apprise, NotifyFormat

    lines = _Lines()
    logger = logging.getLogger("apprise")
    logger.handlers[:] = [lines]
    logger.propagate = False
    service = _open(task["url"])
    if service is None:
        return {**_objection(task["url"]), "arrived": False}
    outlet = Apprise()
    outlet.add(service)
    is_sent = bool(
        outlet.notify(task["body"], title=task["title"], notify_type=task["severity"], body_format=NotifyFormat.TEXT)
    )
    said = " ".join(lines.texts)[:_SAID_LIMIT]
    found = _STATUS.findall(said)
    status = 200 if is_sent else int(found[-1]) if found else None
    return {"status": status, "said": said, "refused": "" if is_sent else guard.refused, "arrived": guard.is_connected}


class _Lines(logging.Handler):
    """What Apprise has to say of a failure."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


if __name__ == "__main__":
    main()
