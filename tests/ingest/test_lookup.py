"""Questions to a database that does not answer."""

import asyncio

import pytest
from sqlalchemy.exc import OperationalError

from tocsin.application.errors import Refused
from tocsin.ingest.lookup import ask


def _away(_: str) -> str:
    raise OperationalError("SELECT 1", None, ConnectionError("refused"))


def test_who_asks_is_told_to_try_again() -> None:
    assert asyncio.run(ask(str.upper, "a")) == "A"
    with pytest.raises(Refused) as refused:
        asyncio.run(ask(_away, "a"))
    assert (refused.value.status, refused.value.retry_after) == (503, 1)


def test_a_fault_of_ours_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        asyncio.run(ask(lambda: 1 // 0))
