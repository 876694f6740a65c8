"""PostgreSQL sessions whose statements travel together: sent at once, and answered when somebody asks for rows."""

from contextlib import suppress
from typing import Any

import psycopg
from psycopg.generators import send
from sqlalchemy import Connection, Engine, create_engine, event

_PIPELINE = "pipeline"


def travelling_engine(url: str, options: str) -> Engine:
    """One connection with these session settings, in pipeline mode as long as it lives.

    What is executed on the raw cursor waits for nobody; SQLAlchemy's own statements arrive at once, since it wants to
    know their columns. A batch of check-ins takes two round trips so, where it took seven.
    """
    # No ping before use, no rollback after it unless something failed: either would cost a round trip a batch. A lost
    # connection only costs a second try.
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=1,
        max_overflow=0,
        pool_reset_on_return=None,
        connect_args={"options": options},
    )
    event.listen(engine, "connect", _enter)
    event.listen(engine, "close", _leave)
    event.listen(engine, "reset", _end)
    event.listen(engine, "after_cursor_execute", _arrive)
    event.listen(engine, "commit", _send_all)
    event.listen(engine, "rollback", _send_all)
    return engine


def is_travelling(connection: psycopg.Connection[Any]) -> bool:
    return connection.pgconn.pipeline_status != psycopg.pq.PipelineStatus.OFF


def _enter(connection: psycopg.Connection[Any], record: Any) -> None:
    entered = connection.pipeline()
    record.info[_PIPELINE] = entered, entered.__enter__()


def _leave(_: psycopg.Connection[Any], record: Any) -> None:
    entered, _pipeline = record.info.pop(_PIPELINE)
    with suppress(psycopg.Error):  # it may be lost already
        entered.__exit__(None, None, None)


def _end(connection: psycopg.Connection[Any], *_: object) -> None:
    """A transaction whose commit failed, because a statement that had travelled did, is still open."""
    if connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
        connection.rollback()


def _arrive(connection: Connection, *_: object) -> None:
    _send_all(connection)
    connection.info[_PIPELINE][1].sync()


def _send_all(connection: Connection) -> None:
    """Psycopg waits for the answer to a sync without having sent all that comes before it, if that is more than the
    socket takes at once: a report of a thousand events waited for ever."""
    driver: Any = connection.connection.driver_connection
    with suppress(psycopg.Error):  # what is wrong then, the sync says
        driver.wait(send(driver.pgconn))
