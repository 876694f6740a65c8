"""What transactions did, counted once they are committed: metrics are to tell of nothing that never was."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Engine, ExceptionContext, event

#: (new status, name of the reason) of the changes of incidents, each with how often it came.
Changes = Mapping[tuple[str, str], int]
_KEY, _COMMITTING = "tocsin_changes", "tocsin_changes_committing"


def count(connection: Connection, changes: Iterable[tuple[str, str]]) -> None:
    """This transaction changes incidents so."""
    connection.info.setdefault(_KEY, Counter()).update(changes)


def tell_of_commits(engine: Engine, tell: Callable[[Changes], None]) -> None:
    """Call `tell` with what each transaction of the engine has counted, when it is committed.

    SQLAlchemy speaks of a commit before it tries, and of no rollback after one that failed: so what was counted waits
    until the connection is given back, and an error on the way there ends it.
    """

    @event.listens_for(engine, "commit")
    def _about_to_commit(connection: Connection) -> None:
        if counted := connection.info.pop(_KEY, None):
            connection.info[_COMMITTING] = counted

    @event.listens_for(engine, "rollback")
    def _rolled_back(connection: Connection) -> None:
        connection.info.pop(_KEY, None)

    @event.listens_for(engine, "handle_error")
    def _failed(context: ExceptionContext) -> None:
        if context.connection is not None and not context.connection.invalidated:
            context.connection.info.pop(_COMMITTING, None)

    @event.listens_for(engine, "checkin")
    def _given_back(_: object, record: Any) -> None:
        if counted := record.info.pop(_COMMITTING, None):
            tell(counted)
