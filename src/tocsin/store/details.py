"""What is kept beside runs: where they belong, and what they say while they go on."""

import json
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple, cast

from sqlalchemy import ColumnElement, Connection, delete, insert, select

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
#: A run finds its place in the statement that writes it: no answer is waited for. (Through SQLAlchemy Core, a statement
#: a place, a check-in took three times as long.)
_DETAIL_KINDS = ("bigint", "bigint", "text", "bigint", "text", "text", "text")
_PLACE_OF = "job_id = p.c3 AND project = p.c4 AND service = p.c5 AND host = p.c6"
_DETAIL = f"""INSERT INTO run_details (run_id, workspace_id, release, place_id)
    SELECT p.c0, p.c1, p.c2, (SELECT id FROM places WHERE {_PLACE_OF}) FROM {{p}} WHERE true {_SAYING}"""
#: On each engine one index after the other, in the order written: `default` is the tenant of nearly all streams, of
#: which statistics know nothing.
_ELSEWHERE_KINDS = ("bigint", "text", "text", "text")
_ELSEWHERE_SQLITE = """SELECT p.c0, p.c1, p.c2, p.c3, e.environment FROM {p}
    CROSS JOIN jobs AS j ON j.workspace_id = p.c0 AND j.job_key = p.c1
    CROSS JOIN tenants AS t ON t.workspace_id = p.c0 AND t.external_id = p.c2
    CROSS JOIN job_environments AS e ON e.job_id = j.id
    CROSS JOIN streams AS s ON s.job_environment_id = e.id AND s.tenant_id = t.id
    CROSS JOIN runs AS r ON r.stream_id = s.id AND r.client_run_id = p.c3"""
_ELSEWHERE_POSTGRES = """SELECT p.c0, p.c1, p.c2, p.c3, e.environment FROM {p}
    JOIN LATERAL (SELECT id FROM jobs WHERE workspace_id = p.c0 AND job_key = p.c1 OFFSET 0) AS j ON true
    JOIN LATERAL (SELECT id FROM tenants WHERE workspace_id = p.c0 AND external_id = p.c2 OFFSET 0) AS t ON true
    JOIN LATERAL (SELECT id, environment FROM job_environments WHERE job_id = j.id OFFSET 0) AS e ON true
    JOIN LATERAL (SELECT id FROM streams WHERE job_environment_id = e.id AND tenant_id = t.id OFFSET 0) AS s ON true
    JOIN LATERAL (SELECT id FROM runs WHERE stream_id = s.id AND client_run_id = p.c3 OFFSET 0) AS r ON true"""

#: (job id, project, service, host)
Leaf = tuple[int, str, str, str]
#: (workspace id, job key, the tenant's external id, the sender's name for the run)
Named = tuple[int, str, str, str]


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


def forget_runs(connection: Connection, are_these: Callable[[ColumnElement[int]], ColumnElement[bool]]) -> None:
    """Delete what is kept beside the runs whose ids `are_these`."""
    for table in (run_details, run_notes):
        connection.execute(delete(table).where(are_these(table.c.run_id)))


def newest_reported(connection: Connection, stream_id: int) -> Run | None:
    """The run of the stream that somebody reported last."""
    query = (
        select(*[runs.c[name] for name in Run._fields])
        .where(runs.c.stream_id == stream_id, runs.c.outcome.not_in(["missed", "unknown"]))
        .order_by(runs.c.at.desc(), runs.c.id.desc())
    )
    row = connection.execute(query.limit(1)).one_or_none()
    return None if row is None else Run(*row)


def ask_environments(connection: Connection, named: Collection[Named]) -> Callable[[], dict[Named, set[str]]]:
    """What gives, when it is called, the environments in which there is such a run."""
    statement = _ELSEWHERE_SQLITE if raw.is_sqlite(connection) else _ELSEWHERE_POSTGRES
    rows = _ask(connection, statement, _ELSEWHERE_KINDS, named)

    def environments() -> dict[Named, set[str]]:
        found: dict[Named, set[str]] = {}
        for *name, environment in rows():
            found.setdefault(cast(Named, tuple(name)), set()).add(environment)
        return found

    return environments


def _attribute(connection: Connection, ids: IdMaker, told: Collection[Told]) -> None:
    """Places are written in one order on every node, or two of them could wait for each other."""
    leaves = {_leaf(one): one for one in told if any(_leaf(one)[1:])}
    heard = [
        (ids.new(latest.at), latest.workspace_id, *leaf, latest.at, latest.run_id)
        for leaf, latest in sorted(leaves.items())
    ]
    raw.insert(connection, "places", _PLACE, heard, _HEARING)
    said = [(one.run_id, one.workspace_id, (one.attribution or Attribution()).release, *_leaf(one)) for one in told]
    _ask(connection, _DETAIL, _DETAIL_KINDS, said)


def _leaf(one: Told) -> Leaf:
    where = one.attribution or Attribution()
    return one.job_id, where.project, where.service, where.host


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


def _ask(
    connection: Connection, statement: str, kinds: Sequence[str], given: Collection[tuple[Any, ...]]
) -> Callable[[], list[tuple[Any, ...]]]:
    """Run a statement that reads what is given as the table `p (c0, c1, …)`, of columns of these kinds; what gives its
    rows."""
    names = [f"c{i}" for i in range(len(kinds))]
    if raw.is_sqlite(connection):
        values = ", ".join(f"value ->> {i} AS {name}" for i, name in enumerate(names))
        source = f"(SELECT {values} FROM json_each(?)) AS p"
        return raw.ask(connection, statement.format(p=source), "", json.dumps(list(given)))
    arrays = ", ".join(f"%s::{kind}[]" for kind in kinds)
    literals = [
        raw.texts(column) if kind == "text" else raw.numbers(column)
        for kind, column in zip(kinds, zip(*given, strict=True), strict=True)
    ]
    source = f"unnest({arrays}) AS p ({', '.join(names)})"
    return raw.ask(connection, "", statement.format(p=source), *literals)
