"""The hot statements on PostgreSQL.

Measured on two cores, 32 and 128 connections: statements of their own on the raw cursor, sent in pipelines, take 8,900
to 10,600 pings/s; the same through SQLAlchemy Core 3,300 to 4,500. Columns travel as array literals (1.1 ms a batch of
500 rows of 14; lists 2.7, executemany 5.2). `LATERAL … OFFSET 0` a table keeps the plan to one index look-up a row,
whatever the statistics say.
"""

from collections.abc import Iterable, Sequence
from typing import Any, cast

import psycopg
from sqlalchemy import Connection

from tocsin.domain.history import Stretch
from tocsin.domain.model import CheckIn, JobEnvironment, Run, Stream
from tocsin.store.hot import JOB_COLUMNS, Changes, Due, Found, columns, job_of
from tocsin.store.hot_sqlite import read_stretch

#: What the recorder's and the tick's sessions need: plans made while a table was empty cut one form to a third.
SESSION = (
    "-c jit=off -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c idle_in_transaction_session_timeout=8000"
)

_E = len(JOB_COLUMNS)
_S = _E + len(JobEnvironment._fields)
_R = _S + len(Stream._fields)
_T = _R + len(Run._fields)


def _lateral(table: str, alias: str, where: str, lock: str = "") -> str:
    return f"LEFT JOIN LATERAL (SELECT * FROM {table} WHERE {where} OFFSET 0 {lock}) AS {alias} ON true"


#: Everything a batch of check-ins concerns; its streams are locked in the order given, which is that of their keys.
_FIND = f"""
SELECT {columns("j", JOB_COLUMNS)}, {columns("e", JobEnvironment._fields)}, {columns("s", Stream._fields)},
    {columns("r", Run._fields)}, t.id, t.is_active, p.n
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::int[])
    AS p (workspace_id, job_key, tenant, environment, run_id, n)
{_lateral("jobs", "j", "workspace_id = p.workspace_id AND job_key = p.job_key")}
{_lateral("tenants", "t", "workspace_id = p.workspace_id AND external_id = p.tenant")}
{_lateral("job_environments", "e", "job_id = j.id AND environment = p.environment")}
{_lateral("streams", "s", "job_environment_id = e.id AND tenant_id = t.id", "FOR UPDATE")}
{_lateral("runs", "r", "stream_id = s.id AND client_run_id = p.run_id")}
"""

_LIVE_KEYS = """
SELECT k.id FROM api_keys AS k JOIN workspaces AS w ON w.id = k.workspace_id
WHERE k.id = ANY (%s) AND k.revoked_at IS NULL AND w.is_active
"""

_OPEN_RUNS = f"""
SELECT {columns("r", Run._fields)} FROM runs AS r
WHERE r.outcome = 'in_progress' AND r.stream_id = ANY (%s) ORDER BY r.at, r.id
"""

_JOB_AND_ENVIRONMENT = f"""
{_lateral("job_environments", "e", "id = s.job_environment_id")}
{_lateral("jobs", "j", "id = e.job_id")}
"""

#: The streams that have waited longest; those another worker has in hand are left to it.
_DUE_STREAMS = f"""
SELECT {columns("j", JOB_COLUMNS)}, {columns("e", JobEnvironment._fields)}, {columns("s", Stream._fields)}
FROM (SELECT * FROM streams WHERE check_at <= %s ORDER BY check_at LIMIT %s FOR UPDATE SKIP LOCKED) AS s
{_JOB_AND_ENVIRONMENT}
"""

_DUE_RUNS = f"""
SELECT {columns("j", JOB_COLUMNS)}, {columns("e", JobEnvironment._fields)}, {columns("s", Stream._fields)},
    {columns("r", Run._fields)}
FROM (SELECT * FROM runs WHERE check_at <= %s ORDER BY check_at LIMIT %s) AS r
JOIN LATERAL (SELECT * FROM streams WHERE id = r.stream_id FOR UPDATE SKIP LOCKED) AS s ON true
{_JOB_AND_ENVIRONMENT}
"""

_TEXT = {"client_run_id", "outcome", "message", "metrics", "stored_success_run_id", "environment"}
_BOOLEAN = {"is_watched", "is_affected", "unknown_timeout"}


def _type(name: str) -> str:
    return "text" if name in _TEXT else "boolean" if name in _BOOLEAN else "bigint"


def _arrays(names: Sequence[str]) -> str:
    return ", ".join(f"%s::{_type(name)}[]" for name in names)


def _insert(table: str, names: Sequence[str]) -> str:
    return f"INSERT INTO {table} ({', '.join(names)}) SELECT * FROM unnest({_arrays(names)})"


def _update(table: str, names: Sequence[str], left_alone: Sequence[str]) -> str:
    setting = ", ".join(f"{name} = v.{name}" for name in names if name not in left_alone)
    return f"""UPDATE {table} AS t SET {setting} FROM unnest({_arrays(names)}) AS v ({", ".join(names)})
        WHERE t.id = v.id"""


