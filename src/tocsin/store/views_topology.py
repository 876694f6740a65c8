"""Where jobs run: project, service, job and host, as attribution tells it. Read only."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from tocsin.domain.ids import to_uuid
from tocsin.domain.model import FAILING
from tocsin.store.schema import jobs, places, runs
from tocsin.store.views_job_states import STATUSES, states_of_jobs
from tocsin.wire_time import iso

Object = dict[str, Any]

#: So many are shown.
MOST_LEAVES = 5_000


class Leaf(NamedTuple):
    """A job at a place. What no sender named is empty. `status`: of the job; `outcome`: of its last run there, None
    where that is gone. `last_at`: microseconds."""

    project: str
    service: str
    job_key: str
    host: str
    name: str
    status: str
    outcome: str | None
    last_at: int
    last_run_id: int

    @property
    def is_failing(self) -> bool:
        """A host is down where the last run on it was a failure; who is silent is the job's matter."""
        return self.outcome in FAILING


def leaves(connection: Connection, workspace_id: int, now: int, most: int = MOST_LEAVES) -> list[Leaf]:
    """Those heard last, `most` of them, in alphabetical order."""
    of_place = (places.c.project, places.c.service, jobs.c.job_key, places.c.host, jobs.c.name, jobs.c.id)
    query = (
        select(*of_place, runs.c.outcome, places.c.last_at, places.c.last_run_id)
        .join(jobs, jobs.c.id == places.c.job_id)
        .outerjoin(runs, runs.c.id == places.c.last_run_id)
        .where(places.c.workspace_id == workspace_id)
        .order_by(places.c.last_at.desc())
        .limit(most)
    )
    states = dict(states_of_jobs(connection, workspace_id, now))
    return sorted(Leaf(*row[:5], states.get(row[5], "new"), *row[6:]) for row in connection.execute(query).all())


def count_leaves(connection: Connection, workspace_id: int) -> int:
    """How many there are, shown or not."""
    query = select(func.count()).select_from(places).where(places.c.workspace_id == workspace_id)
    return int(connection.execute(query).scalar_one())


def topology(connection: Connection, workspace_id: int, now: int, most: int = MOST_LEAVES) -> Object:
    """The tree of the leaves, each node with its state; what no sender named is null. `leftOut`: leaves not in it."""
    found = leaves(connection, workspace_id, now, most)
    left_out = count_leaves(connection, workspace_id) - len(found)
    projects = [_project(name, group) for name, group in groups(found, "project")]
    return {"projects": projects, "leftOut": max(left_out, 0)}


def groups(found: Iterable[Leaf], name: str) -> list[tuple[str, list[Leaf]]]:
    """Leaves in alphabetical order by their `project`, `service` or `job_key`."""
    return [(key, list(group)) for key, group in groupby(found, key=lambda leaf: getattr(leaf, name))]


def worst(statuses: Iterable[str]) -> str:
    return min(statuses, key=STATUSES.index)


def _project(name: str, found: Sequence[Leaf]) -> Object:
    services = [_service(service, group) for service, group in groups(found, "service")]
    return {"project": name or None, "status": worst(leaf.status for leaf in found), "services": services}


def _service(name: str, found: Sequence[Leaf]) -> Object:
    of_service = [_job(key, group) for key, group in groups(found, "job_key")]
    return {"service": name or None, "status": worst(leaf.status for leaf in found), "jobs": of_service}


def _job(key: str, found: Sequence[Leaf]) -> Object:
    first = found[0]
    return {"jobKey": key, "name": first.name, "status": first.status, "hosts": list(map(_host, found))}


def _host(leaf: Leaf) -> Object:
    return {
        "host": leaf.host or None,
        "status": "down" if leaf.is_failing else "up",
        "lastOutcome": leaf.outcome,
        "lastRunId": to_uuid(leaf.last_run_id),
        "lastSeenAt": iso(leaf.last_at),
    }
