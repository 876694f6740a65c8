"""All rows of an installation as they were at one moment, and their way back into a database of either engine."""

import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import JSON, Connection, LargeBinary, MetaData, Table, Text, create_engine, func, inspect, select, text
from sqlalchemy import cast as sql_cast

from tocsin.store import row_security
from tocsin.store.engine import Store
from tocsin.store.nodes import DEAD_AFTER
from tocsin.store.raw import cursor as driver_cursor
from tocsin.store.schema import metadata, nodes, users, workspaces

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_AT_ONCE = 1_000
_VERSION_TABLE = "alembic_version"


class UnfitRowsError(Exception):
    """Rows that this database cannot take; the message says which."""


class Shape(NamedTuple):
    """A table by its name, its columns, and those of them that hold bytes."""

    table: str
    columns: tuple[str, ...]
    binary: tuple[str, ...]


@contextmanager
def one_moment(store: Store) -> Iterator[Connection]:
    """A transaction that sees everything as it is now, whatever is committed meanwhile, and holds nobody up."""
    if store.is_sqlite:
        with store.read() as connection:
            yield connection
        return
    engine = create_engine(store.url, hide_parameters=True, isolation_level="REPEATABLE READ")
    row_security.enter(engine, row_security.EVERYTHING)
    try:
        with engine.connect().execution_options(postgresql_readonly=True) as connection, connection.begin():
            yield connection
    finally:
        engine.dispose()


def shapes() -> list[Shape]:
    """Every table, those first that others refer to."""
    return [
        Shape(
            table.name,
            tuple(column.name for column in table.columns),
            tuple(column.name for column in table.columns if isinstance(column.type, LargeBinary)),
        )
        for table in metadata.sorted_tables
    ]


def rows_of(connection: Connection, shape: Shape) -> Iterator[tuple[Any, ...]]:
    """The rows of a table in the order of its key: numbers, truths, texts, bytes and None."""
    table = metadata.tables[shape.table]
    dialect = connection.dialect
    columns = [sql_cast(c, Text) if isinstance(c.type.dialect_impl(dialect), JSON) else c for c in table.columns]
    query = select(*columns).order_by(*table.primary_key.columns).execution_options(yield_per=_AT_ONCE)
    for row in connection.execute(query):
        yield tuple(row)


def put_rows(connection: Connection, shape: Shape, rows: Iterable[Sequence[Any]]) -> None:
    """Append rows to a table. Raises `UnfitRowsError`."""
    names = (shape.table, *shape.columns)
    if not all(_NAME.fullmatch(name) for name in names):
        raise UnfitRowsError(f"{shape.table!r} is no table of ours")
    columns = ", ".join(shape.columns)
    cursor = driver_cursor(connection)
    try:
        if connection.dialect.name == "sqlite":
            marks = ", ".join("?" * len(shape.columns))
            cursor.executemany(f"INSERT INTO {shape.table} ({columns}) VALUES ({marks})", rows)
            return
        with cursor.copy(f"COPY {shape.table} ({columns}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    except connection.dialect.loaded_dbapi.Error as error:
        raise UnfitRowsError(f"the rows of {shape.table} do not fit: {type(error).__name__}") from error


def finish(connection: Connection) -> None:
    """Let what the database counts itself go on after what was put in, and see that nothing refers to nowhere."""
    if connection.dialect.name == "sqlite":
        lost = connection.execute(text("PRAGMA foreign_key_check")).first()
        if lost is not None:
            raise UnfitRowsError(f"a row of {lost[0]} refers to one of {lost[2]} that is not there")
        return
    for name in inspect(connection).get_table_names():
        for column in inspect(connection).get_columns(name):
            if "nextval" in str(column.get("default") or ""):
                _go_on_counting(connection, name, column["name"])


def _go_on_counting(connection: Connection, table: str, column: str) -> None:
    counted = Table(table, MetaData(), autoload_with=connection).c[column]
    sequence = func.pg_get_serial_sequence(table, column)
    greatest = select(func.coalesce(func.max(counted), 0) + 1).scalar_subquery()
    connection.execute(select(func.setval(sequence, greatest, False)))


def is_used(connection: Connection) -> bool:
    """Whether anybody has something in this database already."""
    there = set(inspect(connection).get_table_names())
    return any(
        table.name in there and connection.execute(select(table.c.id).limit(1)).first() is not None
        for table in (workspaces, users)
    )


def is_served(connection: Connection, now: int) -> bool:
    """Whether a node was heard in the last ten seconds."""
    if nodes.name not in inspect(connection).get_table_names():
        return False
    is_alive = nodes.c.stopped_at.is_(None) & (nodes.c.heartbeat_at > now - DEAD_AFTER)
    return connection.execute(select(nodes.c.number).where(is_alive).limit(1)).first() is not None


def drop_everything(connection: Connection) -> None:
    """Take all our tables away."""
    there = set(inspect(connection).get_table_names())
    mine = [name for name in (*reversed(metadata.tables), _VERSION_TABLE) if name in there]
    if mine:
        connection.execute(text(f"DROP TABLE {', '.join(mine)} CASCADE"))


def replace_file(new: Path, old: Path) -> None:
    """Put one closed SQLite database in the place of another, whenever the power goes. Raises `UnfitRowsError` where
    somebody has either open."""
    for path in (new, old):
        if path.exists():
            _fold_log(path)
    new.replace(old)
    folder = os.open(old.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _fold_log(path: Path) -> None:
    """All of the log into the file: a log that is left behind would be read into whatever comes in the file's place."""
    with closing(sqlite3.connect(path, isolation_level=None)) as plain:
        plain.execute("PRAGMA synchronous=FULL")
        is_busy = plain.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    log = path.with_name(f"{path.name}-wal")
    if is_busy or (log.exists() and log.stat().st_size):
        raise UnfitRowsError(f"another program has {path} open")
