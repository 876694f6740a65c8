"""How many questions a request puts to the database: of two that should take as long, as many."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements of the block, but for a recorder's: its heartbeats are nobody's request."""
    counted: list[str] = []

    def count(_: Any, __: Any, statement: str, *___: Any) -> None:
        if threading.current_thread().name != "recorder":
            counted.append(statement)

    event.listen(Engine, "before_cursor_execute", count)
    try:
        yield counted
    finally:
        event.remove(Engine, "before_cursor_execute", count)
