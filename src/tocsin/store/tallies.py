"""What the tallier counts, and how far it is. How its counts are kept: `store.kept_tallies`.

Who shows a tally adds what ended since `Progress`: `store.views_counts`.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from tocsin.domain.ids import IdMaker, first_id
from tocsin.domain.tally import EventFact, Fact, Fold, Notes, Stale
from tocsin.domain.tally import read_notes as parsed
from tocsin.store import raw
from tocsin.store.schema import tally_notes, tally_progress, workspaces

#: Check-ins may tell of what happened so long ago (`occurredAt`); a workspace so old may hold runs of before it.
_EARLIEST = 8 * 86_400_000_000

_FACT = "r.workspace_id, r.job_id, s.tenant_id, r.at, r.outcome, r.duration"
#: One look into the index a job: of 10,000 jobs 20 ms, whatever has been recorded.
_RUNS_SQLITE = f"""
SELECT {_FACT} FROM jobs AS j CROSS JOIN runs AS r ON r.job_id = j.id AND r.at >= ?1 AND r.at < ?2
CROSS JOIN streams AS s ON s.id = r.stream_id WHERE r.outcome <> 'in_progress'
"""
_RUNS_POSTGRES = f"""
SELECT {_FACT} FROM jobs AS j
JOIN LATERAL (SELECT * FROM runs WHERE job_id = j.id AND at >= %s AND at < %s OFFSET 0) AS r ON true
JOIN LATERAL (SELECT tenant_id FROM streams WHERE id = r.stream_id OFFSET 0) AS s ON true
WHERE r.outcome <> 'in_progress'
"""
_RUNS_OF_JOB = f"""
SELECT {_FACT} FROM v JOIN runs AS r ON r.job_id = v.c0 AND r.at >= v.c1 AND r.at < v.c2
JOIN streams AS s ON s.id = r.stream_id WHERE r.outcome <> 'in_progress'
"""
_RUNS_OF_TENANT = f"""
SELECT {_FACT} FROM v JOIN streams AS s ON s.tenant_id = v.c0
JOIN runs AS r ON r.stream_id = s.id AND r.at >= v.c1 AND r.at < v.c2 WHERE r.outcome <> 'in_progress'
"""
_EVENTS = "SELECT workspace_id, coalesce(pattern_id, ''), occurred_at, id FROM events WHERE {} ORDER BY id LIMIT {}"


class Progress(NamedTuple):
    """Runs that ended before `runs_until_at`, and events up to `events_until_id`, are in the tallies."""

    runs_until_at: int
    events_until_id: int
    turn: int = 0


class Span(NamedTuple):
    """Something of one job or tenant, from a moment on until before another."""

    owner_id: int
    from_at: int
    until_at: int


# --- what is counted --------------------------------------------------------------------------------------------------


def progress(connection: Connection) -> Progress:
    """How far the tallier is; where it never began, from when on there may be anything to count."""
    row = connection.execute(select(*[tally_progress.c[name] for name in Progress._fields])).one_or_none()
    if row is not None:
        return Progress(*row)
    oldest = connection.execute(select(func.min(workspaces.c.created_at))).scalar()
    return Progress(max((oldest or 0) - _EARLIEST, 0), 0)


def runs_between(connection: Connection, from_at: int, until_at: int) -> list[Fact]:
    """All runs that ended in between."""
    return list(map(Fact._make, raw.select(connection, _RUNS_SQLITE, _RUNS_POSTGRES, from_at, until_at)))


def runs_of_jobs(connection: Connection, spans: Collection[Span]) -> list[Fact]:
    return list(map(Fact._make, raw.for_each(connection, _RUNS_OF_JOB, 3, spans)))


def runs_of_tenants(connection: Connection, spans: Collection[Span]) -> list[Fact]:
    return list(map(Fact._make, raw.for_each(connection, _RUNS_OF_TENANT, 3, spans)))


def events_after(connection: Connection, after_id: int, until_at: int, limit: int) -> tuple[list[EventFact], int]:
    """Events recorded before `until_at`, the oldest first, and the id up to which these are all."""
    end = first_id(until_at)
    sqlite, postgres = (_EVENTS.format(f"id > {mark} AND id < {mark}", mark) for mark in ("?", "%s"))
    rows = raw.select(connection, sqlite, postgres, after_id, end, limit)
    last = rows[-1][3] if len(rows) == limit else max(end - 1, after_id)
    return [EventFact(*row[:3]) for row in rows], last


def notes(connection: Connection, limit: int) -> tuple[list[int], list[Notes]]:
    """Notes that were left, the oldest first, and their ids."""
    query = select(tally_notes.c.id, tally_notes.c.notes).order_by(tally_notes.c.id).limit(limit)
    rows = connection.execute(query).all()
    return [row.id for row in rows], [parsed(row.notes) for row in rows]


def pending_folds(connection: Connection, workspace_id: int) -> list[Fold]:
    """What notes say of folded misses that the tallier has not read yet."""
    query = select(tally_notes.c.notes).where(tally_notes.c.workspace_id == workspace_id)
    return [fold for text in connection.execute(query).scalars() for fold in parsed(text).folds]


def zones(connection: Connection) -> dict[int, str]:
    """The time zone of each workspace."""
    return {row.id: row.timezone for row in connection.execute(select(workspaces.c.id, workspaces.c.timezone))}


def tenants_of_streams(connection: Connection, stream_ids: Collection[int]) -> dict[int, int]:
    return dict(raw.select_by(connection, "SELECT id, tenant_id FROM streams WHERE id IN ?", stream_ids))


# --- how far it is ----------------------------------------------------------------------------------------------------


def leave_notes(connection: Connection, ids: IdMaker, now: int, folds: Iterable[Fold], stale: Iterable[Stale]) -> None:
    """Leave word for the tallier, in the transaction that makes it necessary, in rows that nobody waits for."""
    by_workspace: dict[int, tuple[list[Fold], list[Stale]]] = {}
    for fold in folds:
        by_workspace.setdefault(fold.workspace_id, ([], []))[0].append(fold)
    for one in stale:
        by_workspace.setdefault(one.workspace_id, ([], []))[1].append(one)
    rows = [
        (ids.new(now), workspace_id, Notes(tuple(some), tuple(others)).written())
        for workspace_id, (some, others) in by_workspace.items()
    ]
    raw.insert(connection, "tally_notes", ("id", "workspace_id", "notes"), rows)


def advance(connection: Connection, before: Progress, after: Progress) -> bool:
    """Whether the tallier was still at `before`: then it is at `after`, and nobody else may write until the commit."""
    after = after._replace(turn=before.turn + 1)
    mine = update(tally_progress).where(tally_progress.c.turn == before.turn)
    moved = connection.execute(mine.values(after._asdict()))
    if moved.rowcount == 1:
        return True
    if connection.execute(select(tally_progress.c.id)).first() is not None:
        return False
    connection.execute(insert(tally_progress).values(id=1, **after._asdict()))
    return True


def forget_notes(connection: Connection, note_ids: Sequence[int]) -> None:
    raw.for_each(connection, "DELETE FROM tally_notes WHERE id IN (SELECT c0 FROM v)", 1, [(one,) for one in note_ids])
