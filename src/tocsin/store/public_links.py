"""Rows of badges and status pages."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, insert, select

from tocsin.store.schema import public_links, workspaces

Row = dict[str, Any]


class PublicLink(NamedTuple):
    """What a token opens; of the ids that is set which its `target` (workspace, tenant, job, tag) names."""

    id: int
    workspace_id: int
    kind: str
    target: str
    tenant_id: int | None
    job_id: int | None
    tag: str | None
    title: str


def insert_link(connection: Connection, row: Row) -> None:
    connection.execute(insert(public_links).values(row))


def remove_link(connection: Connection, workspace_id: int, link_id: int) -> bool:
    mine = (public_links.c.workspace_id == workspace_id) & (public_links.c.id == link_id)
    return connection.execute(delete(public_links).where(mine)).rowcount == 1


def count_links(connection: Connection, workspace_id: int) -> int:
    mine = select(func.count()).select_from(public_links).where(public_links.c.workspace_id == workspace_id)
    return int(connection.execute(mine).scalar_one())


def find_link(connection: Connection, kind: str, token: str) -> PublicLink | None:
    """What somebody with this token may see; None where nobody may."""
    columns = [public_links.c[name] for name in PublicLink._fields]
    query = (
        select(*columns)
        .join(workspaces, workspaces.c.id == public_links.c.workspace_id)
        .where(public_links.c.token == token, public_links.c.kind == kind, workspaces.c.is_active)
    )
    row = connection.execute(query).first()
    return PublicLink(*row) if row is not None else None
