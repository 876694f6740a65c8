"""Incidents, their tenants and timelines, and the alerts they put in the outbox."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, func, insert, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite

from tocsin.domain.ids import IdMaker
from tocsin.domain.model import (
    Alert,
    Incident,
    IncidentStatus,
    JobEnvironment,
    Membership,
    Transition,
    Windows,
)
from tocsin.store.schema import (
    alerts,
    incident_tenants,
    incidents,
    job_environments,
    jobs,
    streams,
    transitions,
    workspaces,
)

_INCIDENT = [incidents.c[name] for name in Incident._fields]
_MEMBERSHIP = [incident_tenants.c[name] for name in Membership._fields]


class Situation(NamedTuple):
    """A job environment as it stands: its counters, its latest incident, and the clocks of its workspace."""

    environment: JobEnvironment
    job_name: str
    windows: Windows
    incident: Incident | None


class Attachment(NamedTuple):
    """All affected streams of the environment at this epoch join the incident's cycle at `moment`."""

    incident_id: int
    workspace_id: int
    job_environment_id: int
    epoch: int
    cycle: int
    moment: int


def lock_situations(connection: Connection, environment_ids: Collection[int]) -> dict[int, Situation]:
    """The situations of these environments, locked in key order until the transaction ends."""
    ids = sorted(environment_ids)
    environments = connection.execute(
        select(*[job_environments.c[name] for name in JobEnvironment._fields])
        .where(job_environments.c.id.in_(ids))
        .order_by(job_environments.c.id)
        .with_for_update()
    ).all()
    latest = _latest_incidents(connection, ids)
    about = _names_and_windows(connection, ids)
    return {
        row.id: Situation(JobEnvironment(*row), *about[row.id], latest.get(row.id))
        for row in environments
        if row.id in about
    }


def _latest_incidents(connection: Connection, ids: Sequence[int]) -> dict[int, Incident]:
    """The newest incident of each environment: the one not closed, or the one a cooldown may reuse."""
    newest = (
        select(func.max(incidents.c.id))
        .where(incidents.c.job_environment_id.in_(ids))
        .group_by(incidents.c.job_environment_id)
    )
    rows = connection.execute(select(*_INCIDENT).where(incidents.c.id.in_(newest)))
    return {row.job_environment_id: Incident(*row) for row in rows}


def _names_and_windows(connection: Connection, ids: Sequence[int]) -> dict[int, tuple[str, Windows]]:
    rows = connection.execute(
        select(
            job_environments.c.id,
            jobs.c.name,
            workspaces.c.recovery_window,
            workspaces.c.close_window,
            workspaces.c.cooldown_window,
        )
        .join(jobs, jobs.c.id == job_environments.c.job_id)
        .join(workspaces, workspaces.c.id == job_environments.c.workspace_id)
        .where(job_environments.c.id.in_(ids))
    )
    return {row.id: (row.name, Windows(*row[2:])) for row in rows}


def memberships(connection: Connection, incident_ids: Collection[int], tenant_ids: Collection[int]) -> list[Membership]:
    """The parts these tenants have in these incidents."""
    rows = connection.execute(
        select(*_MEMBERSHIP).where(
            incident_tenants.c.incident_id.in_(incident_ids), incident_tenants.c.tenant_id.in_(tenant_ids)
        )
    )
    return [Membership(*row) for row in rows]


def due_environments(connection: Connection, until_at: int, limit: int) -> list[int]:
    """Job environments whose incident's clock has come to `until_at`, earliest first."""
    rows = connection.execute(
        select(incidents.c.job_environment_id)
        .where(incidents.c.check_at <= until_at, incidents.c.job_environment_id.is_not(None))
        .order_by(incidents.c.check_at)
        .limit(limit)
    )
    return [row.job_environment_id for row in rows]


def write_incidents(connection: Connection, new: Sequence[Incident], changed: Sequence[Incident]) -> None:
    if new:
        connection.execute(insert(incidents), [i._asdict() for i in new])
    if changed:
        columns = [name for name in Incident._fields if name not in ("id", "workspace_id")]
        values: dict[str, Any] = {name: bindparam(f"b_{name}") for name in columns}
        statement = update(incidents).where(incidents.c.id == bindparam("b_id")).values(values)
        connection.execute(statement, [{f"b_{k}": v for k, v in i._asdict().items()} for i in changed])


