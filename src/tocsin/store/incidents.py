"""Incidents, their tenants and timelines, and the alerts they put in the outbox: for those who decide about them."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select

from tocsin.domain.ids import IdMaker
from tocsin.domain.model import Alert, Incident, JobEnvironment, Membership, Transition, Windows
from tocsin.store import raw
from tocsin.store.schema import incidents

_ENVIRONMENT, _INCIDENT = len(JobEnvironment._fields), len(Incident._fields)
_KEPT = ("incident_id", "tenant_id", "workspace_id", "first_seen_at")
_UPSERT_MEMBERSHIP = "ON CONFLICT (incident_id, tenant_id) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in Membership._fields if name not in _KEPT
)

#: Job environments with their job's name, their workspace's clocks, and the newest incident: the one not closed, or the
#: one a cooldown may reuse.
_SITUATIONS = f"""
SELECT {", ".join(f"e.{name}" for name in JobEnvironment._fields)}, j.name, w.recovery_window, w.close_window,
    w.cooldown_window, {", ".join(f"i.{name}" for name in Incident._fields)}
FROM job_environments AS e
JOIN jobs AS j ON j.id = e.job_id
JOIN workspaces AS w ON w.id = e.workspace_id
LEFT JOIN incidents AS i ON i.id = (
    SELECT n.id FROM incidents AS n WHERE n.job_environment_id = e.id ORDER BY n.opened_at DESC, n.id DESC LIMIT 1)
WHERE e.id IN ?
ORDER BY e.id
"""

_MEMBERSHIPS = f"""
SELECT {", ".join(f"m.{name}" for name in Membership._fields)}
FROM v JOIN incident_tenants AS m ON m.incident_id = v.c0 AND m.tenant_id = v.c1
"""

_AFFECTED = "job_environment_id = v.c3 AND epoch = v.c4 AND is_affected"
#: Everyone who is affected joins the incident's cycle, in one statement for any number of incidents. On PostgreSQL each
#: environment is looked up by itself: a join of all with all took 38 ms a slice among 2,000 jobs, and grew with them.
_ATTACH = f"""
INSERT INTO incident_tenants ({", ".join(Membership._fields)})
SELECT v.c0, s.tenant_id, v.c1, v.c2, s.missed_runs - s.missed_base, s.missed_runs - s.missed_base, v.c5, v.c5, v.c5
FROM v JOIN {{affected}}
WHERE true
{_UPSERT_MEMBERSHIP}
"""
_ATTACH_SQLITE = _ATTACH.format(affected=f"streams AS s ON {_AFFECTED}")
_ATTACH_POSTGRES = _ATTACH.format(affected=f"LATERAL (SELECT * FROM streams WHERE {_AFFECTED} OFFSET 0) AS s ON true")

_RECOUNT = """
UPDATE incidents SET (tenant_count, missed_runs, event_count) = (
    SELECT count(*), coalesce(sum(m.missed_runs), 0), coalesce(sum(m.missed_runs), 0)
    FROM incident_tenants AS m WHERE m.incident_id = incidents.id)
WHERE id IN (SELECT c0 FROM v)
"""


class Situation(NamedTuple):
    """A job environment as it stands: its counters, its newest incident, and the clocks of its workspace."""

    environment: JobEnvironment
    job_name: str
    windows: Windows
    incident: Incident | None


class Attachment(NamedTuple):
    """All affected streams of the environment at this epoch join the incident's cycle at `moment`."""

    incident_id: int
    workspace_id: int
    cycle: int
    job_environment_id: int
    epoch: int
    moment: int


def lock_situations(connection: Connection, environment_ids: Collection[int]) -> dict[int, Situation]:
    """The situations of these environments, locked in key order until the transaction ends."""
    ids = sorted(environment_ids)
    if not raw.is_sqlite(connection):
        raw.select_by(connection, "SELECT id FROM job_environments WHERE id IN ? ORDER BY id FOR UPDATE", ids)
    return {row[0]: _situation(row) for row in raw.select_by(connection, _SITUATIONS, ids)}


