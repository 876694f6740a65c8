"""Group commit: check-ins gather in a queue, one thread commits them together, and only then each is answered.

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
from tocsin.application.record_check_ins import Answer, Held, Outcome, Receipt, Submission, record
from tocsin.application.setting_aside import set_aside
from tocsin.application.toll import Overdrawn, Tariff, Toll
from tocsin.clock import Clock
from tocsin.domain.ids import IdMaker
from tocsin.ingest.node import Node
from tocsin.store.engine import Connection, Transact
from tocsin.store.engines import hot_for
from tocsin.store.nodes import Fenced
from tocsin.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

#: A submission as it was received, and what became of it.
Recorded = tuple[Submission, Outcome]

_HOLD_SECONDS = 0.05
_BUSY = unavailable("Too many check-ins are waiting to be stored. Try again in a second.")
_STOPPING = unavailable("This node is stopping. Try again.")
_UNSTORABLE = unavailable("The check-in could not be stored: the database did not answer. Try again.")


class _Waiting(NamedTuple):
    submission: Submission
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
        answer: Answer | None = None,
        ingest_rate: int = 0,
    ) -> None:
        """`answer` words what an Idempotency-Key repeats. `ingest_rate`: a key's check-ins a minute; 0: any number."""
        self._transact = transact
        self._clock = clock
        self._ids = ids
        self._node = node
        self._metrics = metrics
        self._queue_limit = queue_limit
        self._batch_limit = batch_limit
        self._answer = answer
        self._tariff = Tariff(ingest_rate)
        self._queue: deque[_Waiting] = deque()
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

    def submit(self, submission: Submission) -> asyncio.Future[Recorded]:
        """Queue a check-in. It is given its receipt moment here; the future is done when it is committed or refused.

        Raises `Refused` when the queue is full. The moment is taken and queued in one step, so that `watermark` never
        passes a check-in that is about to be queued.
        """
        future: asyncio.Future[Recorded] = asyncio.get_running_loop().create_future()
        with self._guard:
            if self._is_stopping:
                raise _STOPPING
            if len(self._queue) >= self._queue_limit:
                raise _BUSY
            check_in = submission.check_in._replace(received_at=self._clock.now())
            self._queue.append(_Waiting(submission._replace(check_in=check_in), future))
            if self._is_idle:
                self._filled.notify()
        return future

    # --- from anywhere --------------------------------------------------------------------------------------------

    def depth(self) -> int:
        return len(self._queue)

    def watermark(self) -> int:
        """Every check-in received before this moment is committed."""
        with self._guard:
            moment = self._clock.now()
            if self._in_flight_at is not None:
                moment = min(moment, self._in_flight_at)
            if self._queue:
                moment = min(moment, self._queue[0].submission.check_in.received_at)
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
            batch = [self._queue.popleft() for _ in range(min(len(self._queue), self._batch_limit))]
            self._in_flight_at = batch[0].submission.check_in.received_at if batch else None
            return batch

    def _commit(self, batch: list[_Waiting]) -> None:
        try:
            self._resolve(batch, self._record([w.submission for w in batch]))
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
            self._resolve(batch, [self._record_alone(w.submission) for w in batch])

    def _record(self, submissions: Sequence[Submission]) -> list[Outcome]:
        """One transaction: the heartbeat if it is due, and the batch."""
        now = self._clock.now()
        with self._transact() as connection:
            outcomes = self._record_in(connection, submissions, now) if submissions else []
            if self._node.is_beat_due(now):
                self._node.beat(connection, now, self.watermark())
        return outcomes

    def _record_in(self, connection: Connection, submissions: Sequence[Submission], now: int) -> list[Outcome]:
        self._node.confirm(connection)
        toll = Toll(connection, submissions, now, self._tariff)
        refusals = [toll.refuse(submission) for submission in submissions]
        admitted = [one for one, refusal in zip(submissions, refusals, strict=True) if refusal is None]
        told = iter(self._record_admitted(connection, admitted, now) if admitted else [])
        outcomes = [next(told) if refusal is None else refusal for refusal in refusals]
        for submission, outcome in zip(submissions, outcomes, strict=True):
            if isinstance(outcome, Held):
                toll.give_back(submission)
        toll.settle(self._ids)
        return outcomes

    def _record_admitted(self, connection: Connection, submissions: Sequence[Submission], now: int) -> list[Outcome]:
        return record(
            connection,
            hot_for(connection),
            self._ids,
            submissions,
            now,
            self._node.absences,
            self._node.horizon,
            self._answer,
        )

    def _record_alone(self, submission: Submission) -> Outcome:
        """Try one check-in of a batch that failed; the one that fails again is put aside, where it can be seen."""
        for _ in range(2):
            try:
                return self._record([submission])[0]
            except (Fenced, Overdrawn):
                return _UNSTORABLE
            except Exception as error:  # noqa: BLE001 -- whatever it is, its neighbours must not suffer
                reason = error
        log.error("check_in_put_aside", reason=type(reason).__name__, job=submission.check_in.job_key)
        try:
            with self._transact() as connection:
                aside_id = set_aside(connection, self._ids, self._clock.now(), submission.check_in, reason)
        except Exception:
            log.exception("recorder_failed", reason="not_even_put_aside")
            return _UNSTORABLE
        words = f"The check-in could not be recorded and was put aside as rejection {aside_id}; see GET /rejections."
        return Refused(422, ErrorCode.UNPROCESSABLE, words)

    def _resolve(self, batch: list[_Waiting], outcomes: Sequence[Outcome]) -> None:
        """Give each its outcome; those held go back to the head of the queue, in their order."""
        held = [w for w, outcome in zip(batch, outcomes, strict=True) if isinstance(outcome, Held)]
        if held:
            with self._guard:
                self._queue.extendleft(reversed(held))
            threading.Event().wait(_HOLD_SECONDS)
        done = [(w, o) for w, o in zip(batch, outcomes, strict=True) if not isinstance(o, Held)]
        if not done or self._loop is None:
            return
        self._loop.call_soon_threadsafe(_set_results, done)
        self._metrics.batch_size.observe(len(batch))
        self._count([outcome for _, outcome in done])

    def _count(self, outcomes: Sequence[Outcome]) -> None:
        tally: dict[tuple[str, str], int] = {}
        for outcome in outcomes:
            if isinstance(outcome, Receipt):
                named = ("recorded", outcome.reason.value)
            elif isinstance(outcome, Refused):
                named = ("refused", outcome.error_code.name.lower())
            else:
                named = ("replayed", "idempotency_key")
            tally[named] = tally.get(named, 0) + 1
        for (outcome_name, reason), times in tally.items():
            self._metrics.check_ins.labels(outcome_name, reason).inc(times)


def _set_results(done: Sequence[tuple[_Waiting, Outcome]]) -> None:
    for waiting, outcome in done:
        if not waiting.future.done():
            waiting.future.set_result((waiting.submission, outcome))
