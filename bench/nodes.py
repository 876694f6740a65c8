"""The nodes of a Tocsin that is to notice silence, and the wait for its moment."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from bench.databases import Database
from bench.processes import Server, running
from tocsin.clock import SystemClock
from tocsin.domain.model import SECOND


class TooSlowError(RuntimeError):
    """The servers were not ready when the streams fell silent."""


@contextmanager
def nodes(database: Database, manner: str) -> Iterator[list[Server]]:
    """The server, or an api and a worker; the one that is pinged comes first."""
    place = ("--port", "0", "--database-url", database.url, "--data-dir", str(database.folder))
    roles = ("api", "worker") if manner == "beside a worker" else ("all",)
    with ExitStack() as stack:
        yield [
            stack.enter_context(running("tocsin", "serve", "--role", role, *place, folder=database.folder))
            for role in roles
        ]


def sleep_until(moment: int) -> None:
    """Raises `TooSlowError` where the moment is over."""
    left = (moment - SystemClock().now()) / SECOND
    if left < 0:
        raise TooSlowError
    time.sleep(left)
