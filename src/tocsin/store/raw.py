"""Whole rows in and out on the driver's own cursor: for the few statements that every check-in or deadline pays for.

Through SQLAlchemy Core a batch costs two thirds more (its dictionaries, and result metadata made anew each time); these
helpers take rows as tuples in column order, and know how each engine takes many at once: SQLite by `executemany`,
PostgreSQL as one array literal a column.
"""

import json
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any

from pydantic_core import to_json
from sqlalchemy import Connection
from sqlalchemy.types import Boolean, Text

from tocsin.store.schema import metadata
from tocsin.store.travelling import is_travelling

Rows = Collection[tuple[Any, ...]]
#: The name of a column and its values, one a row.
Column = tuple[str, tuple[Any, ...]]
#: Columns that have one value in all rows, each with how the statement says it.
Said = tuple[tuple[str, str], ...]
#: From so many rows on a statement of their own pays, in which what they share is said once.
_VERY_MANY = 200


def is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def cursor(connection: Connection) -> Any:
    """The driver's cursor, inside the connection's transaction."""
    return connection.connection.cursor()


def together(connection: Connection) -> AbstractContextManager[Any]:
    """A block whose statements travel together: one round trip on PostgreSQL."""
    driver: Any = connection.connection.driver_connection
    return nullcontext() if is_sqlite(connection) or is_travelling(driver) else driver.pipeline()


def select(connection: Connection, sqlite: str, postgres: str, *values: Any) -> list[tuple[Any, ...]]:
    """The rows of a statement worded for each engine."""
    return ask(connection, sqlite, postgres, *values)()


def ask(connection: Connection, sqlite: str, postgres: str, *values: Any) -> Callable[[], list[tuple[Any, ...]]]:
    """What gives the rows when it is called: on PostgreSQL they come with those of what is asked meanwhile."""
    asking = cursor(connection)
    if is_sqlite(connection):
        asking.execute(sqlite, values)
    else:
        asking.execute(postgres, values, prepare=True)
    rows: Callable[[], list[tuple[Any, ...]]] = asking.fetchall
    return rows


def select_by(connection: Connection, statement: str, *lists: Collection[int]) -> list[tuple[Any, ...]]:
    """The rows of a statement in which each `IN ?` stands for a list of numbers."""
    return ask_by(connection, statement, *lists)()


def ask_by(connection: Connection, statement: str, *lists: Collection[int]) -> Callable[[], list[tuple[Any, ...]]]:
    """What gives those rows when it is called; see `ask`."""
    if is_sqlite(connection):
        marked = statement.replace("IN ?", "IN (SELECT value FROM json_each(?))")
        return ask(connection, marked, "", *(json.dumps(list(wanted)) for wanted in lists))
    marked = statement.replace("IN ?", "= ANY (%s::bigint[])")
    return ask(connection, "", marked, *(numbers(list(wanted)) for wanted in lists))


def insert(connection: Connection, table: str, names: Sequence[str], rows: Rows, conflict: str = "") -> None:
    """Insert whole rows; a column that is None in all of them is left to its default, which must be NULL."""
    if rows:
        # Each value bound costs 0.14 µs: a silent run, of 17 columns, 6.0 µs with all of them and 2.7 with its own 8.
        filled = [c for c in zip(names, zip(*rows, strict=True), strict=True) if c[1].count(None) < len(rows)]
        _many(connection, partial(_insert, conflict=conflict), table, filled)


def update(connection: Connection, table: str, names: Sequence[str], rows: Rows, left_alone: Sequence[str]) -> None:
    """Update whole rows by `id`, their first column, but for the columns left alone."""
    if rows:
        used, pick = _updated(tuple(names), tuple(left_alone))
        _many(connection, _update, table, list(zip(used, zip(*map(pick, rows), strict=True), strict=True)))


def add(connection: Connection, table: str, names: Sequence[str], rows: Rows) -> None:
    """Add to counters: each row is (id, amounts…), in the order of `names`."""
    if rows:
        _many(connection, _add, table, list(zip(("id", *names), zip(*rows, strict=True), strict=True)))


def for_each(connection: Connection, statement: str, width: int, rows: Rows) -> list[tuple[Any, ...]]:
    """Run a statement that reads `rows`, each of `width` numbers, as the table `v (c0, c1, …)`; the rows it returns."""
    if not rows:
        return []
    running = cursor(connection)
    if is_sqlite(connection):
        values = ", ".join(f"value ->> {i} AS c{i}" for i in range(width))
        marked = statement.replace("FROM v", f"FROM (SELECT {values} FROM json_each(?)) AS v")
        running.execute(marked, (json.dumps(list(rows)),))
    else:
        arrays, names = ", ".join(["%s::bigint[]"] * width), ", ".join(f"c{i}" for i in range(width))
        marked = statement.replace("FROM v", f"FROM unnest({arrays}) AS v ({names})")
        running.execute(marked, [numbers(c) for c in zip(*rows, strict=True)], prepare=True)
    returned: list[tuple[Any, ...]] = running.fetchall() if statement.lstrip().startswith("SELECT") else []
    return returned