def _situation(row: Sequence[Any]) -> Situation:
    incident = row[-_INCIDENT:]
    return Situation(
        JobEnvironment._make(row[:_ENVIRONMENT]),
        row[_ENVIRONMENT],
        Windows._make(row[_ENVIRONMENT + 1 : _ENVIRONMENT + 4]),
        None if incident[0] is None else Incident._make(incident),
    )


def memberships(connection: Connection, pairs: Collection[tuple[int, int]]) -> list[Membership]:
    """The parts that tenants have in incidents: `pairs` of (incident id, tenant id)."""
    return [Membership._make(row) for row in raw.for_each(connection, _MEMBERSHIPS, 2, pairs)]


def due_environments(connection: Connection, until_at: int, limit: int) -> list[int]:
    """Job environments whose incident's clock has come to `until_at`, earliest first."""
    rows = connection.execute(
        select(incidents.c.job_environment_id)
        .where(incidents.c.check_at <= until_at, incidents.c.job_environment_id.is_not(None))
        .order_by(incidents.c.check_at)
        .limit(limit)
    )
    return [row.job_environment_id for row in rows]


def write_incidents(connection: Connection, new: Collection[Incident], changed: Collection[Incident]) -> None:
    # What changed comes first: the one that has just closed makes room for the next about the same thing.
    raw.update(connection, "incidents", Incident._fields, changed, ("workspace_id",))
    raw.insert(connection, "incidents", Incident._fields, new)


def attach(connection: Connection, attachments: Sequence[Attachment]) -> None:
    """Let everyone who is affected into these incidents."""
    statement = _ATTACH_SQLITE if raw.is_sqlite(connection) else _ATTACH_POSTGRES
    raw.for_each(connection, statement, len(Attachment._fields), attachments)


def recount(connection: Connection, incident_ids: Collection[int]) -> None:
    """Set the counters of incidents that tenants were attached to; elsewhere they are kept, not counted."""
    raw.for_each(connection, _RECOUNT, 1, [(i,) for i in incident_ids])


def write_memberships(connection: Connection, rows: Collection[Membership]) -> None:
    raw.insert(connection, "incident_tenants", Membership._fields, rows, _UPSERT_MEMBERSHIP)


def write_transitions(connection: Connection, ids: IdMaker, now: int, rows: Sequence[tuple[int, Transition]]) -> None:
    """`rows`: (workspace id, transition) in the order in which they happened."""
    names = ("id", "workspace_id", *Transition._fields)
    raw.insert(connection, "transitions", names, [(ids.new(now), workspace, *t) for workspace, t in rows])


def write_alerts(connection: Connection, ids: IdMaker, now: int, rows: Sequence[tuple[int, Alert]]) -> None:
    """Put alerts in the outbox: in the transaction of the decision that caused them."""
    names = ("id", "workspace_id", "created_at", *Alert._fields)
    raw.insert(connection, "alerts", names, [(ids.new(now), workspace, now, *a) for workspace, a in rows])


def add_to_counters(connection: Connection, deltas: dict[int, tuple[int, int, int]]) -> None:
    """Add (watched, late, affected) to the counters of job environments, in key order."""
    rows = [(environment_id, *delta) for environment_id, delta in sorted(deltas.items()) if any(delta)]
    raw.add(connection, "job_environments", ("watched_count", "late_count", "affected_count"), rows)


def environment_of_incident(connection: Connection, workspace_id: int, incident_id: int) -> Row[Any, Any, Any] | None:
    """(status, kind, job_environment_id) of an incident of the workspace."""
    return connection.execute(
        select(incidents.c.status, incidents.c.kind, incidents.c.job_environment_id).where(
            incidents.c.workspace_id == workspace_id, incidents.c.id == incident_id
        )
    ).one_or_none()
