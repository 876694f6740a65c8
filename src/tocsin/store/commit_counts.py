"""What transactions did, counted once they are committed: metrics are to tell of nothing that never was."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from sqlalchemy import Connection, Engine, event

#: (new status, name of the reason) of the changes of incidents, each with how often it came.
Changes = Mapping[tuple[str, str], int]
_KEY = "tocsin_changes"


def count(connection: Connection, changes: Iterable[tuple[str, str]]) -> None:
    """This transaction changes incidents so."""
    connection.info.setdefault(_KEY, Counter()).update(changes)


def tell_of_commits(engine: Engine, tell: Callable[[Changes], None]) -> None:
    """Call `tell` with what each transaction of the engine has counted, when it is committed."""

    @event.listens_for(engine, "commit")
    def _committed(connection: Connection) -> None:
        if counted := connection.info.pop(_KEY, None):
            tell(counted)

    @event.listens_for(engine, "rollback")
    def _rolled_back(connection: Connection) -> None:
        connection.info.pop(_KEY, None)
