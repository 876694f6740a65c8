"""A person ends an incident."""

from tocsin.application import watching
from tocsin.application.errors import conflict, not_found
from tocsin.domain.ids import IdMaker
from tocsin.domain.model import IncidentStatus
from tocsin.domain.reason import Reason
from tocsin.store import incidents
from tocsin.store.engine import Connection


def resolve(connection: Connection, ids: IdMaker, now: int, workspace_id: int, incident_id: int) -> None:
    """Close the incident, whatever its state; `resolved` is sent, and thresholds count from zero."""
    incident = incidents.environment_of_incident(connection, workspace_id, incident_id)
    if incident is None:
        raise not_found("Incident")
    if incident.status == IncidentStatus.CLOSED or incident.job_environment_id is None:
        raise conflict("The incident is closed already.")
    watching.close_incidents(
        connection, ids, now, [incident.job_environment_id], Reason.RESOLVED_MANUALLY, "Resolved manually"
    )
