"""/incidents: what is wrong, who is affected, and how it went."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from tocsin.api import answers
from tocsin.api.calls import Call, Reading, Writing, uuid_of
from tocsin.api.wire import Moment, Paging, Seconds, Wire, example
from tocsin.application import attending, resolving
from tocsin.application.attending import Deed
from tocsin.application.errors import invalid
from tocsin.domain.ids import from_uuid
from tocsin.domain.model import SECOND
from tocsin.store import Connection, views_activity
from tocsin.store import views_incidents as views

router = APIRouter(prefix="/incidents", tags=["incidents"])
Status = Literal["open", "recovering", "closed", "active", "all"]
_WHAT = "Incident"


class Acknowledgement(Wire):
    """`ownerId`: the member who sees to it."""

    model_config = example(note="The mail server is down; its people are at it.")

    note: Annotated[str, Field(max_length=2_000)] | None = None
    owner_id: Annotated[str, Field(max_length=40)] | None = None


class Snooze(Wire):
    """`until` a moment, or for `seconds`; one of them."""

    model_config = example(seconds=3_600)

    until: Moment | None = None
    seconds: Seconds | None = None


class Note(Wire):
    model_config = example(text="Restarted the exporter at 14:05.")

    text: Annotated[str, Field(min_length=1, max_length=5_000)]


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


@router.get("/{incident}", response_model=answers.Answer[answers.WholeIncident])
def get_incident(call: Reading, incident: str) -> Response:
    """One incident with its affected tenants, and the incidents that are held because of it."""
    number = uuid_of(incident, _WHAT)
    return call.read(lambda connection: views.whole_incident(connection, call.workspace_id, number), _WHAT)


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


@router.post("/{incident}/resolve", response_model=answers.Answer[answers.WholeIncident])
def resolve_incident(call: Writing, incident: str) -> Response:
    """Close an incident by hand."""
    number = uuid_of(incident, _WHAT)

    def work(connection: Connection) -> object:
        resolving.resolve(connection, call.services.ids, call.now, call.workspace_id, number)
        attending.note_resolved(connection, _deed(call, connection, number))
        return views.whole_incident(connection, call.workspace_id, number)

    return call.write(work, message="Incident resolved.")


@router.get("/{incident}/activity", response_model=answers.Answer[answers.Items[answers.Activity]])
def get_activity(call: Reading, page: Paging, incident: str) -> Response:
    """Everything that happened, oldest first: state changes, alerts, tenants who joined, and what people did."""
    number = uuid_of(incident, _WHAT)
    return call.read(
        lambda connection: views_activity.list_activity(connection, call.workspace_id, number, page), _WHAT
    )


@router.post("/{incident}/acknowledge", response_model=answers.Answer[answers.WholeIncident])
def acknowledge_incident(call: Writing, incident: str, body: Acknowledgement) -> Response:
    """Say that somebody is at it; PagerDuty and OpsGenie are told. It holds until the incident opens again."""
    owner_id = None if body.owner_id is None else from_uuid(body.owner_id)
    if body.owner_id is not None and owner_id is None:
        raise invalid("ownerId must be the id of a member of this workspace.")
    return _do(
        call,
        incident,
        lambda connection, deed: attending.acknowledge(connection, deed, body.note, owner_id),
        "Incident acknowledged.",
    )


@router.post("/{incident}/snooze", response_model=answers.Answer[answers.WholeIncident])
def snooze_incident(call: Writing, incident: str, body: Snooze) -> Response:
    """Hold its alerts for a while; if it is still open then, that is told."""
    if (body.until is None) == (body.seconds is None):
        raise invalid("Give until or seconds: one of them.")
    until_at = body.until if body.seconds is None else call.now + body.seconds * SECOND
    return _do(
        call,
        incident,
        lambda connection, deed: attending.snooze(connection, deed, until_at or 0),
        "Incident snoozed.",
    )


@router.post("/{incident}/unsnooze", response_model=answers.Answer[answers.WholeIncident])
def unsnooze_incident(call: Writing, incident: str) -> Response:
    """End the snooze now; what was held is told."""
    return _do(call, incident, attending.unsnooze, "Incident snoozed no more.")


@router.post("/{incident}/notes", response_model=answers.Answer[answers.WholeIncident], status_code=201)
def note_incident(call: Writing, incident: str, body: Note) -> Response:
    """Write something down; it stands in the activity."""
    return _do(
        call,
        incident,
        lambda connection, deed: attending.add_note(connection, deed, body.text),
        "Note added.",
        201,
    )


def _do(
    call: Call, incident: str, act: Callable[[Connection, Deed], None], message: str, status: int = 200
) -> Response:
    """What a person does about an incident; the answer is the incident afterwards."""
    number = uuid_of(incident, _WHAT)

    def work(connection: Connection) -> object:
        act(connection, _deed(call, connection, number))
        return views.whole_incident(connection, call.workspace_id, number)

    return call.write(work, status, message)


def _deed(call: Call, connection: Connection, number: int) -> Deed:
    return Deed(call.services.ids, call.now, call.workspace_id, number, call.actor(connection))
