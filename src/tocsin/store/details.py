"""What is kept beside runs: where they belong, and what they say while they go on."""

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, delete, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from tocsin.domain.attribution import Attribution
from tocsin.domain.ids import IdMaker
from tocsin.domain.model import CheckIn, CheckInKind, Run
from tocsin.store.schema import job_environments, places, run_details, run_notes, runs, streams

#: Messages kept of one run: the newest.
MOST_NOTES = 100


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
    connection: Connection, job_ids: Collection[int], client_run_ids: Collection[str]
) -> dict[tuple[int, str], set[str]]:
    """(job, the sender's name for a run) → the environments in which there is such a run."""
    query = (
        select(job_environments.c.job_id, runs.c.client_run_id, job_environments.c.environment)
        .join(streams, streams.c.job_environment_id == job_environments.c.id)
        .join(runs, runs.c.stream_id == streams.c.id)
        .where(job_environments.c.job_id.in_(job_ids), runs.c.client_run_id.in_(client_run_ids))
    )
    found: dict[tuple[int, str], set[str]] = {}
    for job_id, name, environment in connection.execute(query):
        found.setdefault((job_id, name), set()).add(environment)
    return found


def _attribute(connection: Connection, ids: IdMaker, told: Collection[Told]) -> None:
    leaves = {_leaf(one): one for one in told if any(_leaf(one)[1:])}
    place_ids = {leaf: _place(connection, ids, leaf, leaves[leaf]) for leaf in sorted(leaves)}
    new = _dialect(connection).insert(run_details)
    saying = new.on_conflict_do_update(
        index_elements=["run_id"],
        set_={
            "place_id": func.coalesce(new.excluded.place_id, run_details.c.place_id),
            "release": func.coalesce(func.nullif(new.excluded.release, ""), run_details.c.release),
        },
    )
    rows = [
        {
            "run_id": one.run_id,
            "workspace_id": one.workspace_id,
            "place_id": place_ids.get(_leaf(one)),
            "release": (one.attribution or Attribution()).release,
        }
        for one in told
    ]
    connection.execute(saying, rows)


def _leaf(one: Told) -> tuple[int, str, str, str]:
    where = one.attribution or Attribution()
    return one.job_id, where.project, where.service, where.host


def _place(connection: Connection, ids: IdMaker, leaf: tuple[int, str, str, str], latest: Told) -> int:
    row: dict[str, Any] = {"id": ids.new(latest.at), "workspace_id": latest.workspace_id, "job_id": leaf[0]}
    row |= {"project": leaf[1], "service": leaf[2], "host": leaf[3]}
    new = _dialect(connection).insert(places)
    hearing = new.on_conflict_do_update(
        index_elements=["job_id", "project", "service", "host"],
        set_={"last_at": new.excluded.last_at, "last_run_id": new.excluded.last_run_id},
    ).returning(places.c.id)
    values = {**row, "last_at": latest.at, "last_run_id": latest.run_id}
    return int(connection.execute(hearing.values(values)).scalar_one())


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


def _dialect(connection: Connection) -> Any:
    return postgresql if connection.dialect.name == "postgresql" else sqlite
