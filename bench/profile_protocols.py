"""What a protocol costs before the recorder: µs of processor time a ping, from the request's head to the answer's.

`python -m bench.profile_protocols [--pings 5000] [--top 25]`; with `--top`, cProfile's costliest functions of each.
"""

import argparse
import asyncio
import cProfile
import pstats
import time
from contextlib import ExitStack, nullcontext
from itertools import islice
from typing import Any, cast
from urllib.parse import urlsplit

from starlette.applications import Starlette

from bench.ceilings import Alone
from bench.databases import fresh_database
from bench.protocols import Pinger, keys_of
from bench.report import print_row
from bench.seed import Plan, seed
from bench.wire import PROTOCOLS
from tocsin.application.keys import KeyUse
from tocsin.application.request_rate import RequestRate
from tocsin.clock import SystemClock
from tocsin.ingest import healthchecks_http, hexcovery_http, pingguard_http, sentry_http
from tocsin.ingest.addresses import Addresses
from tocsin.ingest.http import Senders, routes
from tocsin.ingest.recorder import Recorder
from tocsin.secret_box import SecretBox
from tocsin.store.engine import Store

_JOBS = 16
_NO_LIMIT = 60_000
Scope = dict[str, Any]


def app(store: Store, secrets: SecretBox) -> Starlette:
    """All routes of machines, with a stand-in for the recorder that answers at once."""
    clock = SystemClock()
    recorder = cast(Recorder, Alone(clock))
    senders = Senders(store, secrets, clock, KeyUse(store), RequestRate(store, 0))
    addresses = Addresses(store, clock)
    return Starlette(
        routes=[
            *routes(recorder, senders, clock),
            *healthchecks_http.routes(recorder, addresses),
            *sentry_http.routes(recorder, store, clock, _NO_LIMIT),
            *hexcovery_http.routes(recorder, senders),
            *pingguard_http.routes(recorder, addresses, clock),
        ]
    )


def parsed(request: bytes) -> tuple[Scope, bytes]:
    """A request as uvicorn hands it to an application."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    method, target, _ = first.decode().split(" ")
    where = urlsplit(target)
    headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(b":") for line in lines)]
    scope = {"type": "http", "method": method, "path": where.path, "raw_path": where.path.encode(), "root_path": "",
             "query_string": where.query.encode(), "headers": headers, "client": ("127.0.0.1", 1)}  # fmt: skip
    return scope, body


async def ask(application: Starlette, scope: Scope, body: bytes) -> int:
    """The status of the answer."""
    statuses = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        statuses.append(message.get("status"))

    await application(scope, receive, send)
    return int(statuses[0])


async def measure(application: Starlette, requests: list[tuple[Scope, bytes]], profiler: Any) -> float:
    """Microseconds of this thread a request."""
    for scope, body in requests[:_JOBS]:  # whoever is asked for once is known from then on
        status = await ask(application, dict(scope), body)
        if status >= 300:
            raise SystemExit(f"{scope['path']} was answered {status}.")
    begun = time.thread_time()
    with profiler or nullcontext():
        for scope, body in requests[_JOBS:]:
            await ask(application, scope, body)
    return (time.thread_time() - begun) / (len(requests) - _JOBS) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pings", type=int, default=5_000)
    parser.add_argument("--top", type=int, default=0, help="how many lines of cProfile to print")
    chosen = parser.parse_args()
    print_row("", ["µs a ping"])
    with fresh_database("sqlite", None) as database, ExitStack() as stack:
        store = Store(database.url)
        stack.callback(store.close)
        seeded = seed(store, Plan(1, 1))
        application = app(store, SecretBox.open(database.folder / "secret.key"))
        for protocol in PROTOCOLS:
            pinger = Pinger(protocol, keys_of(store, seeded), database, store, _JOBS)
            requests = [parsed(request) for request in islice(pinger.requests(), chosen.pings + _JOBS)]
            profiler = cProfile.Profile() if chosen.top else None
            print_row(protocol.name, [f"{asyncio.run(measure(application, requests, profiler)):.1f}"])
            if profiler:
                pstats.Stats(profiler).sort_stats("tottime").print_stats(chosen.top)


if __name__ == "__main__":
    main()
