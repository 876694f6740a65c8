"""/tenants: the customers of the workspace."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AfterValidator, Field
from starlette.responses import Response

from tocsin.api import answers
from tocsin.api.calls import Call, Reading, Writing
from tocsin.api.wire import Paging, Wire, example
from tocsin.application import manage_tenants
from tocsin.domain.ids import is_external_id
from tocsin.store import Connection
from tocsin.store import views_accounts as views

router = APIRouter(prefix="/tenants", tags=["tenants"])


def _printable(text: str) -> str:
    if not is_external_id(text):
        raise ValueError("must have no control characters, and no blanks around it.")
    return text


ExternalId = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_printable)]


class NewTenant(Wire):
    model_config = example(externalId="globex", name="Globex")

    external_id: ExternalId
    name: str | None = Field(None, max_length=200)


class TenantChanges(Wire):
    model_config = example(name="Globex Corporation")

    name: str | None = Field(None, max_length=200)


@router.get("", response_model=answers.Answer[answers.Items[answers.Tenant]])
def list_tenants(
    call: Reading, page: Paging, is_active: Annotated[bool | None, Query(alias="isActive")] = None
) -> Response:
    """List the tenants."""
    return call.read(lambda connection: views.list_tenants(connection, call.workspace_id, is_active, page))


@router.post("", response_model=answers.Answer[answers.Tenant], status_code=201)
def create_tenant(call: Writing, body: NewTenant) -> Response:
    """Make a tenant."""

    def work(connection: Connection) -> object:
        tenant_id = manage_tenants.create_tenant(
            connection, call.services.ids, call.now, call.workspace_id, body.external_id, body.name or ""
        )
        return views.tenant_object(connection, call.workspace_id, tenant_id)

    return call.write(work, 201, "Tenant created.")


@router.get("/{tenant}", response_model=answers.Answer[answers.Tenant])
def get_tenant(call: Reading, tenant: str) -> Response:
    """One tenant, by our id or its externalId."""
    return call.read(lambda connection: views.tenant_object(connection, call.workspace_id, tenant), "Tenant")


@router.patch("/{tenant}", response_model=answers.Answer[answers.Tenant])
def change_tenant(call: Writing, tenant: str, body: TenantChanges) -> Response:
    """Rename a tenant."""

    def work(connection: Connection) -> object:
        changes = {name: value or "" for name, value in body.given().items()}
        tenant_id = manage_tenants.change_tenant(connection, call.workspace_id, tenant, changes)
        return views.tenant_object(connection, call.workspace_id, tenant_id)

    return call.write(work, message="Tenant changed.")


@router.delete("/{tenant}", response_model=answers.Answer[answers.Tenant])
def deactivate_tenant(call: Writing, tenant: str) -> Response:
    """Deactivate a tenant: it is watched no more, and may be activated again."""
    return call.write(lambda connection: _switch(call, connection, tenant, on=False), message="Tenant deactivated.")


@router.post("/{tenant}/activate", response_model=answers.Answer[answers.Tenant])
def activate_tenant(call: Writing, tenant: str) -> Response:
    """Activate a tenant again."""
    return call.write(lambda connection: _switch(call, connection, tenant, on=True), message="Tenant activated.")


def _switch(call: Call, connection: Connection, tenant: str, *, on: bool) -> object:
    switch = manage_tenants.activate_tenant if on else manage_tenants.deactivate_tenant
    tenant_id = switch(connection, call.services.ids, call.now, call.workspace_id, tenant)
    return views.tenant_object(connection, call.workspace_id, tenant_id)
