"""What nodes tell each other beside all transactions: PostgreSQL carries it (NOTIFY), and keeps nothing of it.

Whoever commits a NOTIFY takes a lock that all others who do want too. So it is never said in a transaction that does
something else, but on a connection of its own, where nobody waits for it.
"""

import json
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any, NamedTuple

import psycopg
from sqlalchemy import make_url

_CHANNEL = "tocsin_news"
#: A notification holds less than 8,000 bytes, and an id at most 19 digits.
_MOST_IDS = 300


class Kind(StrEnum):
    JOINED = "joined"  # a node listens from now on, and knows nothing yet
    WATCHED = "watched"  # somebody looks at these workspaces
    TURNED = "turned"
    HEARD = "heard"


class News(NamedTuple):
    kind: Kind
    workspaces: frozenset[int]


class Line:
    """A node's connection. Not for several tasks at a time."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection

    async def say(self, kind: Kind, workspaces: Collection[int] = ()) -> None:
        """Raises psycopg.Error where the connection is lost."""
        for some in _parts(workspaces):
            text = json.dumps({"kind": kind, "workspaces": some})
            await self._connection.execute("SELECT pg_notify(%s, %s)", (_CHANNEL, text))

    async def hear(self, seconds: float) -> AsyncIterator[News]:
        """What other nodes say in the next `seconds`. Raises psycopg.Error where the connection is lost."""
        async for notice in self._connection.notifies(timeout=seconds):
            if notice.pid != self._connection.info.backend_pid and (news := _read(notice.payload)) is not None:
                yield news


@asynccontextmanager
async def join(url: str) -> AsyncIterator[Line]:
    """Listen in the database at `url` (a `Store.url`), until the block ends."""
    parsed = make_url(url)
    _, arguments = parsed.get_dialect()().create_connect_args(parsed)
    async with await psycopg.AsyncConnection.connect(autocommit=True, **arguments) as connection:
        await connection.execute(f"LISTEN {_CHANNEL}")
        yield Line(connection)


def _parts(workspaces: Collection[int]) -> Iterator[list[int]]:
    ids = sorted(workspaces)
    for first in range(0, max(len(ids), 1), _MOST_IDS):
        yield ids[first : first + _MOST_IDS]


def _read(text: str) -> News | None:
    """None: it is nothing that this version knows. Another one may run beside it."""
    try:
        said = json.loads(text)
        return News(Kind(said["kind"]), frozenset(map(int, said["workspaces"])))
    except (ValueError, TypeError, KeyError):
        return None
