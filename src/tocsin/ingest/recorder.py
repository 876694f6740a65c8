"""Group commit: check-ins and events gather in a queue, one thread commits them together, only then each is answered.

Durability so costs one sync a batch. While a batch is on its way to the disk the next one gathers, so that batches
grow with the load by themselves; waiting on purpose for more only slows the few.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import structlog

from tocsin.application.errors import ErrorCode, Refused, unavailable
from tocsin.application.incident_book import StaleEpoch
from tocsin.application.newest_tenants import NewestTenants
from tocsin.application.record import AnswerCheckIn, AnswerEvents, Item, Outcome, record
from tocsin.application.record_check_ins import Receipt
from tocsin.application.record_events import EventSubmission
from tocsin.application.record_events import Recorded as RecordedEvents
from tocsin.application.setting_aside import set_aside
from tocsin.application.submitting import Held
from tocsin.application.terms import Rejected
from tocsin.application.toll import Overdrawn, Tariff, Toll
from tocsin.application.watchers import NOBODY, Watchers, tell
from tocsin.clock import Clock
from tocsin.domain.ids import IdMaker
from tocsin.ingest.intake import Intake
from tocsin.ingest.node import Node
from tocsin.store.engine import Connection, Transact
from tocsin.store.engines import hot_for
from tocsin.store.nodes import Fenced
from tocsin.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

#: A submission as it was received, and what became of it.
Recorded = tuple[Item, Outcome]

_HOLD_SECONDS = 0.05
_BUSY = unavailable("Too much is waiting to be stored. Try again in a second.")
_STOPPING = unavailable("This node is stopping. Try again.")
_UNSTORABLE = unavailable("Nothing could be stored: the database did not answer. Try again.")


class _Waiting(NamedTuple):
    item: Item
    future: asyncio.Future[Recorded]


class Recorder:
    """The queue and the thread that empties it. `submit` belongs to the event loop, all else to any thread."""

    def __init__(
        self,
        transact: Transact,
        clock: Clock,
        ids: IdMaker,
        node: Node,
        metrics: Metrics,
        *,
        queue_limit: int,
        batch_limit: int,
        answers: tuple[AnswerCheckIn, AnswerEvents] | None = None,
        ingest_rate: int = 0,
        watchers: Watchers = NOBODY,
    ) -> None:
        """The limits count check-ins and events; `answers` word what an Idempotency-Key repeats. `ingest_rate`: what a
        key may send a minute; 0: any number."""
        self._transact = transact
        self._clock = clock
        self._ids = ids
        self._node = node
        self._metrics = metrics
        self._queue_limit = queue_limit
        self._batch_limit = batch_limit
        self._answers = answers
        self._tariff = Tariff(ingest_rate)
        self._newest = NewestTenants()
        self.intake = Intake()
        self._watchers = watchers
        self._queue: deque[_Waiting] = deque()
        self._queued = 0
        self._in_flight_at: int | None = None
        self._guard = threading.Lock()
        self._filled = threading.Condition(self._guard)
        self._is_stopping = False
        self._is_idle = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    # --- from the event loop --------------------------------------------------------------------------------------

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def stop(self) -> None:
        """Commit what has been taken in, take nothing more."""
        with self._guard:
            self._is_stopping = True
            self._filled.notify()
        await asyncio.to_thread(self._thread.join)

    def submit(self, item: Item) -> asyncio.Future[Recorded]:
        """Queue a check-in, or a report of events. It is given its receipt moment here; the future is done when it is
        committed or refused.

        Raises `Refused` when the queue is full. The moment is taken and queued in one step, so that `watermark` never
        passes a check-in that is about to be queued.
        """
        future: asyncio.Future[Recorded] = asyncio.get_running_loop().create_future()
        with self._guard:
            if self._is_stopping:
                raise _STOPPING
            if self._queued >= self._queue_limit:
                raise _BUSY
            self._queue.append(_Waiting(item.received(self._clock.now()), future))
            self._queued += item.weight
            if self._is_idle:
                self._filled.notify()
        return future

    # --- from anywhere --------------------------------------------------------------------------------------------

    def depth(self) -> int:
        return self._queued

    def watermark(self) -> int:
        """Every check-in received before this moment is committed."""
        with self._guard:
            moment = self._clock.now()
            if self._in_flight_at is not None:
                moment = min(moment, self._in_flight_at)
            if self._queue:
                moment = min(moment, self._queue[0].item.received_at)
            return moment

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    # --- the thread -----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            batch = self._take()
            if batch is None:
                return
            try:
                self._commit(batch)
            except Exception:
                log.exception("recorder_failed", reason="batch_not_committed", size=len(batch))
                self._resolve(batch, [_UNSTORABLE] * len(batch))
            self._in_flight_at = None

    def _take(self) -> list[_Waiting] | None:
        """The next batch; empty when it is time for a heartbeat; None when there is nothing left to do."""
        with self._guard:
            while not self._queue and not self._is_stopping and not self._node.is_beat_due(self._clock.now()):
                self._is_idle = True
                self._filled.wait(self._node.beat_every / 1_000_000)
            self._is_idle = False
            if not self._queue and self._is_stopping:
                return None
            batch: list[_Waiting] = []
            weight = 0
            while self._queue and weight < self._batch_limit:
                batch.append(self._queue.popleft())
                weight += batch[-1].item.weight
            self._queued -= weight
            self._in_flight_at = batch[0].item.received_at if batch else None
            return batch

    def _commit(self, batch: list[_Waiting]) -> None:
        try:
            self._resolve(batch, self._record([w.item for w in batch]))
        except Fenced:
            log.warning("node_fenced", reason="taken_for_dead", unanswered=len(batch))
            self._resolve(batch, [_UNSTORABLE] * len(batch))
            self._node.join()
        except (StaleEpoch, Overdrawn):
            self._commit(batch)
        except Exception as error:
            if not batch:
                raise
            log.warning("batch_failed", reason=type(error).__name__, size=len(batch))
            self._resolve(batch, [self._record_alone(w.item) for w in batch])

    def _record(self, items: Sequence[Item]) -> list[Outcome]:
        """One transaction: the heartbeat if it is due, and the batch."""
        now = self._clock.now()
        try:
            with self._transact() as connection:
                if is_beat_due := self._node.is_beat_due(now):
                    self._node.beat(connection, now, self.watermark())  # tells if we were away: judge after it
                outcomes = self._record_in(connection, items, now) if items else []
                if is_beat_due:
                    self.intake.write(connection, self._node.lease.number)
        except BaseException:
            self._newest.clear()
            self.intake.not_committed()
            raise
        self.intake.committed()
        return outcomes

    def _record_in(self, connection: Connection, items: Sequence[Item], now: int) -> list[Outcome]:
        confirm = self._node.confirm(connection)
        toll = Toll(connection, items, now, self._tariff)
        refusals = [toll.refuse(item) for item in items]
        admitted = [item for item, refusal in zip(items, refusals, strict=True) if refusal is None]
        told = iter(self._record_admitted(connection, admitted, now) if admitted else [])
        outcomes = [next(told) if refusal is None else refusal for refusal in refusals]
        for item, outcome in zip(items, outcomes, strict=True):
            if isinstance(outcome, Held):
                toll.give_back(item)
        toll.settle(self._ids)
        confirm()
        return outcomes

    def _record_admitted(self, connection: Connection, items: Sequence[Item], now: int) -> list[Outcome]:
        return record(
            connection,
            hot_for(connection),
            self._ids,
            items,
            now,
            self._node.absences,
            self._node.horizon,
            self._answers,
            self._newest,
        )

    def _record_alone(self, item: Item) -> Outcome:
        """Try one item of a batch that failed; the one that fails again is put aside, where it can be seen."""
        for _ in range(2):
            try:
                return self._record([item])[0]
            except (Fenced, Overdrawn):
                return _UNSTORABLE
            except Exception as error:  # noqa: BLE001 -- whatever it is, its neighbours must not suffer
                reason = error
        what = "event" if isinstance(item, EventSubmission) else "check-in"
        log.error("put_aside", reason=type(reason).__name__, what=what, about=item.about)
        try:
            with self._transact() as connection:
                aside_id = set_aside(connection, self._ids, self._clock.now(), item, reason)
        except Exception:
            log.exception("recorder_failed", reason="not_even_put_aside")
            return _UNSTORABLE
        words = f"The {what} could not be recorded and was put aside as rejection {aside_id}; see GET /rejections."
        return Refused(422, ErrorCode.UNPROCESSABLE, words)

    def _resolve(self, batch: list[_Waiting], outcomes: Sequence[Outcome]) -> None:
        """Give each its outcome; those held go back to the head of the queue, in their order."""
        held = [w for w, outcome in zip(batch, outcomes, strict=True) if isinstance(outcome, Held)]
        if held:
            with self._guard:
                self._queue.extendleft(reversed(held))
                self._queued += sum(w.item.weight for w in held)
            threading.Event().wait(_HOLD_SECONDS)
        done = [(w, o) for w, o in zip(batch, outcomes, strict=True) if not isinstance(o, Held)]
        self.intake.add([w.item for w, o in done if isinstance(o, Receipt)])
        if not done or self._loop is None:
            return
        self._loop.call_soon_threadsafe(_set_results, done)
        self._metrics.batch_size.observe(sum(w.item.weight for w in batch))
        self._count([o for w, o in done if not isinstance(w.item, EventSubmission)])
        self._count_events([(w.item.weight, o) for w, o in done if isinstance(w.item, EventSubmission)])
        tell(self._watchers, [w.item for w, o in done if not isinstance(o, Refused)])

    def _count_events(self, told: Sequence[tuple[int, Outcome]]) -> None:
        for weight, outcome in told:
            if isinstance(outcome, RecordedEvents):
                for receipt in outcome.receipts:
                    self._metrics.events.labels("recorded", receipt.reason.value).inc()
            elif isinstance(outcome, Refused):
                self._metrics.events.labels("refused", outcome.error_code.name.lower()).inc(weight)
            else:
                self._metrics.events.labels("replayed", "idempotency_key").inc(weight)

    def _count(self, outcomes: Sequence[Outcome]) -> None:
        tally: dict[tuple[str, str], int] = {}
        for outcome in outcomes:
            if isinstance(outcome, Receipt):
                named = ("recorded", outcome.reason.value)
            elif isinstance(outcome, Refused):
                why = outcome.reason.value if isinstance(outcome, Rejected) else outcome.error_code.name.lower()
                named = ("refused", why)
            else:
                named = ("replayed", "idempotency_key")
            tally[named] = tally.get(named, 0) + 1
        for (outcome_name, reason), times in tally.items():
            self._metrics.check_ins.labels(outcome_name, reason).inc(times)


def _set_results(done: Sequence[tuple[_Waiting, Outcome]]) -> None:
    for waiting, outcome in done:
        if not waiting.future.done():
            waiting.future.set_result((waiting.item, outcome))
