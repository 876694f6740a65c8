"""What beats in a node: its lease, the recorder where it takes check-ins, the ticker where it judges."""

import asyncio

from tocsin.application.advance_time import Tick
from tocsin.application.pace import Pace
from tocsin.application.watchers import NOBODY, Watchers
from tocsin.clock import SystemClock
from tocsin.domain.ids import IdMaker
from tocsin.domain.routing import Habits
from tocsin.ingest.node import Node
from tocsin.ingest.protocols import native, native_events
from tocsin.ingest.recorder import Recorder
from tocsin.ingest.ticker import Ticker
from tocsin.settings import Settings
from tocsin.store import nodes
from tocsin.store.engine import Store
from tocsin.store.engines import hot_of
from tocsin.store.hot_postgres import SESSION
from tocsin.telemetry.metrics import Metrics


class Pulse:
    """Starts and stops the threads of a node in the right order."""

    def __init__(
        self,
        store: Store,
        clock: SystemClock,
        ids: IdMaker,
        settings: Settings,
        metrics: Metrics,
        habits: Habits,
        watchers: Watchers = NOBODY,
    ) -> None:
        self._store = store
        self._clock = clock
        self.node = Node(store, clock, ids, settings.role)
        self.recorder = Recorder(
            store.own_session(SESSION),
            clock,
            ids,
            self.node,
            metrics,
            queue_limit=settings.queue_limit,
            batch_limit=settings.batch_limit,
            answers=(native.answer_text, native_events.answer_text),
            ingest_rate=settings.ingest_rate,
            watchers=watchers,
        )
        # On PostgreSQL one thread decides while the server works for the others; two would leave it idle at times.
        lanes = [store.own_session(SESSION) for _ in range(1 if store.is_sqlite else 3)]
        public_url = settings.public_url
        tick = Tick(lanes, hot_of(store), ids, Pace(), public_url, habits, watchers, store.is_awaited)
        self._ticker = Ticker(store, tick, clock, self._horizon) if settings.role != "api" else None

    async def start(self) -> None:
        await asyncio.to_thread(self.node.join)
        self.recorder.start()
        if self._ticker is not None:
            self._ticker.start()

    async def stop(self) -> None:
        """Commit what was taken in, stop judging, and say when we left."""
        await self.recorder.stop()
        await asyncio.to_thread(self._keep_last_counts)
        if self._ticker is not None:
            await asyncio.to_thread(self._ticker.stop)
        await asyncio.to_thread(self.node.leave)

    def _keep_last_counts(self) -> None:
        with self._store.write() as connection:
            self.recorder.intake.write(connection, self.node.lease.number)

    def tick_lag(self) -> float:
        """Seconds since the moment up to which everything is judged; 0 where others judge."""
        return 0.0 if self._ticker is None else self._ticker.lag()

    def settled_until(self) -> int:
        """Every check-in received before this moment, by any node, is committed, and every deadline is judged."""
        return self._horizon() if self._ticker is None else self._ticker.judged_until

    def why_not_ready(self) -> str | None:
        """Why this node cannot commit a check-in, or None."""
        return None if self.recorder.is_alive() else "The recorder is not running."

    def _horizon(self) -> int:
        """The moment up to which every check-in received, by any node, is committed."""
        if self.node.is_alone:
            return min(self.recorder.watermark(), self.node.known_until())
        with self._store.write() as connection:
            return nodes.horizon(connection, self._clock.now())
