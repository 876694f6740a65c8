"""/incidents: what is wrong, who is affected, and how it went."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from tocsin.api import answers
from tocsin.api.calls import Reading, Writing, uuid_of
from tocsin.api.wire import Paging
from tocsin.application import resolving
from tocsin.store import Connection
from tocsin.store import views_incidents as views

router = APIRouter(prefix="/incidents", tags=["incidents"])
Status = Literal["open", "recovering", "closed", "active", "all"]
_WHAT = "Incident"


def _named(alias: str) -> Any:
    return Query(alias=alias, max_length=300)


@router.get("", response_model=answers.Answer[answers.Items[answers.Incident]])
def list_incidents(
    call: Reading,
    page: Paging,
    status: Status = "active",
    integration_key: Annotated[str | None, _named("integrationKey")] = None,
    job_key: Annotated[str | None, _named("jobKey")] = None,
    pattern_id: Annotated[str | None, _named("patternId")] = None,
    tenant: Annotated[str | None, _named("tenantId")] = None,
    chronic: bool | None = None,
) -> Response:
    """List the incidents, newest first; without a status the active ones."""
    filters = views.IncidentFilters(status, integration_key, job_key, pattern_id, tenant, chronic)
    return call.read(lambda connection: views.list_incidents(connection, call.workspace_id, filters, page))


@router.get("/{incident}", response_model=answers.Answer[answers.Incident])
def get_incident(call: Reading, incident: str) -> Response:
    """One incident with its affected tenants."""
    number = uuid_of(incident, _WHAT)
    return call.read(lambda connection: views.incident_object(connection, call.workspace_id, number), _WHAT)


@router.get("/{incident}/tenants", response_model=answers.Answer[answers.Items[answers.AffectedTenant]])
def list_incident_tenants(call: Reading, page: Paging, incident: str) -> Response:
    """Everybody who was ever affected."""
    number = uuid_of(incident, _WHAT)
    return call.read(lambda connection: views.list_incident_tenants(connection, call.workspace_id, number, page), _WHAT)


@router.get("/{incident}/timeline", response_model=answers.Answer[list[answers.StateChange]])
def get_timeline(call: Reading, incident: str) -> Response:
    """Its state changes, oldest first."""
    number = uuid_of(incident, _WHAT)
    return call.read(lambda connection: views.incident_timeline(connection, call.workspace_id, number), _WHAT)


@router.post("/{incident}/resolve", response_model=answers.Answer[answers.Incident])
def resolve_incident(call: Writing, incident: str) -> Response:
    """Close an incident by hand."""
    number = uuid_of(incident, _WHAT)

    def work(connection: Connection) -> object:
        resolving.resolve(connection, call.services.ids, call.now, call.workspace_id, number)
        return views.incident_object(connection, call.workspace_id, number)

    return call.write(work, message="Incident resolved.")
