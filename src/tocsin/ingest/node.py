"""This process among the nodes: its lease, its number, its heartbeats."""

import secrets
import threading
from collections.abc import Callable

import structlog

from tocsin.clock import SystemClock
from tocsin.domain.ids import IdMaker
from tocsin.domain.model import Absence
from tocsin.settings import Role
from tocsin.store import nodes
from tocsin.store.engine import Connection, Store

log = structlog.get_logger(__name__)

#: Heartbeats carry the watermark: on PostgreSQL a deadline waits for the slowest. On SQLite nobody else reads them,
#: and each costs a sync.
BEAT_POSTGRES = 250_000
BEAT_SQLITE = 1_000_000
#: Two clocks drift apart by some milliseconds in so long.
_CLOCK_KEPT = 60_000_000


class Node:
    """The lease under which this process commits and judges."""

    def __init__(self, store: Store, clock: SystemClock, ids: IdMaker, role: Role) -> None:
        self.is_alone = store.is_sqlite
        self.beat_every = BEAT_SQLITE if store.is_sqlite else BEAT_POSTGRES
        self.absences: list[Absence] = []
        #: Deadlines after this moment may not be judged by the recorder (None: it is alone).
        self.horizon: int | None = None
        self._store = store
        self._clock = clock
        self._ids = ids
        self._role = role
        self._lease: nodes.Lease | None = None
        self._last_beat_at = 0
        self._clock_set_at = 0
        self._lock = threading.Lock()

    @property
    def is_ingesting(self) -> bool:
        return self._role != "worker"

    def join(self) -> None:
        """Register, and learn the database's time and our number. A fenced node joins anew."""
        with self._lock, self._store.write() as connection:
            self.follow_clock(connection)
            now = self._clock.now()
            token = secrets.token_hex(16)
            self._lease = nodes.register(connection, now, token, self._role, is_ingesting=self.is_ingesting)
            self._ids.be(self._lease.number)
            self.absences = nodes.all_absences(connection)
            self._last_beat_at = now
        log.info("node_joined", node=self._lease.number, role=self._role)

    def follow_clock(self, connection: Connection) -> None:
        """Keep our clock with the database's, by the middle of one round trip."""
        before = self._clock.now()
        theirs = nodes.database_now(connection)
        self._clock_set_at = before
        if theirs is not None:
            self._clock.offset += theirs - (before + self._clock.now()) // 2

    def known_until(self) -> int:
        """Beyond this moment it is open whether we were away: the heartbeat that would say so is overdue."""
        return self._last_beat_at + 2 * self.beat_every

    def is_beat_due(self, now: int) -> bool:
        return now - self._last_beat_at >= self.beat_every

    def beat(self, connection: Connection, now: int, watermark: int) -> None:
        """Within the transaction: say that we live. Raises `nodes.Fenced` if we were taken for dead."""
        if now - self._clock_set_at >= _CLOCK_KEPT:
            self.follow_clock(connection)
        absence = nodes.beat(connection, self.lease, now, watermark, is_ingesting=self.is_ingesting)
        if absence is not None:
            log.warning("we_were_away", from_at=absence.from_at, until_at=absence.until_at)
        self.absences = nodes.all_absences(connection)
        if not self.is_alone:
            others = nodes.others_horizon(connection, self.lease)
            self.horizon = now if others is None else others
        self._last_beat_at = now

    def confirm(self, connection: Connection) -> Callable[[], None]:
        """Within the transaction: what raises `nodes.Fenced`, when it is called, unless we may commit."""
        return (lambda: None) if self.is_alone else nodes.confirm(connection, self.lease)

    def leave(self) -> None:
        """An orderly stop: from this very moment nobody could report."""
        if self._lease is not None:
            with self._store.write() as connection:
                nodes.stop(connection, self._lease, self._clock.now())

    @property
    def lease(self) -> nodes.Lease:
        if self._lease is None:
            raise nodes.Fenced("this node has not joined")
        return self._lease
