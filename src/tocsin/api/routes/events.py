"""/events: what integrations reported. Reporting itself is `tocsin.ingest`'s."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from tocsin.api import answers
from tocsin.api.calls import Call, Reading
from tocsin.api.wire import Filter, Paging, moment, moment_parameter
from tocsin.application.errors import invalid
from tocsin.domain.ids import from_uuid
from tocsin.store import views_events as views

router = APIRouter(prefix="/events", tags=["events"])
_PAYLOAD = "payload."
_MOST_KEYS = 5
#: An id that no event has: filtering by what is no id of ours finds nothing.
_NOBODY = -1


@router.get("", response_model=answers.Answer[answers.Events])
def list_events(
    call: Reading,
    page: Paging,
    incident: Annotated[str | None, Query(alias="incidentId", max_length=300)] = None,
    integration_key: Annotated[str | None, Query(alias="integrationKey", max_length=300)] = None,
    tenant: Annotated[str | None, Query(alias="tenantId", max_length=300)] = None,
    pattern_id: Annotated[str | None, Query(alias="patternId", max_length=300)] = None,
    since: Annotated[str | None, moment_parameter("from")] = None,
    until: Annotated[str | None, moment_parameter("to")] = None,
    cursor: Filter = None,
) -> Response:
    """List events, newest first. `payload.KEY=VALUE` finds those whose rawPayload has that value under that key."""
    filters = views.EventFilters(
        None if incident is None else from_uuid(incident) or _NOBODY,
        integration_key,
        tenant,
        pattern_id,
        moment("from", since),
        moment("to", until),
        _payload(call),
    )
    before = None if cursor is None else from_uuid(cursor)
    if cursor is not None and before is None:
        raise invalid("cursor must be the nextCursor of an earlier answer.")
    return call.read(lambda connection: views.list_events(connection, call.workspace_id, filters, page, before))


def _payload(call: Call) -> dict[str, str]:
    """The filters by keys of the payload, which no parameter could be declared for."""
    named = [(name, value) for name, value in call.request.query_params.multi_items() if name.startswith(_PAYLOAD)]
    asked = {name.removeprefix(_PAYLOAD): value for name, value in named}
    if len(asked) < len(named):
        raise invalid("The same payload key is given more than once.")
    if len(asked) > _MOST_KEYS:
        raise invalid(f"At most {_MOST_KEYS} payload keys can be searched for at once.")
    return asked
