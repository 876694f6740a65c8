"""Lists, a page at a time."""

from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, Select, func, select


class Page(NamedTuple):
    """Which page (from 1), and how many items it holds."""

    number: int = 1
    size: int = 25


def page_of(
    connection: Connection, query: Select[Any], page: Page, item: Callable[[RowMapping], dict[str, Any]]
) -> dict[str, Any]:
    """`{items, page, pageSize, total}` of an ordered query; `item` makes a row into what is shown."""
    total = connection.execute(select(func.count()).select_from(query.order_by(None).subquery())).scalar_one()
    rows = connection.execute(query.limit(page.size).offset((page.number - 1) * page.size)).mappings().all()
    return {"items": [item(row) for row in rows], "page": page.number, "pageSize": page.size, "total": total}
