"""The least that must be written for a batch of pings: one run row and one stream row each, in one commit.

It writes Tocsin's own tables, with their indexes, on a connection with the recorder's settings.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, Protocol

from bench.seed import Seeded
from tocsin.domain.model import CheckIn
from tocsin.store.engine import Store
from tocsin.store.hot_postgres import SESSION

_RUN = ("id", "workspace_id", "job_id", "stream_id", "client_run_id", "outcome", "at", "finished_at", "received_at")
_STREAM = ("id", "workspace_id", "job_environment_id", "tenant_id", "is_watched", "expected_since_at", "anchor_at",
           "last_began_at", "last_success_at", "last_result_at", "last_check_in_at", "stored_success_id",
           "stored_success_at", "stored_success_run_id")  # fmt: skip
_UPSERT = f"""ON CONFLICT (job_environment_id, tenant_id)
    DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _STREAM[6:])}"""
_TEXT, _BOOLEAN = {"client_run_id", "outcome", "stored_success_run_id"}, {"is_watched"}

Rows = tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]


class Bare(Protocol):
    """Commits a batch; `numbers` are the ids of its runs."""

    def commit(self, check_ins: Sequence[CheckIn], numbers: Sequence[int]) -> None: ...


class BareSqlite:
    """By `executemany`, in a transaction of plain statements."""

    def __init__(self, store: Store, seeded: Seeded, stack: ExitStack) -> None:
        self._connection = _driver(store, stack)
        self._rows = rows_of(seeded)
        self._insert = f"INSERT INTO runs ({', '.join(_RUN)}) VALUES ({', '.join('?' * len(_RUN))})"
        marks = ", ".join("?" * len(_STREAM))
        self._upsert = f"INSERT INTO streams ({', '.join(_STREAM)}) VALUES ({marks}) {_UPSERT}"

    def commit(self, check_ins: Sequence[CheckIn], numbers: Sequence[int]) -> None:
        runs, streams = self._rows(check_ins, numbers)
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(self._insert, runs)
        self._connection.executemany(self._upsert, streams)
        self._connection.execute("COMMIT")


class BarePostgres:
    """By array literals, the whole transaction in one pipeline."""

    def __init__(self, store: Store, seeded: Seeded, stack: ExitStack) -> None:
        self._connection = _driver(store, stack)
        self._rows = rows_of(seeded)
        self._insert = f"INSERT INTO runs ({', '.join(_RUN)}) SELECT * FROM unnest({_arrays(_RUN)})"
        # One row a key: a batch may hold two pings of one stream, and an upsert may not touch a row twice.
        self._upsert = f"""INSERT INTO streams ({", ".join(_STREAM)})
            SELECT * FROM unnest({_arrays(_STREAM)}) {_UPSERT}"""

    def commit(self, check_ins: Sequence[CheckIn], numbers: Sequence[int]) -> None:
        runs, streams = self._rows(check_ins, numbers)
        latest = list({row[0]: row for row in streams}.values())
        with self._connection.pipeline(), self._connection.cursor() as cursor:
            cursor.execute(self._insert, _literals(runs), prepare=True)
            cursor.execute(self._upsert, _literals(sorted(latest)), prepare=True)
            self._connection.commit()


def rows_of(seeded: Seeded) -> Callable[[Sequence[CheckIn], Sequence[int]], Rows]:
    """Makes run rows and stream rows of a batch; what they point at is known beforehand."""
    plan, workspace = seeded.plan, seeded.workspace_id
    known = {
        (f"job-{job}", f"tenant-{tenant}"): (job, tenant, seeded.streams + job * plan.tenants + tenant)
        for job in range(plan.jobs)
        for tenant in range(plan.tenants)
    }

    def rows(check_ins: Sequence[CheckIn], numbers: Sequence[int]) -> Rows:
        runs, streams = [], []
        for check_in, number in zip(check_ins, numbers, strict=True):
            job, tenant, stream = known[check_in.job_key, check_in.tenant]
            run_id, at = check_in.run_id, check_in.received_at
            runs.append((number, workspace, seeded.jobs + job, stream, run_id, "ok", at, at, at))
            place = (stream, workspace, seeded.environments + job, seeded.tenants + tenant, True)
            streams.append((*place, at, at, at, at, at, at, number, at, run_id))
        return runs, streams

    return rows


def _driver(store: Store, stack: ExitStack) -> Any:
    """The driver's own connection as Store made it, for as long as `stack` lives, outside of any transaction."""
    connection = stack.enter_context(store.own_session(SESSION)())
    driver = connection.connection.driver_connection
    if driver is None:
        raise SystemExit("SQLAlchemy has no connection of the driver.")
    driver.rollback()
    return driver


def _arrays(names: Sequence[str]) -> str:
    types = {name: "text" if name in _TEXT else "boolean" if name in _BOOLEAN else "bigint" for name in names}
    return ", ".join(f"%s::{types[name]}[]" for name in names)


def _literals(rows: Sequence[tuple[Any, ...]]) -> list[str]:
    """Array literals, a column each; nothing in them needs escaping."""
    return ["{" + ",".join(map(str, column)) + "}" for column in zip(*rows, strict=True)]