def attach(connection: Connection, attachment: Attachment) -> None:
    """Let everyone who is affected into the incident: one statement, however many they are."""
    affected = select(
        literal(attachment.incident_id),
        streams.c.tenant_id,
        literal(attachment.workspace_id),
        literal(attachment.cycle),
        streams.c.missed_runs - streams.c.missed_base,
        streams.c.missed_runs - streams.c.missed_base,
        literal(attachment.moment),
        literal(attachment.moment),
        literal(attachment.moment),
    ).where(
        streams.c.job_environment_id == attachment.job_environment_id,
        streams.c.epoch == attachment.epoch,
        streams.c.is_affected,
    )
    _upsert_memberships(connection, affected, None)


def write_memberships(connection: Connection, rows: Iterable[Membership]) -> None:
    values = [row._asdict() for row in rows]
    if values:
        _upsert_memberships(connection, None, values)


def _upsert_memberships(connection: Connection, source: Any, values: list[dict[str, Any]] | None) -> None:
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement: Any = dialect.insert(incident_tenants)
    if source is not None:
        statement = statement.from_select(list(Membership._fields), source.where(literal(True)))
    kept = ("incident_id", "tenant_id", "workspace_id", "first_seen_at")
    statement = statement.on_conflict_do_update(
        index_elements=["incident_id", "tenant_id"],
        set_={name: statement.excluded[name] for name in Membership._fields if name not in kept},
    )
    if values is None:
        connection.execute(statement)
    else:
        connection.execute(statement, values)


def recount(connection: Connection, incident_ids: Collection[int]) -> None:
    """Set the counters of incidents that tenants were attached to; elsewhere they are kept, not counted."""
    of_incident = incident_tenants.c.incident_id == incidents.c.id
    total = select(func.coalesce(func.sum(incident_tenants.c.missed_runs), 0)).where(of_incident).scalar_subquery()
    tenants = select(func.count()).select_from(incident_tenants).where(of_incident).scalar_subquery()
    connection.execute(
        update(incidents)
        .where(incidents.c.id.in_(incident_ids))
        .values(tenant_count=tenants, missed_runs=total, event_count=total)
    )


def write_transitions(connection: Connection, ids: IdMaker, now: int, rows: Sequence[tuple[int, Transition]]) -> None:
    """`rows`: (workspace id, transition) in the order in which they happened."""
    if rows:
        values = [{"id": ids.new(now), "workspace_id": w, **t._asdict()} for w, t in rows]
        connection.execute(insert(transitions), values)


def write_alerts(connection: Connection, ids: IdMaker, now: int, rows: Sequence[tuple[int, Alert]]) -> None:
    """Put alerts in the outbox: in the transaction of the decision that caused them."""
    if rows:
        values = [{"id": ids.new(now), "workspace_id": w, "created_at": now, **a._asdict()} for w, a in rows]
        connection.execute(insert(alerts), values)


def add_to_counters(connection: Connection, deltas: dict[int, tuple[int, int, int]]) -> None:
    """Add (watched, late, affected) to the counters of job environments, in key order."""
    table = job_environments.c
    statement = (
        update(job_environments)
        .where(table.id == bindparam("b_id"))
        .values(
            watched_count=table.watched_count + bindparam("b_watched"),
            late_count=table.late_count + bindparam("b_late"),
            affected_count=table.affected_count + bindparam("b_affected"),
        )
    )
    values = [
        {"b_id": id_, "b_watched": d[0], "b_late": d[1], "b_affected": d[2]}
        for id_, d in sorted(deltas.items())
        if any(d)
    ]
    if values:
        connection.execute(statement, values)


def environment_of_incident(connection: Connection, workspace_id: int, incident_id: int) -> Row[Any, Any] | None:
    """(status, job_environment_id) of an incident of the workspace."""
    return connection.execute(
        select(incidents.c.status, incidents.c.job_environment_id).where(
            incidents.c.workspace_id == workspace_id, incidents.c.id == incident_id
        )
    ).one_or_none()


def open_count(connection: Connection) -> int:
    """How many incidents are open, in the whole installation: for the operator's metrics."""
    statement = select(func.count()).select_from(incidents).where(incidents.c.status == IncidentStatus.OPEN)
    return int(connection.execute(statement).scalar_one())