_FIXED = ("id", "workspace_id", "job_environment_id", "tenant_id")
_INSERT_ENVIRONMENT = _insert("job_environments", JobEnvironment._fields)
_INSERT_STREAM = _insert("streams", Stream._fields)
_UPDATE_STREAM = _update("streams", Stream._fields, _FIXED)
_INSERT_RUN = _insert("runs", Run._fields)
_CHANGE_RUN = _update("runs", Run._fields, ("id", "workspace_id", "job_id", "stream_id", "client_run_id"))


class HotPostgres:
    """See `store.hot.HotStore`."""

    def find(self, connection: Connection, check_ins: Sequence[CheckIn]) -> list[Found]:
        asked = sorted(
            (c.workspace_id, c.job_key, c.environment, c.tenant, c.run_id or "", i) for i, c in enumerate(check_ins)
        )
        workspaces, job_keys, environments, tenants, run_ids, numbers = zip(*asked, strict=True)
        values = (workspaces, job_keys, tenants, environments, run_ids, numbers)
        found: list[Found] = [Found(None, None, False, None, None, None)] * len(check_ins)
        for row in _cursor(connection).execute(_FIND, [list(v) for v in values], prepare=True):
            found[row[-1]] = _found(row)
        return found

    def live_keys(self, connection: Connection, key_ids: Iterable[int]) -> set[int]:
        rows = _cursor(connection).execute(_LIVE_KEYS, (list(key_ids),), prepare=True)
        return {row[0] for row in rows}

    def open_runs(self, connection: Connection, stream_ids: Sequence[int]) -> list[Run]:
        return [Run._make(row) for row in _cursor(connection).execute(_OPEN_RUNS, (list(stream_ids),))]

    def due_streams(self, connection: Connection, until_at: int, limit: int) -> list[Due]:
        rows = _cursor(connection).execute(_DUE_STREAMS, (until_at, limit), prepare=True)
        return [_due(row) for row in rows]

    def due_runs(self, connection: Connection, until_at: int, limit: int) -> list[Due]:
        rows = _cursor(connection).execute(_DUE_RUNS, (until_at, limit), prepare=True)
        return [_due(row)._replace(run=Run._make(row[_R:_T])) for row in rows]

    def stretch(self, connection: Connection, stream_id: int, from_at: int, to_at: int, successes: int) -> Stretch:
        return read_stretch(_cursor(connection), "%s", stream_id, from_at, to_at, successes)

    def write(self, connection: Connection, changes: Changes) -> None:
        """All writes in one pipeline: one round trip."""
        driver = _driver(connection)
        cursor = driver.cursor()
        streams = [*changes.heard_streams.values(), *changes.moved_streams.values()]
        with driver.pipeline():
            for statement, rows in (
                (_INSERT_ENVIRONMENT, changes.new_environments),
                (_INSERT_STREAM, list(changes.new_streams.values())),
                (_UPDATE_STREAM, streams),
                ("DELETE FROM runs WHERE id = ANY (%s::bigint[])", [(r,) for r in changes.removed_runs]),
                (_INSERT_RUN, list(changes.new_runs.values())),
                (_CHANGE_RUN, list(changes.changed_runs.values())),
                (
                    "UPDATE runs AS r SET missed_count = missed_count + v.times"
                    " FROM unnest(%s::bigint[], %s::bigint[]) AS v (id, times) WHERE r.id = v.id",
                    list(changes.folds.items()),
                ),
            ):
                if rows:
                    cursor.execute(statement, _column_literals(cast(list[tuple[Any, ...]], rows)), prepare=True)


def _column_literals(rows: Sequence[tuple[Any, ...]]) -> list[str]:
    return [_literal(column) for column in zip(*rows, strict=True)]


def _literal(column: Sequence[Any]) -> str:
    """A PostgreSQL array literal of numbers, booleans or texts, None as NULL."""
    return "{" + ",".join([_element(value) for value in column]) + "}"


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return str(value)


def _driver(connection: Connection) -> psycopg.Connection[tuple[Any, ...]]:
    return cast("psycopg.Connection[tuple[Any, ...]]", connection.connection.driver_connection)


def _cursor(connection: Connection) -> psycopg.Cursor[tuple[Any, ...]]:
    return _driver(connection).cursor()


def _found(row: tuple[Any, ...]) -> Found:
    return Found(
        None if row[0] is None else job_of(row),
        row[_T],
        bool(row[_T + 1]),
        None if row[_E] is None else JobEnvironment._make(row[_E:_S]),
        None if row[_S] is None else Stream._make(row[_S:_R]),
        None if row[_R] is None else Run._make(row[_R:_T]),
    )


def _due(row: tuple[Any, ...]) -> Due:
    return Due(job_of(row), JobEnvironment._make(row[_E:_S]), Stream._make(row[_S:_R]))