def numbers(column: Sequence[Any]) -> str:
    """A PostgreSQL array literal of numbers or booleans, None as NULL: 39 ns a number, where `str` takes 100."""
    return f"{{{to_json(column).decode()[1:-1]}}}"


def texts(column: Sequence[str | None]) -> str:
    """A PostgreSQL array literal of texts, None as NULL."""
    return "{" + ",".join(["NULL" if value is None else _quoted(value) for value in column]) + "}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _many(connection: Connection, word: Callable[..., str], table: str, columns: Sequence[Column]) -> None:
    """Run the statement that `word` makes of a table's name, the names of columns, (name, value) of those that all rows
    share, and whether it is for SQLite.

    The driver gets plain tuples: the values of a NamedTuple take SQLite's half as long again.
    """
    shared = _shared(columns, but_texts=is_sqlite(connection))
    varying = [column for column in columns if column[0] not in shared]
    names = tuple(name for name, _ in varying)
    if is_sqlite(connection):
        said = tuple((name, _literal(value)) for name, value in shared.items())
        rows = zip(*(values for _, values in varying), strict=True)
        cursor(connection).executemany(word(table, names, said, for_sqlite=True), rows)
        return
    said = tuple(zip(shared, [f"%s::{kind}" for kind in _kinds(table, tuple(shared))], strict=True))
    kinds = zip(_kinds(table, names), varying, strict=True)
    literals = [texts(values) if kind == "text" else numbers(values) for kind, (_, values) in kinds]
    cursor(connection).execute(word(table, names, said, for_sqlite=False), [*shared.values(), *literals], prepare=True)


def _shared(columns: Sequence[Column], but_texts: bool) -> dict[str, Any]:
    """The values that all of very many rows have in common, but for the first column: a slice of the tick finds most
    streams in the same state, and what is said once need not be bound for each (2 µs a stream)."""
    if len(columns[0][1]) < _VERY_MANY:
        return {}
    found = {name: values[0] for name, values in columns[1:] if values.count(values[0]) == len(values)}
    return {name: value for name, value in found.items() if not (but_texts and isinstance(value, str))}


def _literal(number: int | None) -> str:
    return "NULL" if number is None else str(int(number))


@lru_cache
def _kinds(table: str, names: tuple[str, ...]) -> list[str]:
    types = [metadata.tables[table].c[name].type for name in names]
    return ["text" if isinstance(t, Text) else "boolean" if isinstance(t, Boolean) else "bigint" for t in types]


@lru_cache
def _insert(table: str, names: tuple[str, ...], said: Said, conflict: str, for_sqlite: bool) -> str:
    into = f"INSERT INTO {table} ({', '.join([*(name for name, _ in said), *names])})"
    values = [value for _, value in said]
    if for_sqlite:
        return f"{into} VALUES ({', '.join([*values, *'?' * len(names)])}) {conflict}"
    return f"{into} SELECT {', '.join([*values, 'v.*'])} FROM {_unnested(table, names)} {conflict}"


@lru_cache
def _updated(names: tuple[str, ...], left_alone: tuple[str, ...]) -> tuple[tuple[str, ...], "itemgetter[Any]"]:
    """The columns that an update binds, `id` first, and what takes them from a row."""
    used = tuple(name for name in names if name not in left_alone)
    return used, itemgetter(*(names.index(name) for name in used))


@lru_cache
def _update(table: str, names: tuple[str, ...], said: Said, for_sqlite: bool) -> str:
    setting = [f"{name} = {value}" for name, value in said]
    if for_sqlite:
        setting += [f"{name} = ?{i}" for i, name in enumerate(names[1:], 2)]
        return f"UPDATE {table} SET {', '.join(setting)} WHERE id = ?1"
    setting += [f"{name} = v.{name}" for name in names[1:]]
    return f"UPDATE {table} AS t SET {', '.join(setting)} FROM {_unnested(table, names)} WHERE t.id = v.id"


@lru_cache
def _add(table: str, names: tuple[str, ...], said: Said, for_sqlite: bool) -> str:
    if for_sqlite:
        setting = [f"{name} = {name} + {value}" for name, value in said]
        setting += [f"{name} = {name} + ?{i}" for i, name in enumerate(names[1:], 2)]
        return f"UPDATE {table} SET {', '.join(setting)} WHERE id = ?1"
    setting = [f"{name} = t.{name} + {value}" for name, value in said]
    setting += [f"{name} = t.{name} + v.{name}" for name in names[1:]]
    return f"UPDATE {table} AS t SET {', '.join(setting)} FROM {_unnested(table, names)} WHERE t.id = v.id"


def _unnested(table: str, names: tuple[str, ...]) -> str:
    arrays = ", ".join(f"%s::{kind}[]" for kind in _kinds(table, names))
    return f"unnest({arrays}) AS v ({', '.join(names)})"
