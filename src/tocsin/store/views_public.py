"""Badges and status pages as their workspace sees them: read only."""

from typing import Any

from sqlalchemy import Connection, RowMapping, Select, select

from tocsin.domain.ids import to_uuid
from tocsin.store.paging import Page, page_of
from tocsin.store.schema import jobs, public_links, tenants
from tocsin.wire_time import iso

Object = dict[str, Any]


def list_links(connection: Connection, workspace_id: int, kind: str | None, public_url: str, page: Page) -> Object:
    """Newest first. `kind`: badge, status, or None for both."""
    query = _links(workspace_id).order_by(public_links.c.id.desc())
    if kind is not None:
        query = query.where(public_links.c.kind == kind)
    return page_of(connection, query, page, lambda row: _link(row, public_url))


def link_object(connection: Connection, workspace_id: int, link_id: int, public_url: str) -> Object:
    row = connection.execute(_links(workspace_id).where(public_links.c.id == link_id)).mappings().one()
    return _link(row, public_url)


def _links(workspace_id: int) -> Select[Any]:
    names = (tenants.c.external_id, tenants.c.name.label("tenant_name"), jobs.c.job_key, jobs.c.name.label("job_name"))
    return (
        select(public_links, *names)
        .outerjoin(tenants, tenants.c.id == public_links.c.tenant_id)
        .outerjoin(jobs, jobs.c.id == public_links.c.job_id)
        .where(public_links.c.workspace_id == workspace_id)
    )


def _link(row: RowMapping, public_url: str) -> Object:
    value = row["external_id"] or row["job_key"] or row["tag"]
    address = f"{public_url}/{'badge' if row['kind'] == 'badge' else 'status'}/{row['token']}"
    return {
        "id": to_uuid(row["id"]),
        "kind": row["kind"],
        "target": {"kind": row["target"], "value": value},
        "targetName": row["tenant_name"] or row["job_name"] or value,
        "title": row["title"],
        "url": f"{address}.svg" if row["kind"] == "badge" else address,
        "createdAt": iso(row["created_at"]),
    }
