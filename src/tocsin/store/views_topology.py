"""Where jobs run: project, service, job and host, as attribution tells it. Read only."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from tocsin.domain.ids import to_uuid
from tocsin.domain.model import FAILING
from tocsin.store.schema import jobs, places, runs
from tocsin.store.views_jobs import job_status
from tocsin.wire_time import iso

Object = dict[str, Any]

#: Leaves that are shown: those heard last.
_MOST = 5_000
#: The worst comes first.
_BY_GRAVITY = ("down", "late", "up", "new", "paused")


def topology(connection: Connection, workspace_id: int, now: int) -> Object:
    """The tree of everything that was attributed, each node with its state; what no sender named is null."""
    query = (
        select(places, jobs.c.job_key, jobs.c.name, runs.c.outcome)
        .join(jobs, jobs.c.id == places.c.job_id)
        .outerjoin(runs, runs.c.id == places.c.last_run_id)
        .where(places.c.workspace_id == workspace_id)
        .order_by(places.c.last_at.desc())
        .limit(_MOST)
    )
    rows = sorted(
        connection.execute(query).mappings().all(),
        key=lambda row: (row["project"], row["service"], row["job_key"], row["host"]),
    )
    states = {job_id: job_status(connection, job_id, now) for job_id in {row["job_id"] for row in rows}}
    return {"projects": [_project(name, group, states) for name, group in _groups(rows, "project")]}


def _groups(rows: Iterable[RowMapping], name: str) -> list[tuple[str, list[RowMapping]]]:
    return [(key, list(group)) for key, group in groupby(rows, key=lambda row: row[name])]


def _project(name: str, rows: Sequence[RowMapping], states: dict[int, str]) -> Object:
    services = [_service(service, group, states) for service, group in _groups(rows, "service")]
    return {"project": name or None, "status": _worst(services), "services": services}


def _service(name: str, rows: Sequence[RowMapping], states: dict[int, str]) -> Object:
    found = [_job(key, group, states) for key, group in _groups(rows, "job_key")]
    return {"service": name or None, "status": _worst(found), "jobs": found}


def _job(key: str, rows: Sequence[RowMapping], states: dict[int, str]) -> Object:
    first = rows[0]
    hosts = [_host(row) for row in rows]
    return {"jobKey": key, "name": first["name"], "status": states[first["job_id"]], "hosts": hosts}


def _host(row: RowMapping) -> Object:
    """A host is down where the last run on it was a failure; who is silent is the job's matter."""
    return {
        "host": row["host"] or None,
        "status": "down" if row["outcome"] in FAILING else "up",
        "lastOutcome": row["outcome"],
        "lastRunId": to_uuid(row["last_run_id"]),
        "lastSeenAt": iso(row["last_at"]),
    }


def _worst(nodes: Iterable[Object]) -> str:
    return min((str(node["status"]) for node in nodes), key=_BY_GRAVITY.index)
