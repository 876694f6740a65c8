"""/public-links: badges and status pages, for whoever has the link."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from tocsin.api import answers
from tocsin.api.calls import Reading, Writing, uuid_of
from tocsin.api.wire import Paging, Wire, example
from tocsin.application import public_links
from tocsin.application.public_links import LinkKind
from tocsin.store import Connection
from tocsin.store import views_public as views

router = APIRouter(prefix="/public-links", tags=["public links"])


class LinkTarget(Wire):
    kind: Literal["workspace", "tenant", "job", "tag"]
    value: Annotated[str | None, Field(max_length=300)] = None


class NewPublicLink(Wire):
    model_config = example(kind="badge", target={"kind": "tag", "value": "billing"}, title="Billing")

    kind: LinkKind
    target: LinkTarget
    title: str = Field("", max_length=200)


@router.get("", response_model=answers.Answer[answers.Items[answers.PublicLink]])
def list_public_links(call: Reading, page: Paging, kind: Annotated[LinkKind | None, Query()] = None) -> Response:
    """List the badges and status pages, newest first."""
    url = call.services.settings.public_url
    return call.read(lambda connection: views.list_links(connection, call.workspace_id, kind, url, page))


@router.post("", response_model=answers.Answer[answers.PublicLink], status_code=201)
def create_public_link(call: Writing, body: NewPublicLink) -> Response:
    """Make a badge (of the workspace, a tenant, a job or a tag), or switch on a status page: whole, or for one tenant.
    `target.value` is the tenant's id or externalId, the jobKey, or the tag. Anybody who has the URL sees it."""
    url = call.services.settings.public_url

    def work(connection: Connection) -> object:
        made = public_links.create_link(
            connection,
            call.services.ids,
            call.now,
            call.workspace_id,
            body.kind,
            body.target.kind,
            body.target.value,
            body.title.strip(),
        )
        return views.link_object(connection, call.workspace_id, made, url)

    return call.write(work, 201, "Link created.")


@router.delete("/{link}", response_model=answers.Nothing)
def remove_public_link(call: Writing, link: str) -> Response:
    """Switch it off: whoever has the URL sees nothing any more."""
    number = uuid_of(link, "Link")
    return call.write(
        lambda connection: public_links.remove_link(connection, call.workspace_id, number), message="Link removed."
    )
