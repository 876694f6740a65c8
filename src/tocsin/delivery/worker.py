"""The delivery loop: claim, send, record. Any number of workers on any number of nodes."""

import asyncio
import json
import random
from collections.abc import Callable, Sequence
from typing import Any

import structlog

from tocsin.clock import Clock
from tocsin.delivery.channel import Delivered, Pace, Refused, Retry, Verdict
from tocsin.delivery.message import compose
from tocsin.delivery.pacing import Pacer
from tocsin.delivery.sender import Sender
from tocsin.domain.ids import IdMaker, to_uuid
from tocsin.domain.model import SECOND
from tocsin.domain.retry import next_attempt_at
from tocsin.secret_box import SecretBox, SecretError, UnknownKeyError
from tocsin.store import claims, outbox
from tocsin.store.claims import Claimed
from tocsin.store.engine import Store
from tocsin.store.outbox import Result

AT_ONCE = 64
LEASE = 12 * SECOND
RENEW_SECONDS = 3.0
POLL_SECONDS = 0.25
DRAIN_SECONDS = 4.0
#: After a database that does not answer.
_REST_SECONDS = 1.0
_UNHURRIED = Pace(per_second=1, burst=1)

log = structlog.get_logger("tocsin.delivery")


class DeliveryWorker:
    """Sends what the outbox holds until it is told to stop. Everything it needs of the world is passed in."""

    def __init__(
        self,
        store: Store,
        sender: Sender,
        secrets: SecretBox,
        clock: Clock,
        ids: IdMaker,
        *,
        jitter: Callable[[], float] = random.random,
        drain_seconds: float = DRAIN_SECONDS,
    ) -> None:
        self._store = store
        self._sender = sender
        self._secrets = secrets
        self._clock = clock
        self._ids = ids
        self._jitter = jitter
        self._drain_seconds = drain_seconds
        self._pacer = Pacer()
        self._state_keepers = [name for name, provider in sender.providers.items() if provider.keeps_state]
        self._sending: dict[Claimed, asyncio.Task[Result]] = {}
        self._delivering: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; then what is in flight gets a few seconds, and what is left goes back into the outbox."""
        stopping = asyncio.create_task(stop.wait())
        stopping.add_done_callback(lambda _: self._wake.set())
        renewing = asyncio.create_task(self._renew_leases())
        try:
            while not stop.is_set():
                self._wake.clear()
                await self._start_some()
                await self._rest(POLL_SECONDS)
            await self._drain()
        finally:
            stopping.cancel()
            renewing.cancel()
            await asyncio.wait([stopping, renewing])

    async def _start_some(self) -> None:
        """Claims and starts as long as there is something to start."""
        while room := AT_ONCE - len(self._delivering):
            try:
                sending = frozenset(one.id for one in self._sending)
                claimed = await asyncio.to_thread(self._claim, room, _steady(), sending)
            except Exception as error:  # noqa: BLE001 -- whatever the database has, the loop outlives it
                log.warning("claim failed", reason="claim_failed", error=type(error).__name__)
                await asyncio.sleep(_REST_SECONDS)
                return
            for one in claimed:
                self._start(one)
            if not claimed:
                return

    def _claim(self, room: int, steady: float, sending: frozenset[int]) -> list[Claimed]:
        now = self._clock.now()
        with self._store.read() as connection:
            if not claims.has_due(connection, now):
                return []
        with self._store.write() as connection:
            return claims.claim(
                connection,
                self._ids,
                now,
                now + LEASE,
                room,
                lambda channel_id, provider: self._pacer.room(channel_id, self._pace(provider), steady),
                full=self._pacer.full(steady),
                sending=sending,
                state_keepers=self._state_keepers,
            )

    def _start(self, claimed: Claimed) -> None:
        self._pacer.begin(claimed.channel_id, self._pace(claimed.provider), _steady())
        self._sending[claimed] = asyncio.create_task(self._attempt(claimed))
        delivering = asyncio.create_task(self._deliver(claimed))
        self._delivering.add(delivering)
        delivering.add_done_callback(self._delivering.discard)

    async def _deliver(self, claimed: Claimed) -> None:
        sending = self._sending[claimed]
        try:
            await asyncio.wait([sending])
            result = self._interrupted() if sending.cancelled() else sending.result()
            await self._record(claimed, result)
        finally:
            del self._sending[claimed]
            self._pacer.end(claimed.channel_id)
            self._wake.set()

    async def _attempt(self, claimed: Claimed) -> Result:
        began = _steady()
        now = self._clock.now()
        try:
            verdict = await self._verdict(claimed, now)
        except UnknownKeyError as error:  # of a rotation this node has yet to hear of: the next attempt may know it
            verdict = Retry("key_missing", str(error), may_have_arrived=False)
        except SecretError as error:
            verdict = Refused("config_unreadable", str(error))
        except Exception as error:  # noqa: BLE001 -- a message we cannot make must not stop the others
            log.warning("attempt failed", reason="internal_error", error=type(error).__name__, **_about(claimed))
            verdict = Retry("internal_error", "Tocsin could not make this message.", may_have_arrived=False)
        return self._result(claimed, verdict, int((_steady() - began) * SECOND))

    async def _verdict(self, claimed: Claimed, now: int) -> Verdict:
        config = json.loads(self._secrets.decrypt(claimed.config, f"channels|{claimed.channel_id}|config"))
        message = compose(to_uuid(claimed.id), json.loads(claimed.content), claimed.moment_at, now)
        return await self._sender.send(claimed.provider, config, message, now)

    def _result(self, claimed: Claimed, verdict: Verdict, duration: int) -> Result:
        match verdict:
            case Delivered(detail, status):
                return Result("delivered", "yes", "delivered", detail, duration, status)
            case Refused(reason, detail, status, breaks, disables):
                return Result("refused", "no", reason, detail, duration, status, None, breaks, disables)
            case Retry(reason, detail, may_have_arrived, status, after):
                again_at = next_attempt_at(
                    queued_at=claimed.queued_at,
                    now=self._clock.now(),
                    attempts=claimed.attempts,
                    jitter=self._jitter(),
                    retry_after=after,
                )
                return Result(
                    "retry", "maybe" if may_have_arrived else "no", reason, detail, duration, status, again_at
                )

    def _interrupted(self) -> Result:
        """We are stopping: the next worker takes it up at once, under the same id."""
        return Result("retry", "maybe", "stopped", "Tocsin was stopped meanwhile.", 0, None, self._clock.now())

    async def _record(self, claimed: Claimed, result: Result) -> None:
        try:
            await asyncio.to_thread(self._settle, claimed, result)
        except Exception as error:  # noqa: BLE001 -- its lease runs out, and it is sent again under the same id
            log.warning("result not recorded", reason="settle_failed", error=type(error).__name__, **_about(claimed))
            return
        said: dict[str, Any] = {"status": result.status_code, "detail": result.detail, "duration": result.duration}
        write = log.info if result.outcome == "delivered" else log.warning
        write(f"delivery {result.outcome}", reason=result.reason, arrival=result.arrival, **said, **_about(claimed))

    def _settle(self, claimed: Claimed, result: Result) -> None:
        with self._store.write() as connection:
            outbox.settle(connection, claimed, result, self._clock.now())

    async def _renew_leases(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            if held := [claimed.id for claimed in self._sending]:
                try:
                    await asyncio.to_thread(self._renew, held)
                except Exception as error:  # noqa: BLE001 -- the next round renews them, or they are sent twice
                    log.warning("leases not renewed", reason="renew_failed", error=type(error).__name__)

    def _renew(self, held: Sequence[int]) -> None:
        with self._store.write() as connection:
            claims.renew(connection, held, self._clock.now() + LEASE)

    async def _drain(self) -> None:
        if not self._delivering:
            return
        await asyncio.wait(self._delivering, timeout=self._drain_seconds)
        for sending in self._sending.values():
            sending.cancel()
        if self._delivering:
            await asyncio.wait(self._delivering, timeout=self._drain_seconds)

    async def _rest(self, seconds: float) -> None:
        """Until something changes here, at most `seconds`: other nodes' alerts announce themselves to nobody."""
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return

    def _pace(self, provider: str) -> Pace:
        known = self._sender.providers.get(provider)
        return known.pace if known else _UNHURRIED


def _steady() -> float:
    return asyncio.get_running_loop().time()


def _about(claimed: Claimed) -> dict[str, Any]:
    return {
        "delivery": to_uuid(claimed.id),
        "channel": to_uuid(claimed.channel_id),
        "provider": claimed.provider,
        "alert": claimed.kind,
        "attempt": claimed.attempts,
    }
