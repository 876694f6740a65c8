"""What is quiet at a moment: looked at when people are about to be told, for all that is to be told at once."""

import json
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, func, or_, select

from tocsin.domain.model import SECOND, IncidentStatus
from tocsin.domain.quiet import Circumstances, Hold, Quiet, TargetKind, hold_of, hold_of_tenants, muted_tenants
from tocsin.domain.reason import Reason
from tocsin.domain.routing import Subject
from tocsin.store.alerts import Unworded, of_alert
from tocsin.store.schema import incident_care, incident_tenants, incidents, job_environments, jobs, quiets, tenants

#: When to look again at what was being changed at the very moment it was looked at.
RECHECK = 2 * SECOND
_child, _parent = incidents.alias("child"), incidents.alias("parent")


class Hush(NamedTuple):
    """What is quiet: whole incidents by their ids, and tenants by workspace and externalId."""

    holds: dict[int, Hold]
    muted: dict[int, dict[str, Quiet]]

    def hold_on(self, connection: Connection, alert: Unworded, only: Collection[str] = ()) -> Hold | None:
        """What holds this alert, if anything; from who is told of `only` these tenants (none: of all)."""
        whole = self.holds.get(alert.incident_id)
        if whole is not None or alert.workspace_id not in self.muted:
            return whole
        muted = self.muted_in(connection, alert)
        if only:
            muted = {name: quiet for name, quiet in muted.items() if name in only}
        if not muted or len(muted) < _affected(connection, alert, only):
            return None
        return hold_of_tenants(muted.values())

    def muted_in(self, connection: Connection, alert: Unworded) -> dict[str, Quiet]:
        """Those of the alert's tenants who are quiet, by externalId."""
        muted = self.muted.get(alert.workspace_id)
        if not muted:
            return {}
        query = (
            select(tenants.c.external_id)
            .join(incident_tenants, incident_tenants.c.tenant_id == tenants.c.id)
            .where(tenants.c.workspace_id == alert.workspace_id, tenants.c.external_id.in_(muted))
        )
        return {name: muted[name] for name in connection.execute(of_alert(query, alert)).scalars()}


NOTHING = Hush({}, {})


def look(connection: Connection, now: int, incident_ids: Collection[int]) -> Hush:
    """What is quiet at `now` of these incidents. Where nothing is, it costs one query.

    Until the transaction ends nobody changes the quiets it saw: whoever does would not see what is held because of
    them (`store.holds.lock`).
    """
    if not incident_ids:
        return NOTHING
    bearing = list(connection.execute(_bearing(now, incident_ids)).scalars())
    if not bearing:
        return NOTHING
    lock_workspaces(connection, bearing)
    known = _quiets_of(connection, now, bearing)
    parents = _parents(connection, incident_ids)
    holds: dict[int, Hold] = {}
    for row in connection.execute(_circumstances(incident_ids, bearing)).mappings():
        hold = hold_of(_about(row, now, parents), known.get(row["workspace_id"], ()))
        if hold is not None:
            holds[row["id"]] = hold
    muted = {workspace_id: muted_tenants(theirs) for workspace_id, theirs in known.items()}
    return Hush(_settled(connection, now, holds), {one: names for one, names in muted.items() if names})


def lock_workspaces(connection: Connection, workspace_ids: Collection[int]) -> None:
    """What is quiet in these workspaces stays so until the transaction ends."""
    if connection.dialect.name != "sqlite":
        workspaces = incidents.metadata.tables["workspaces"]
        mine = select(workspaces.c.id).where(workspaces.c.id.in_(workspace_ids)).order_by(workspaces.c.id)
        connection.execute(mine.with_for_update(read=True)).all()


def acknowledged(connection: Connection, incident_ids: Collection[int]) -> set[int]:
    """Those of the incidents whose present cycle somebody has acknowledged."""
    query = (
        select(incidents.c.id)
        .join(incident_care, incident_care.c.incident_id == incidents.c.id)
        .where(incidents.c.id.in_(incident_ids), incident_care.c.acknowledged_cycle == incidents.c.cycle)
    )
    return set(connection.execute(query).scalars())


def _with_job(query: Select[Any]) -> Select[Any]:
    return query.select_from(
        incidents.outerjoin(incident_care, incident_care.c.incident_id == incidents.c.id)
        .outerjoin(job_environments, job_environments.c.id == incidents.c.job_environment_id)
        .outerjoin(jobs, jobs.c.id == job_environments.c.job_id)
    )


