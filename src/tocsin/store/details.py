"""What is kept beside runs: where they belong, and what they say while they go on."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, delete, insert, select

from tocsin.domain.attribution import Attribution
from tocsin.domain.ids import IdMaker
from tocsin.domain.model import CheckIn, CheckInKind, Run
from tocsin.store import raw
from tocsin.store.schema import run_details, run_notes, runs

#: Messages kept of one run: the newest.
MOST_NOTES = 100


_PLACE = ("id", "workspace_id", "job_id", "project", "service", "host", "last_at", "last_run_id")
_HEARING = """ON CONFLICT (job_id, project, service, host)
    DO UPDATE SET last_at = excluded.last_at, last_run_id = excluded.last_run_id"""
_SAYING = """ON CONFLICT (run_id) DO UPDATE SET
    place_id = coalesce(excluded.place_id, run_details.place_id),
    release = coalesce(nullif(excluded.release, ''), run_details.release)"""
#: On each engine one index after the other, in the order written: `default` is the tenant of nearly all streams, of
#: which statistics know nothing. (Through SQLAlchemy Core, a statement a place, a check-in took three times as long.)
_PLACES_SQLITE = """SELECT p.c0, p.c1, p.c2, p.c3, l.id FROM {p}
    CROSS JOIN places AS l ON l.job_id = p.c0 AND l.project = p.c1 AND l.service = p.c2 AND l.host = p.c3"""
#: One round trip less.
_PLACES_POSTGRES = f"""INSERT INTO places ({", ".join(_PLACE)}) SELECT * FROM {{p}} {_HEARING}
    RETURNING job_id, project, service, host, id"""
_ELSEWHERE_SQLITE = """SELECT p.c0, p.c1, p.c2, e.environment FROM {p}
    CROSS JOIN job_environments AS e ON e.job_id = p.c0
    CROSS JOIN streams AS s ON s.job_environment_id = e.id AND s.tenant_id = p.c1
    CROSS JOIN runs AS r ON r.stream_id = s.id AND r.client_run_id = p.c2"""
_ELSEWHERE_POSTGRES = """SELECT p.c0, p.c1, p.c2, e.environment FROM {p}
    JOIN LATERAL (SELECT id, environment FROM job_environments WHERE job_id = p.c0 OFFSET 0) AS e ON true
    JOIN LATERAL (SELECT id FROM streams WHERE job_environment_id = e.id AND tenant_id = p.c1 OFFSET 0) AS s ON true
    JOIN LATERAL (SELECT id FROM runs WHERE stream_id = s.id AND client_run_id = p.c2 OFFSET 0) AS r ON true"""

#: (job id, project, service, host)
Leaf = tuple[int, str, str, str]


class Told(NamedTuple):
    """What a check-in told of its run."""

    run_id: int
    job_id: int
    workspace_id: int
    at: int
    attribution: Attribution | None
    note: str | None


def told(run: Run | None, check_in: CheckIn) -> list[Told]:
    """What the check-in tells beside its run, if anything."""
    note = check_in.message if check_in.kind is CheckInKind.LOG else None
    if run is None or not (check_in.attribution or note):
        return []
    return [Told(run.id, run.job_id, run.workspace_id, check_in.received_at, check_in.attribution, note)]


def keep(connection: Connection, ids: IdMaker, everything: Collection[Told]) -> None:
    """Write what check-ins told beside their runs, in the order in which they told it."""
    attributed = {one.run_id: one for one in everything if one.attribution is not None}
    if attributed:
        _attribute(connection, ids, list(attributed.values()))
    notes = [one for one in everything if one.note is not None]
    if notes:
        _note(connection, ids, notes)


def forget_runs(connection: Connection, run_ids: Select[Any]) -> None:
    """The runs that a query gives are about to be deleted."""
    connection.execute(delete(run_details).where(run_details.c.run_id.in_(run_ids)))
    connection.execute(delete(run_notes).where(run_notes.c.run_id.in_(run_ids)))


def newest_reported(connection: Connection, stream_id: int) -> Run | None:
    """The run of the stream that somebody reported last."""
    query = (
        select(*[runs.c[name] for name in Run._fields])
        .where(runs.c.stream_id == stream_id, runs.c.outcome.not_in(["missed", "unknown"]))
        .order_by(runs.c.at.desc(), runs.c.id.desc())
    )
    row = connection.execute(query.limit(1)).one_or_none()
    return None if row is None else Run(*row)


def environments_of(
    connection: Connection, named: Collection[tuple[int, int, str]]
) -> dict[tuple[int, int, str], set[str]]:
    """(job, tenant, the sender's name for a run) → the environments in which there is such a run."""
    statement = _ELSEWHERE_SQLITE if raw.is_sqlite(connection) else _ELSEWHERE_POSTGRES
    found: dict[tuple[int, int, str], set[str]] = {}
    for job_id, tenant_id, name, environment in _joined(connection, statement, ("bigint", "bigint", "text"), named):
        found.setdefault((job_id, tenant_id, name), set()).add(environment)
    return found


def _attribute(connection: Connection, ids: IdMaker, told: Collection[Told]) -> None:
    leaves = {_leaf(one): one for one in told if any(_leaf(one)[1:])}
    place_ids = _places(connection, ids, leaves) if leaves else {}
    rows = [
        (one.run_id, one.workspace_id, place_ids.get(_leaf(one)), (one.attribution or Attribution()).release)
        for one in told
    ]
    raw.insert(connection, "run_details", ("run_id", "workspace_id", "place_id", "release"), rows, _SAYING)


def _leaf(one: Told) -> Leaf:
    where = one.attribution or Attribution()
    return one.job_id, where.project, where.service, where.host


def _places(connection: Connection, ids: IdMaker, leaves: Mapping[Leaf, Told]) -> dict[Leaf, int]:
    """The places of these leaves, made where they are new, each heard of by its latest run.

    In one order on every node, or two of them could wait for each other.
    """
    rows = [
        (ids.new(latest.at), latest.workspace_id, *leaf, latest.at, latest.run_id)
        for leaf, latest in sorted(leaves.items())
    ]
    leaf, times = ("bigint", "text", "text", "text"), ("bigint", "bigint")
    if raw.is_sqlite(connection):
        raw.insert(connection, "places", _PLACE, rows, _HEARING)
        found = _joined(connection, _PLACES_SQLITE, leaf, leaves)
    else:
        found = _joined(connection, _PLACES_POSTGRES, ("bigint", "bigint", *leaf, *times), rows)
    return {row[:4]: row[4] for row in found}


def _note(connection: Connection, ids: IdMaker, told: Collection[Told]) -> None:
    rows = [
        {
            "id": ids.new(one.at),
            "workspace_id": one.workspace_id,
            "run_id": one.run_id,
            "at": one.at,
            "message": one.note,
        }
        for one in told
    ]
    connection.execute(insert(run_notes), rows)
    for run_id in {one.run_id for one in told}:
        mine = select(run_notes.c.id).where(run_notes.c.run_id == run_id).order_by(run_notes.c.id.desc())
        connection.execute(delete(run_notes).where(run_notes.c.id.in_(mine.offset(MOST_NOTES).limit(MOST_NOTES))))


def _joined(
    connection: Connection, statement: str, kinds: Sequence[str], asked: Collection[tuple[Any, ...]]
) -> list[tuple[Any, ...]]:
    """The rows of a statement that begins with what is asked: the table `p (c0, c1, …)`, of columns of these kinds."""
    names = [f"c{i}" for i in range(len(kinds))]
    if raw.is_sqlite(connection):
        values = ", ".join(f"value ->> {i} AS {name}" for i, name in enumerate(names))
        source = f"(SELECT {values} FROM json_each(?)) AS p"
        return raw.select(connection, statement.format(p=source), "", json.dumps(list(asked)))
    arrays = ", ".join(f"%s::{kind}[]" for kind in kinds)
    literals = [
        raw.texts(column) if kind == "text" else raw.numbers(column)
        for kind, column in zip(kinds, zip(*asked, strict=True), strict=True)
    ]
    source = f"unnest({arrays}) AS p ({', '.join(names)})"
    return raw.select(connection, "", statement.format(p=source), *literals)
