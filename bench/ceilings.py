"""What the ping route could reach at most: the same route, app and server, with less behind it.

`alone`: answered at once, nothing is stored. `bare`: the same queue and thread, but each batch is one insert of run
rows and one upsert of stream rows, by the fastest statements the driver has; nothing is looked up, nothing decided.
"""

import argparse
import asyncio
import json
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, cast

from starlette.applications import Starlette

from bench.bare import Bare, BarePostgres, BareSqlite
from bench.seed import WINDOW, Plan, Seeded
from tocsin.application.keys import KeyUse
from tocsin.application.record import Item, Outcome
from tocsin.application.record_check_ins import Receipt, Submission
from tocsin.application.request_rate import RequestRate
from tocsin.bootstrap import Application
from tocsin.cli.node import Server
from tocsin.clock import SystemClock
from tocsin.domain.ids import IdMaker
from tocsin.domain.reason import Reason
from tocsin.ingest.http import Senders, routes
from tocsin.ingest.recorder import Recorded, Recorder
from tocsin.secret_box import SecretBox
from tocsin.settings import Settings
from tocsin.store.engine import Store
from tocsin.telemetry.metrics import Metrics


def receipt(submission: Submission, ping_id: int) -> Receipt:
    check_in = submission.check_in
    return Receipt(Reason.RUN_RECORDED, ping_id, check_in.run_id or "", 0, check_in.received_at + WINDOW)


class Alone:
    """Stands in for the recorder: whatever is submitted is answered in the loop's next round."""

    def __init__(self, clock: SystemClock) -> None:
        self._clock = clock
        self._ids = IdMaker()

    def submit(self, submission: Submission) -> asyncio.Future[Recorded]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Recorded] = loop.create_future()
        now = self._clock.now()
        received = submission._replace(check_in=submission.check_in._replace(received_at=now))
        loop.call_soon(future.set_result, (received, receipt(received, self._ids.new(now))))
        return future


class NoNode:
    """Stands in for the node: it never has to say that it lives."""

    beat_every = 1_000_000

    def is_beat_due(self, _: int) -> bool:
        return False


class BareRecorder(Recorder):
    """The recorder's queue, thread and answers around a bare group commit."""

    def __init__(self, bare: Bare, clock: SystemClock, settings: Settings) -> None:
        super().__init__(
            cast(Any, None),
            clock,
            IdMaker(),
            cast(Any, NoNode()),
            Metrics(),
            queue_limit=settings.queue_limit,
            batch_limit=settings.batch_limit,
        )
        self._bare = bare

    def _record(self, items: Sequence[Item]) -> list[Outcome]:
        submissions = [item for item in items if isinstance(item, Submission)]
        numbers = [self._ids.new(s.check_in.received_at) for s in submissions]
        self._bare.commit([s.check_in for s in submissions], numbers)
        return [receipt(s, number) for s, number in zip(submissions, numbers, strict=True)]


def build(kind: str, settings: Settings, seeded: Seeded, stack: ExitStack) -> Starlette:
    clock = SystemClock()
    store = Store(settings.resolved_database_url)
    stack.callback(store.close)
    senders = Senders(store, SecretBox.open(settings.resolved_key_file), clock, KeyUse(store), RequestRate(store, 0))
    if kind == "alone":
        return Starlette(routes=routes(cast(Recorder, Alone(clock)), senders, clock))
    bare = BareSqlite(store, seeded, stack) if store.is_sqlite else BarePostgres(store, seeded, stack)
    recorder = BareRecorder(bare, clock, settings)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        recorder.start()
        yield
        await recorder.stop()

    return Starlette(routes=routes(recorder, senders, clock), lifespan=lifespan)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["alone", "bare"])
    parser.add_argument("--database-url", required=True)
    parser.add_argument("--data-dir", required=True, type=Path)
    parser.add_argument("--seeded", required=True, help="a Seeded as JSON")
    chosen = parser.parse_args()
    fields = json.loads(chosen.seeded)
    seeded = Seeded(Plan(*fields[0]), *fields[1:])
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    settings = Settings(
        database_url=chosen.database_url, data_dir=chosen.data_dir, port=listener.getsockname()[1], _env_file=None
    )
    with ExitStack() as stack:
        asgi = build(chosen.kind, settings, seeded, stack)
        application = Application(settings, asgi, cast(Any, None), None)
        Server(application, lambda _: None).run(sockets=[listener])


if __name__ == "__main__":
    main()
