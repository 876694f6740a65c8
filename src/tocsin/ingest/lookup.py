"""Questions that a request asks the database before it is queued."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import structlog

from tocsin.application.errors import unavailable
from tocsin.store import DatabaseAway

log = structlog.get_logger(__name__)
P = ParamSpec("P")
T = TypeVar("T")


async def ask(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `work` returns, in a thread of its own. Raises `Refused` 503 where the database does not answer: its sender
    is to try again, and nothing is wrong with the request."""
    try:
        return await asyncio.to_thread(work, *args, **kwargs)
    except DatabaseAway as error:
        log.warning("lookup_failed", reason=type(error).__name__)
        raise unavailable("Nothing could be looked up: the database did not answer. Try again.") from None
