"""Lists, a page at a time."""

from collections.abc import Callable, Sequence
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
    return page_of_rows(connection, query, page, lambda rows: [item(row) for row in rows])


def page_of_rows(
    connection: Connection,
    query: Select[Any],
    page: Page,
    items: Callable[[Sequence[RowMapping]], list[dict[str, Any]]],
) -> dict[str, Any]:
    """The same; `items` makes all rows of the page into what is shown, where that takes more than the rows."""
    total = connection.execute(select(func.count()).select_from(query.order_by(None).subquery())).scalar_one()
    rows = connection.execute(query.limit(page.size).offset((page.number - 1) * page.size)).mappings().all()
    return {"items": items(rows), "page": page.number, "pageSize": page.size, "total": total}
