"""Rows as named tuples whose copies are cheap: what is decided is always a copy of what was."""

from typing import Any, NamedTuple, TypeVar

Row = TypeVar("Row", bound=type[NamedTuple])


def cheaply_replaced(row: Row) -> Row:
    """The class, with a `_replace` that takes 1.0 µs where the standard one takes 1.6 (8 of 34 fields; 0.5 and 1.2 for
    one field). Every deadline that passes makes three such copies."""
    position = {name: i for i, name in enumerate(row._fields)}
    new = tuple.__new__

    def replace(self: Any, /, **changes: Any) -> Any:
        values = list(self)
        for name, value in changes.items():
            values[position[name]] = value
        return new(row, values)

    row._replace = replace  # type: ignore[assignment, misc]
    return row
