"""/audit: who changed what, when, and from where."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from tocsin.api import answers
from tocsin.api.calls import Administering
from tocsin.api.wire import Filter, Paging, moment, moment_parameter
from tocsin.domain.ids import from_uuid
from tocsin.store import views_people as views

router = APIRouter(tags=["people"])
#: What is no id of ours has changed nothing: no id is negative.
_NOBODY = -1


@router.get("/audit", response_model=answers.Answer[answers.Items[answers.AuditEntry]])
def list_audit(
    call: Administering,
    page: Paging,
    action: Filter = None,
    actor: Annotated[str | None, Query(alias="actorId", max_length=64)] = None,
    since: Annotated[str | None, moment_parameter("from")] = None,
    until: Annotated[str | None, moment_parameter("to")] = None,
) -> Response:
    """List the changes, newest first: who made them, what they touched, and from where. Of an `actorId` that is
    nobody's the list is empty."""
    actor_id = None if actor is None else from_uuid(actor)
    if actor is not None and actor_id is None:
        actor_id = _NOBODY
    from_at, to_at = moment("from", since), moment("to", until)
    return call.read(
        lambda connection: views.list_audit(connection, call.workspace_id, page, action, actor_id, from_at, to_at)
    )
