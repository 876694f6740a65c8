"""A write that met another one head on is simply done again."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError, OperationalError

from tocsin.store.engine import Transactions

T = TypeVar("T")
_ATTEMPTS = 4
#: PostgreSQL's codes for a deadlock and a serialization failure; and for what somebody else made or took away between
#: our look and our write: who looks again sees it, and says so.
_PASSING = {"40P01", "40001", "23503", "23505"}


def write_with_retries(store: Transactions, work: Callable[[Connection], T]) -> T:
    """Run `work` in a write transaction; again, from the start, where another one came in between."""
    for _ in range(_ATTEMPTS - 1):
        try:
            with store.write() as connection:
                return work(connection)
        except (OperationalError, IntegrityError) as error:
            if getattr(error.orig, "sqlstate", None) not in _PASSING:
                raise
    with store.write() as connection:
        return work(connection)
