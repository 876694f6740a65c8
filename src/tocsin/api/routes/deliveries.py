"""/deliveries and /rejections: what became of alerts, and what of check-ins was refused."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from tocsin.api import answers
from tocsin.api.calls import Reading, Writing, uuid_of
from tocsin.api.wire import Filter, Paging
from tocsin.application import manage_channels
from tocsin.store import Connection
from tocsin.store import views_deliveries as views

router = APIRouter(tags=["deliveries"])
State = Literal["pending", "delivered", "failed", "dropped"]


@router.get("/deliveries", response_model=answers.Answer[answers.Items[answers.Delivery]])
def list_deliveries(
    call: Reading,
    page: Paging,
    state: State | None = None,
    incident: Annotated[str | None, Query(alias="incidentId", max_length=64)] = None,
    provider: Filter = None,
    channel: Annotated[str | None, Query(alias="channelName", max_length=300)] = None,
) -> Response:
    """List the deliveries, newest first, with every attempt and what the receiver said."""
    incident_id = uuid_of(incident, "Incident") if incident is not None else None
    filters = views.DeliveryFilters(state, incident_id, provider, channel)
    return call.read(lambda connection: views.list_deliveries(connection, call.workspace_id, filters, page))


@router.post("/deliveries/{delivery}/resend", response_model=answers.Answer[answers.Delivery])
def resend_delivery(call: Writing, delivery: str) -> Response:
    """Send a settled delivery once more."""
    number = uuid_of(delivery, "Delivery")

    def work(connection: Connection) -> object:
        manage_channels.resend_delivery(connection, call.now, call.workspace_id, number)
        return views.delivery_object(connection, call.workspace_id, number)

    return call.write(work, message="Delivery queued.")


@router.get("/rejections", response_model=answers.Answer[answers.Items[answers.Rejection]])
def list_rejections(
    call: Reading,
    page: Paging,
    reason: Filter = None,
    protocol: Filter = None,
    job: Annotated[str | None, Query(alias="jobKey", max_length=300)] = None,
    environment: Filter = None,
) -> Response:
    """List the check-ins that were refused or put aside, newest first."""
    filters = views.RejectionFilters(reason, protocol, job, environment)
    return call.read(lambda connection: views.list_rejections(connection, call.workspace_id, page, filters))
