"""What is called like what somebody typed: jobs, tenants, and incidents. Read only."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, or_, select

from tocsin.domain.ids import to_uuid
from tocsin.store.schema import incidents, jobs, tenants

Object = dict[str, Any]


def search(connection: Connection, workspace_id: int, text: str, most: int) -> Object:
    """`{jobs, tenants, incidents}`, at most so many of each; what begins so before what merely holds it."""
    found_jobs = _found(select(jobs.c.job_key, jobs.c.name), jobs, workspace_id, (jobs.c.job_key, jobs.c.name), text)
    named = (tenants.c.external_id, tenants.c.name)
    found_tenants = _found(select(tenants.c.id, *named, tenants.c.is_active), tenants, workspace_id, named, text)
    about = (incidents.c.job_key, incidents.c.job_name, incidents.c.integration_key, incidents.c.pattern_name)
    found_incidents = (
        select(incidents.c.id, incidents.c.status, incidents.c.opened_at, *about)
        .where(incidents.c.workspace_id == workspace_id, or_(*(_holds(column, text) for column in about)))
        .order_by(incidents.c.opened_at.desc())
        .limit(most)
    )
    rows = connection.execute(found_incidents).mappings()
    return {
        "jobs": [dict(row) for row in connection.execute(found_jobs.limit(most)).mappings()],
        "tenants": _with_uuids(connection.execute(found_tenants.limit(most)).mappings()),
        "incidents": _with_uuids(rows),
    }


def _with_uuids(rows: Iterable[RowMapping]) -> list[Object]:
    return [{**row, "id": to_uuid(row["id"])} for row in rows]


def _found(
    query: Select[Any], table: Any, workspace_id: int, names: tuple[ColumnElement[str], ...], text: str
) -> Select[Any]:
    begins = or_(*(name.istartswith(text, autoescape=True) for name in names))
    holds = or_(*(_holds(name, text) for name in names))
    return query.where(table.c.workspace_id == workspace_id, holds).order_by(begins.desc(), *names)


def _holds(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    return column.icontains(text, autoescape=True)
