"""SQLite and PostgreSQL behind one face: a `Store` that opens transactions."""

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool, QueuePool, StaticPool

from tocsin.store import commit_counts, row_security
from tocsin.store.row_security import EVERYTHING, NOTHING
from tocsin.store.travelling import travelling_engine

#: `Connection` is for the signatures of those who are handed one: SQLAlchemy itself is imported by the store alone.
__all__ = ["Connection", "FairLock", "Store", "Transact", "Transactions"]

#: 32 MiB of pages for the writer: 1,000,000 streams stay fast, and the process well under 200 MiB.
_WRITER_CACHE_KIB = 32 * 1024
_READER_CACHE_KIB = 4 * 1024
_BUSY_TIMEOUT_MS = 15_000
#: Pages of log (64 MiB) before a commit folds it into the file. `checkpoint()`, called every second beside the writer,
#: leaves it little to do then: 100,000 deadlines were judged in 7.8 s so, and in 9.0 s with 4,000 and no help.
_CHECKPOINT_PAGES = 16_000


#: Who waits for a row waits for the transaction that holds it.
_IS_AWAITED = """
SELECT EXISTS (SELECT FROM pg_locks
WHERE NOT granted AND locktype = 'transactionid' AND transactionid = pg_current_xact_id_if_assigned()::xid)
"""


#: Opens a transaction: committed when the block ends, rolled back when it raises.
Transact = Callable[[], AbstractContextManager[Connection]]


class Transactions(Protocol):
    """What opens transactions, to read or to write: a `Store`, or its part that is one workspace's."""

    def write(self) -> AbstractContextManager[Connection]: ...

    def read(self) -> AbstractContextManager[Connection]: ...


class FairLock:
    """A lock handed on in the order of asking, so that a busy recorder cannot starve the tick, nor the tick it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._is_held = False

    def is_awaited(self) -> bool:
        """Whether somebody waits for it to be handed on."""
        return bool(self._waiting)

    def __enter__(self) -> None:
        with self._guard:
            if not self._is_held:
                self._is_held = True
                return
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        turn.acquire()

    def __exit__(self, *_: object) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._is_held = False


class Store:
    """The database of an installation.

    `write()` and `read()` give a SQLAlchemy connection inside a transaction: committed when the block ends, rolled
    back when it raises. On SQLite there is one writer at a time, in the order of asking, and readers beside it.

    They see all workspaces, for what serves all of them, or does not know yet whom it serves. Whoever works for one
    takes `of(workspace_id)`.
    """

    def __init__(self, url: str) -> None:
        """`url` is `postgresql://…`, `sqlite:///path`, or `sqlite://` for a database in memory."""
        self._tell: Callable[[commit_counts.Changes], None] | None = None
        self.url = _driver_url(url)
        self.is_sqlite = self.url.startswith("sqlite")
        self._turn = FairLock()
        self._own: list[Engine] = []
        if self.is_sqlite:
            self.path = url.removeprefix("sqlite://").removeprefix("/")
            self._writer = _sqlite_writer(self.path)
            self._reader = self._writer if not self.path else _sqlite_reader(self.path)
            commit_counts.tell_of_commits(self._writer, self._told)
        else:
            self.path = ""
            self._writer = self._reader = self._pool(EVERYTHING)
            self._narrow = self._pool(NOTHING)

    @contextmanager
    def write(self, *, is_synced: bool = True) -> Iterator[Connection]:
        """Without `is_synced`, PostgreSQL may forget the transaction when the power goes: for what would only be done
        again then."""
        if not self.is_sqlite:
            with self._writer.begin() as connection:
                if not is_synced:
                    connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
                yield connection
            return
        with self._turn, self._writer.begin() as connection:
            yield connection

    def of(self, workspace_id: int) -> Transactions:
        """The part of the store that is this workspace's: on PostgreSQL its transactions see no other rows."""
        return self if self.is_sqlite else _Part(self._narrow, workspace_id)

    @contextmanager
    def as_owner(self) -> Iterator[Connection]:
        """A transaction that may change the tables."""
        if self.is_sqlite:
            with self.write() as connection:
                yield connection
            return
        engine = create_engine(self.url, hide_parameters=True, poolclass=NullPool)
        row_security.enter(engine, EVERYTHING, as_owner=True)
        with engine.begin() as connection:
            yield connection

    def on_change(self, tell: Callable[[commit_counts.Changes], None]) -> None:
        """Call `tell` after each transaction that changed incidents, from whichever thread committed it."""
        self._tell = tell

    def _told(self, changes: commit_counts.Changes) -> None:
        if self._tell is not None:
            self._tell(changes)

    def is_awaited(self, connection: Connection) -> bool:
        """Whether somebody waits for the transaction of this connection to end: its writer's turn, or its rows."""
        if self.is_sqlite:
            return self._turn.is_awaited()
        return bool(connection.exec_driver_sql(_IS_AWAITED).scalar())

    @contextmanager
    def read(self) -> Iterator[Connection]:
        if self.is_sqlite and not self.path:  # in memory there is one connection for everything
            with self.write() as connection:
                yield connection
            return
        with self._reader.begin() as connection:
            yield connection

    def checkpoint(self) -> None:
        """On SQLite, fold what is in the write-ahead log into the file, beside the writer; it may go on writing."""
        if not self.path:
            return
        pooled = self._reader.raw_connection()
        try:
            pooled.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        finally:
            pooled.close()

    def own_session(self, options: str) -> "Transact":
        """Transactions on a connection of their own with these session settings, on PostgreSQL; else `write`."""
        if self.is_sqlite:
            return self.write
        engine = travelling_engine(self.url, options)
        row_security.enter(engine, EVERYTHING)
        commit_counts.tell_of_commits(engine, self._told)
        self._own.append(engine)
        return engine.begin

    def _pool(self, whose: str) -> Engine:
        engine = create_engine(self.url, hide_parameters=True, pool_size=5, max_overflow=10, pool_pre_ping=True)
        row_security.enter(engine, whose)
        commit_counts.tell_of_commits(engine, self._told)
        self._own.append(engine)
        return engine

    def close(self) -> None:
        self._writer.dispose()
        self._reader.dispose()
        for engine in self._own:
            engine.dispose()


