"""A write that met another one head on is simply done again."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from tocsin.store.engine import Transactions

T = TypeVar("T")
_ATTEMPTS = 4
#: PostgreSQL's codes for a deadlock and for a serialization failure.
_PASSING = {"40P01", "40001"}


def write_with_retries(store: Transactions, work: Callable[[Connection], T]) -> T:
    """Run `work` in a write transaction; again, from the start, where the database chose it as a deadlock's victim."""
    for _ in range(_ATTEMPTS - 1):
        try:
            with store.write() as connection:
                return work(connection)
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) not in _PASSING:
                raise
    with store.write() as connection:
        return work(connection)
