"""How many check-ins were committed, minute by minute."""

from collections import Counter
from collections.abc import Iterable

from tocsin.application.record import Item
from tocsin.store import intakes
from tocsin.store.engine import Connection


class Intake:
    """Counts in memory what a node commits, and writes it down with the node's heartbeat: a batch pays nothing for it.

    A node that is killed forgets what it counted since its last heartbeat, a second at most. Its check-ins are safe.
    """

    def __init__(self) -> None:
        self._counts: Counter[tuple[int, int]] = Counter()
        self._is_written = False

    def add(self, items: Iterable[Item]) -> None:
        """These are committed."""
        self._counts.update([(item.workspace_id, item.received_at // intakes.MINUTE) for item in items])

    def write(self, connection: Connection, node: int) -> None:
        """Within a transaction; `committed` says that it was."""
        if self._counts:
            intakes.add(connection, node, self._counts)
            self._is_written = True

    def not_committed(self) -> None:
        """What was written is not."""
        self._is_written = False

    def committed(self) -> None:
        """A transaction was committed: what it held is not to be written again."""
        if self._is_written:
            self._counts.clear()
        self._is_written = False
