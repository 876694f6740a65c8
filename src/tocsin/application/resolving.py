"""A person ends an incident."""

from typing import Any

from tocsin.application import watching
from tocsin.application.errors import conflict, not_found
from tocsin.application.event_book import EventBook
from tocsin.application.settling import write_book
from tocsin.domain.ids import IdMaker
from tocsin.domain.model import IncidentStatus
from tocsin.domain.reason import Reason
from tocsin.store import incidents, integrations, nodes
from tocsin.store.engine import Connection


def resolve(connection: Connection, ids: IdMaker, now: int, workspace_id: int, incident_id: int) -> None:
    """Close the incident, whatever its state; `resolved` is sent, and thresholds count from zero."""
    incident = _lock(connection, workspace_id, incident_id)
    if incident.status != IncidentStatus.CLOSED and incident.kind == "integration":
        _resolve_integration(connection, ids, now, workspace_id, incident_id)
        return
    if incident.status == IncidentStatus.CLOSED or incident.job_environment_id is None:
        raise conflict("The incident is closed already.")
    watching.close_incidents(
        connection, ids, now, [incident.job_environment_id], Reason.RESOLVED_MANUALLY, "Resolved manually"
    )


def _lock(connection: Connection, workspace_id: int, incident_id: int) -> Any:
    """The incident as it is when nobody else decides about it any more: it may just have been closed."""
    incident = incidents.environment_of_incident(connection, workspace_id, incident_id)
    if incident is None:
        raise not_found("Incident")
    if incident.job_environment_id is not None:
        incidents.lock_situations(connection, [incident.job_environment_id])
    elif (subject_id := integrations.subject_of(connection, workspace_id, incident_id)) is not None:
        integrations.lock_situations(connection, [subject_id])
    return incidents.environment_of_incident(connection, workspace_id, incident_id)


def _resolve_integration(connection: Connection, ids: IdMaker, now: int, workspace_id: int, incident_id: int) -> None:
    subject_id = integrations.subject_of(connection, workspace_id, incident_id)
    if subject_id is None:
        raise not_found("Incident")
    book = EventBook(ids, now, nodes.all_absences(connection))
    book.open(integrations.lock_situations(connection, [subject_id]))
    book.close([subject_id], now, Reason.RESOLVED_MANUALLY, "Resolved manually")
    write_book(connection, ids, now, book)
