"""Runs of last year, as many as wanted, for the streams of `bench.seed`."""

from sqlalchemy import text

from bench.seed import Seeded, tidy
from tocsin.clock import SystemClock
from tocsin.domain.ids import first_id
from tocsin.domain.model import SECOND
from tocsin.store.engine import Store

_DAY = 86_400 * SECOND
#: The oldest and the newest of them, in days.
OLDEST, NEWEST = 360, 100

_OLD_RUNS = """
INSERT INTO runs
    (id, workspace_id, job_id, stream_id, outcome, at, started_at, finished_at, received_at, duration, message)
WITH RECURSIVE n (i) AS (SELECT CAST(0 AS bigint) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {rows})
SELECT {base} + i, {workspace}, {jobs} + i % {streams} / {tenants}, {first} + i % {streams}, 'ok',
    {oldest} + i * {step}, {oldest} + i * {step} - 1000000, {oldest} + i * {step}, {oldest} + i * {step}, 1000000,
    'done' FROM n
"""


def add_old_runs(store: Store, seeded: Seeded, rows: int) -> int:
    """Adds the runs, spread evenly over their time and all streams; the moment after the last of them."""
    now = SystemClock().now()
    oldest, newest = now - OLDEST * _DAY, now - NEWEST * _DAY
    values = {
        "rows": rows,
        "base": first_id(oldest),
        "workspace": seeded.workspace_id,
        "jobs": seeded.jobs,
        "first": seeded.streams,
        "streams": seeded.plan.streams,
        "tenants": seeded.plan.tenants,
        "oldest": oldest,
        "step": (newest - oldest) // rows,
    }
    with store.write() as connection:
        connection.execute(text(_OLD_RUNS.format(**values)))
    tidy(store)
    return newest


def keep_for_ever(store: Store, *, wanted: bool) -> None:
    """Whether the workspaces keep their runs; either way the next pass is due at once."""
    with store.write() as connection:
        connection.execute(
            text("UPDATE workspaces SET retention = :text"), {"text": '{"run_days": 0}' if wanted else "{}"}
        )
        connection.execute(text("DELETE FROM facts WHERE name = 'pruned_at'"))


def count_old(store: Store, before: int) -> int:
    with store.read() as connection:
        return int(
            connection.execute(text("SELECT count(*) FROM runs WHERE at <= :before"), {"before": before}).scalar_one()
        )
