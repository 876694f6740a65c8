"""Fills a database with jobs, tenants and streams by a handful of statements: a million streams in seconds.

Job `job-J` and tenant `tenant-T` have the stream number `J * tenants + T`; ids are a base and that number, so that a
benchmark knows every id without asking.
"""

import sqlite3
from contextlib import closing
from typing import NamedTuple

import psycopg
from sqlalchemy import Connection, text

from tocsin.application.accounts import create_workspace
from tocsin.clock import SystemClock
from tocsin.domain.ids import IdMaker
from tocsin.domain.model import SECOND
from tocsin.store.engine import Store
from tocsin.store.migrations import migrate

INTERVAL = 3600 * SECOND
GRACE = 300 * SECOND
WINDOW = INTERVAL + GRACE
_DAY = 86_400 * SECOND

_NUMBERS = "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :times) "
_INSERTS = {
    "tenants": """(id, workspace_id, external_id, created_at)
        {numbers} SELECT :base + i, :workspace, 'tenant-' || i, :now FROM n""",
    "jobs": """(id, workspace_id, job_key, name, schedule_type, schedule_interval, grace, threshold_mode,
            miss_threshold, impact_threshold, recovery_threshold, tenant_scope, created_at)
        {numbers} SELECT :base + i, :workspace, 'job-' || i, 'Job ' || i, 'interval', :interval, :grace, 'any',
            3, 3, 1, 'seen', :now FROM n""",
    "job_environments": """(id, workspace_id, job_id, environment, watched_count)
        {numbers} SELECT :base + i, :workspace, :jobs + i, 'production', :tenants_a_job FROM n""",
    "streams": """(id, workspace_id, job_environment_id, tenant_id, is_watched, expected_since_at, anchor_at,
            last_began_at, last_success_at, last_result_at, last_check_in_at, successes_in_row, check_at)
        {numbers} SELECT :base + i, :workspace, :environments + i / :tenants_a_job, :tenants + i % :tenants_a_job,
            true, :now, :now, :now, :now, :now, :now, 1, :now + :window FROM n""",
}


class Plan(NamedTuple):
    """How many jobs, and how many tenants each; every tenant has a stream of every job."""

    jobs: int
    tenants: int

    @property
    def streams(self) -> int:
        return self.jobs * self.tenants


class Seeded(NamedTuple):
    """What a benchmark needs to know of a seeded database: the key to ping with, and where the ids begin."""

    plan: Plan
    api_key: str
    workspace_id: int
    tenants: int
    jobs: int
    environments: int
    streams: int


def seed(store: Store, plan: Plan) -> Seeded:
    """Brings the database to its schema and makes the plan's streams, all healthy, next due in a little over an hour.

    The statistics are current afterwards.
    """
    migrate(store)
    now, ids = SystemClock().now(), IdMaker()
    with store.write() as connection:
        workspace = create_workspace(connection, ids, now, "Benchmark")
        # A day of its own for each table: what the server makes from now on lies above all of them.
        bases = {table: ids.new(now) - ((days * _DAY // 1000) << 22) for days, table in enumerate(_INSERTS, 1)}
        seeded = Seeded(
            plan,
            workspace.api_key,
            workspace.id,
            *(bases[table] for table in ("tenants", "jobs", "job_environments", "streams")),
        )
        _insert(connection, seeded, now)
    tidy(store)
    return seeded


def _insert(connection: Connection, seeded: Seeded, now: int) -> None:
    values = {
        "workspace": seeded.workspace_id,
        "now": now,
        "interval": INTERVAL,
        "grace": GRACE,
        "window": WINDOW,
        "tenants_a_job": seeded.plan.tenants,
        "tenants": seeded.tenants,
        "jobs": seeded.jobs,
        "environments": seeded.environments,
    }
    plan = seeded.plan
    sizes = {
        "tenants": (plan.tenants, seeded.tenants),
        "jobs": (plan.jobs, seeded.jobs),
        "job_environments": (plan.jobs, seeded.environments),
        "streams": (plan.streams, seeded.streams),
    }
    for table, (times, base) in sizes.items():
        statement = f"INSERT INTO {table} {_INSERTS[table].format(numbers=_NUMBERS)}"
        used = {name: value for name, value in values.items() if f":{name}" in statement}
        if connection.dialect.name == "postgresql":
            statement = _typed(statement, used)
        connection.execute(text(statement), {**used, "times": times, "base": base})


def _typed(statement: str, used: dict[str, int]) -> str:
    """PostgreSQL wants to know the types of parameters that stand in a SELECT list."""
    for name in sorted({*used, "times", "base"}, key=len, reverse=True):
        statement = statement.replace(f":{name} ", f"CAST(:{name} AS bigint) ").replace(
            f":{name},", f"CAST(:{name} AS bigint),"
        )
    return statement


def tidy(store: Store) -> None:
    """Gives the planner current statistics, and leaves nothing of what was written before to be tidied up meanwhile."""
    if store.is_sqlite:
        with store.write() as connection:
            connection.execute(text("ANALYZE"))
        with closing(sqlite3.connect(store.path)) as plain:
            plain.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return
    with psycopg.connect(store.url.replace("+psycopg", ""), autocommit=True) as plain_connection:
        plain_connection.execute("VACUUM (ANALYZE)")
        plain_connection.execute("CHECKPOINT")
