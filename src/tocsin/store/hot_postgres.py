"""The hot statements on PostgreSQL.

Measured on two cores, 32 and 128 connections: statements of their own on the raw cursor, sent in pipelines, take 8,900
to 10,600 pings/s; the same through SQLAlchemy Core 3,300 to 4,500. Columns travel as array literals (1.1 ms a batch of
500 rows of 14; lists 2.7, executemany 5.2). `LATERAL … OFFSET 0` a table keeps the plan to one index look-up a row,
whatever the statistics say.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import psycopg
from sqlalchemy import Connection

from tocsin.domain.history import Stretch
from tocsin.domain.model import CheckIn, JobEnvironment, Run, Stream
from tocsin.store import raw
from tocsin.store.hot import JOB_COLUMNS, Changes, Due, Found, columns, due_of, due_streams_of, found_of, write_changes
from tocsin.store.hot_sqlite import read_stretch

#: What the recorder's and the tick's sessions need: plans made while a table was empty cut one form to a third.
SESSION = (
    "-c jit=off -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c idle_in_transaction_session_timeout=8000"
)


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

_CLAIM = """
SELECT id FROM streams WHERE check_at <= least(%s, (SELECT min(check_at) FROM streams WHERE check_at IS NOT NULL) + %s)
ORDER BY check_at LIMIT %s
"""

#: Streams that another worker has in hand are left to it. 4.3 µs a row; with a LATERAL look-up each, 8.2. (The sum
#: keeps the planner from the index on `check_at`, which would find all that is due.)
_DUE_STREAMS = f"""
SELECT {columns("s", Stream._fields)} FROM streams AS s
WHERE s.id = ANY (%s::bigint[]) AND s.check_at + 0 <= %s FOR UPDATE SKIP LOCKED
"""

_JOBS = f"""
SELECT {columns("j", JOB_COLUMNS)}, {columns("e", JobEnvironment._fields)}
FROM job_environments AS e JOIN jobs AS j ON j.id = e.job_id WHERE e.id = ANY (%s)
"""

_DUE_RUNS = f"""
SELECT {columns("j", JOB_COLUMNS)}, {columns("e", JobEnvironment._fields)}, {columns("s", Stream._fields)},
    {columns("r", Run._fields)}
FROM (SELECT * FROM runs WHERE check_at <= %s ORDER BY check_at LIMIT %s) AS r
JOIN LATERAL (SELECT * FROM streams WHERE id = r.stream_id FOR UPDATE SKIP LOCKED) AS s ON true
{_JOB_AND_ENVIRONMENT}
"""

_STILL_DUE = f"SELECT {columns('r', Run._fields)} FROM runs AS r WHERE r.id = ANY (%s) AND r.check_at <= %s"


class HotPostgres:
    """See `store.hot.HotStore`."""

    def find(self, connection: Connection, check_ins: Sequence[CheckIn]) -> list[Found]:
        asked = sorted(
            (c.workspace_id, c.job_key, c.environment, c.tenant, c.run_id or "", i) for i, c in enumerate(check_ins)
        )
        workspaces, job_keys, environments, tenants, run_ids, numbers = zip(*asked, strict=True)
        names = [raw.texts(column) for column in (job_keys, tenants, environments, run_ids)]
        values = [raw.numbers(workspaces), *names, raw.numbers(numbers)]
        rows = _cursor(connection).execute(_FIND, values, prepare=True).fetchall()
        rows.sort(key=lambda row: cast(int, row[-1]))
        return found_of(rows)

    def live_keys(self, connection: Connection, key_ids: Iterable[int]) -> Callable[[], set[int]]:
        asked = _cursor(connection).execute(_LIVE_KEYS, (list(key_ids),), prepare=True)
        return lambda: {row[0] for row in asked}

    def open_runs(self, connection: Connection, stream_ids: Sequence[int]) -> list[Run]:
        return [Run._make(row) for row in _cursor(connection).execute(_OPEN_RUNS, (list(stream_ids),))]

    def claim(self, connection: Connection, until_at: int, span: int, limit: int) -> list[int]:
        rows = _cursor(connection).execute(_CLAIM, (until_at, span, limit), prepare=True).fetchall()
        return [row[0] for row in rows]

    def due_streams(self, connection: Connection, stream_ids: Sequence[int], until_at: int) -> list[Due]:
        # All at once: a row that is asked for by itself takes 5 µs more.
        rows = _cursor(connection).execute(_DUE_STREAMS, (raw.numbers(stream_ids), until_at), prepare=True).fetchall()
        rows.sort()  # by id, so that the same story is told with the same ids
        streams = list(map(Stream._make, rows))
        asked = list({stream.job_environment_id for stream in streams})
        return due_streams_of(streams, _cursor(connection).execute(_JOBS, (asked,), prepare=True).fetchall())

    def due_runs(self, connection: Connection, until_at: int, limit: int) -> list[Due]:
        rows = _cursor(connection).execute(_DUE_RUNS, (until_at, limit), prepare=True)
        due = [due_of(row) for row in rows]
        # Whoever held the streams until now may have judged or closed these runs: read them again, under our locks.
        asked = ([d.run.id for d in due if d.run is not None], until_at)
        still = {row[0]: Run._make(row) for row in _cursor(connection).execute(_STILL_DUE, asked, prepare=True)}
        return [d._replace(run=still[d.run.id]) for d in due if d.run is not None and d.run.id in still]

    def stretch(self, connection: Connection, stream_id: int, from_at: int, to_at: int, successes: int) -> Stretch:
        return read_stretch(_cursor(connection), "%s", stream_id, from_at, to_at, successes)

    def write(self, connection: Connection, changes: Changes) -> None:
        with raw.together(connection):
            write_changes(connection, changes)


def _driver(connection: Connection) -> psycopg.Connection[tuple[Any, ...]]:
    return cast("psycopg.Connection[tuple[Any, ...]]", connection.connection.driver_connection)


def _cursor(connection: Connection) -> psycopg.Cursor[tuple[Any, ...]]:
    return _driver(connection).cursor()