def _bearing(now: int, incident_ids: Collection[int]) -> Select[Any]:
    """Workspaces in which anything may bear on these incidents."""
    is_quiet = (
        select(quiets.c.id)
        .where(quiets.c.workspace_id == incidents.c.workspace_id, quiets.c.until_at > now, quiets.c.from_at <= now)
        .exists()
    )
    has_parent = jobs.c.parent_job_id.is_not(None) | jobs.c.parent_integration.is_not(None)
    return (
        _with_job(select(incidents.c.workspace_id).distinct())
        .where(incidents.c.id.in_(incident_ids))
        .where(or_(incident_care.c.snoozed_until_at > now, has_parent, is_quiet))
    )


def _quiets_of(connection: Connection, now: int, workspace_ids: Collection[int]) -> dict[int, list[Quiet]]:
    query = select(quiets).where(
        quiets.c.workspace_id.in_(workspace_ids), quiets.c.until_at > now, quiets.c.from_at <= now
    )
    found: dict[int, list[Quiet]] = {}
    for row in connection.execute(query):
        kind = TargetKind(row.target_kind)
        one = Quiet(row.id, Reason(row.reason), kind, row.target_value, row.until_at)
        found.setdefault(row.workspace_id, []).append(one)
    return found


def _circumstances(incident_ids: Collection[int], workspace_ids: Sequence[int]) -> Select[Any]:
    columns = [incidents.c[name] for name in ("id", "workspace_id", "job_key", "integration_key", "environment")]
    now_named = jobs.c.job_key.label("present_key")
    return _with_job(select(*columns, now_named, jobs.c.tags, incident_care.c.snoozed_until_at)).where(
        incidents.c.id.in_(incident_ids), incidents.c.workspace_id.in_(workspace_ids)
    )


def _about(row: Any, now: int, parents: dict[int, int]) -> Circumstances:
    keys = frozenset(key for key in (row["job_key"], row["present_key"]) if key)
    snoozed_until = row["snoozed_until_at"]
    return Circumstances(
        Subject(keys, row["integration_key"], frozenset(json.loads(row["tags"] or "[]"))),
        row["environment"],
        snoozed_until if snoozed_until is not None and snoozed_until > now else None,
        parents.get(row["id"]),
    )


def _parents(connection: Connection, incident_ids: Collection[int]) -> dict[int, int]:
    """By incident: the open incident of what its job depends on; of a job, in the same environment."""
    theirs = job_environments.alias("theirs")
    child_job = (
        select(_child.c.id, func.min(_parent.c.id))
        .join(job_environments, job_environments.c.id == _child.c.job_environment_id)
        .join(jobs, jobs.c.id == job_environments.c.job_id)
    )
    of_jobs = child_job.join(
        theirs, (theirs.c.job_id == jobs.c.parent_job_id) & (theirs.c.environment == job_environments.c.environment)
    ).join(_parent, _parent.c.job_environment_id == theirs.c.id)
    of_integrations = child_job.join(
        _parent,
        (_parent.c.workspace_id == _child.c.workspace_id) & (_parent.c.integration_key == jobs.c.parent_integration),
    )
    is_open = _parent.c.status == IncidentStatus.OPEN
    found: dict[int, int] = {}
    for query in (of_integrations, of_jobs):
        rows = connection.execute(query.where(_child.c.id.in_(incident_ids), is_open).group_by(_child.c.id))
        found |= {row[0]: row[1] for row in rows}
    return found


def _settled(connection: Connection, now: int, holds: dict[int, Hold]) -> dict[int, Hold]:
    """Whoever closes a parent's incident must see what is held because of it, so it is kept as it is until the
    transaction ends. One that is being changed just now is not waited for, but looked at again soon."""
    wanted = {hold.parent_incident_id for hold in holds.values() if hold.parent_incident_id is not None}
    if not wanted or connection.dialect.name == "sqlite":
        return holds
    query = select(incidents.c.id).where(incidents.c.id.in_(wanted), incidents.c.status == IncidentStatus.OPEN)
    kept = set(connection.execute(query.with_for_update(read=True, skip_locked=True)).scalars())
    return {
        incident_id: hold if hold.parent_incident_id in kept | {None} else _soon(hold, now)
        for incident_id, hold in holds.items()
    }


def _soon(hold: Hold, now: int) -> Hold:
    return hold._replace(until_at=now + RECHECK) if hold.until_at is None else hold


def _affected(connection: Connection, alert: Unworded, only: Collection[str]) -> int:
    query = of_alert(select(func.count()).select_from(incident_tenants), alert)
    if only:
        theirs = (tenants.c.workspace_id == alert.workspace_id) & tenants.c.external_id.in_(only)
        query = query.where(incident_tenants.c.tenant_id.in_(select(tenants.c.id).where(theirs)))
    return int(connection.execute(query).scalar_one())