class _Part:
    """Transactions of one workspace. Their connections see nothing but for what each transaction is told to see."""

    def __init__(self, engine: Engine, workspace_id: int) -> None:
        self._engine = engine
        self._workspace_id = workspace_id

    @contextmanager
    def write(self) -> Iterator[Connection]:
        with self._engine.begin() as connection:
            row_security.narrow(connection, self._workspace_id)
            yield connection

    read = write


def _driver_url(url: str) -> str:
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


def _sqlite_writer(path: str) -> Engine:
    pool: dict[str, Any] = {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 0}
    engine = create_engine(
        f"sqlite:///{path}" if path else "sqlite://",
        hide_parameters=True,
        connect_args={"check_same_thread": False, "isolation_level": None},
        **(pool if path else {"poolclass": StaticPool}),
    )

    @event.listens_for(engine, "do_connect")
    def _make_folder(*_: object) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _: object) -> None:
        # FULL: the write-ahead log is synced at each commit; NORMAL could forget commits when the power goes.
        for pragma in (
            f"busy_timeout={_BUSY_TIMEOUT_MS}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"cache_size=-{_WRITER_CACHE_KIB}",
            "temp_store=MEMORY",
            f"wal_autocheckpoint={_CHECKPOINT_PAGES}",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _sqlite_reader(path: str) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        hide_parameters=True,
        connect_args={"check_same_thread": False, "isolation_level": None},
        poolclass=QueuePool,
        pool_size=8,
        max_overflow=8,
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _: object) -> None:
        for pragma in (f"busy_timeout={_BUSY_TIMEOUT_MS}", "query_only=ON", f"cache_size=-{_READER_CACHE_KIB}"):
            connection.execute(f"PRAGMA {pragma}").fetchall()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine
