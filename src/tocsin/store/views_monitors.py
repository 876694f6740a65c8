"""Jobs and runs as PingGuard shows them, monitors and pings: read only."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, RowMapping, and_, func, not_, select

from tocsin.domain.model import Outcome
from tocsin.store.paging import Page
from tocsin.store.schema import jobs, runs
from tocsin.store.views_jobs import Health, distances, healths, state_of

#: So many jobs are asked about in one statement.
_SLICE = 200
#: Nobody was heard, and nothing is held against anybody: there is no such thing as this ping.
_nothing = and_(runs.c.outcome == Outcome.UNKNOWN, runs.c.started_at.is_(None))


class Monitor(NamedTuple):
    """A job. Lengths and moments in microseconds; `every` and `grace` are None while they are yet to be learned."""

    id: int
    name: str
    slug: str | None
    every: int | None
    grace: int | None
    status: str
    last_ping_at: int | None
    created_at: int


class Ping(NamedTuple):
    """A run. `received_at`: the moment of its result, or else of its start; None where it was missed."""

    id: int
    outcome: str
    received_at: int | None
    expected_at: int | None
    duration: int | None


class Pings(NamedTuple):
    pings: list[Ping]
    total: int


def list_monitors(connection: Connection, workspace_id: int, now: int) -> list[Monitor]:
    """All jobs of the workspace with their state at `now`, in the order they were made."""
    query = select(jobs).where(jobs.c.workspace_id == workspace_id).order_by(jobs.c.id)
    rows = connection.execute(query).mappings().all()
    slices = [rows[i : i + _SLICE] for i in range(0, len(rows), _SLICE)]
    return [monitor for part in slices for monitor in _monitors(connection, part, now)]


def monitor(connection: Connection, workspace_id: int, job_id: int, now: int) -> Monitor | None:
    query = select(jobs).where(jobs.c.workspace_id == workspace_id, jobs.c.id == job_id)
    rows = connection.execute(query).mappings().all()
    return _monitors(connection, rows, now)[0] if rows else None


def list_pings(connection: Connection, job_id: int, page: Page) -> Pings:
    """A page of the job's pings, newest first."""
    mine = and_(runs.c.job_id == job_id, not_(_nothing))
    total = connection.execute(select(func.count()).select_from(runs).where(mine)).scalar_one()
    query = select(runs).where(mine).order_by(runs.c.at.desc(), runs.c.id.desc())
    rows = connection.execute(query.limit(page.size).offset((page.number - 1) * page.size)).mappings()
    return Pings([_ping(row) for row in rows], total)


def _monitors(connection: Connection, rows: Sequence[RowMapping], now: int) -> list[Monitor]:
    health = healths(connection, [row["id"] for row in rows], now)
    lengths = distances(connection, rows, now)
    return [
        Monitor(
            row["id"],
            row["name"],
            row["ping_slug"],
            lengths[row["id"]],
            row["grace"],
            _state_of(row, health[row["id"]]),
            health[row["id"]].last_check_in_at,
            row["created_at"],
        )
        for row in rows
    ]


def _state_of(row: RowMapping, health: Health) -> str:
    """A monitor is up as soon as its job succeeds again, though its incident may wait a while before it closes."""
    return state_of(row, health._replace(is_open=health.is_open and health.watched > 1))


def _ping(row: RowMapping) -> Ping:
    return Ping(row["id"], row["outcome"], _heard_at(row), row["expected_at"], row["duration"])


def _heard_at(row: RowMapping) -> int | None:
    """A timeout's own moment is its deadline, when nothing was heard."""
    if row["outcome"] == Outcome.MISSED:
        return None
    is_result = row["outcome"] in {Outcome.OK, Outcome.ERROR}
    return int(row["at"] if is_result else row["started_at"] or row["received_at"])
