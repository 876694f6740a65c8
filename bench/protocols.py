"""Every protocol's ping beside the native one: the same server, the same minutes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import cycle, islice
from random import Random
from statistics import median
from uuid import UUID

from sqlalchemy import func, insert, select

from bench.databases import Database, fresh_database, server_of
from bench.load import Load, Work, pings, prepared
from bench.processes import Server, running
from bench.promises import measured, runs_in
from bench.report import Gate, at_least, print_gates, print_row
from bench.seed import Plan, Seeded, seed, tidy
from bench.wire import PROTOCOLS, Job, Keys, Protocol
from tocsin.clock import SystemClock
from tocsin.domain.ids import IdMaker
from tocsin.store.engine import Store
from tocsin.store.schema import job_environments, jobs, workspaces

_CONNECTIONS = 32
#: So few that nobody is taken for one who guesses PingGuard's slugs, before they are known.
_CAREFUL = 16
_WARM_UP_SECONDS = 2
_PLAN = Plan(jobs=10, tenants=1_000)
_NATIVE = "native"
#: A faster server would run out of the requests that are made beforehand.
_MOST_PER_SECOND = 20_000


class Pinger:
    """The jobs of one protocol, pinged in turn, in random order, each time under a run id that was never used."""

    def __init__(self, protocol: Protocol, keys: Keys, database: Database, store: Store, number: int) -> None:
        self.protocol = protocol
        self._keys = keys
        self._file = database.folder / f"{protocol.prefix}.requests"
        made = make_jobs(store, keys.project, protocol, number)
        Random(1).shuffle(made)
        self._jobs = cycle(made)
        self._chance = Random(number)

    def requests(self) -> Iterator[bytes]:
        """Endlessly many; whoever asks again goes on with the next job."""
        for job in self._jobs:
            yield self.protocol.ping(self._keys, job, UUID(int=self._chance.getrandbits(128), version=4))

    def work(self, seconds: float) -> Work:
        return prepared(islice(self.requests(), round(seconds) * _MOST_PER_SECOND), self._file)


class Running:
    """A server, its database, and everybody who pings it."""

    def __init__(self, server: Server, seeded: Seeded, store: Store, pingers: list[Pinger]) -> None:
        self.server = server
        self.seeded = seeded
        self.store = store
        self.pingers = pingers

    def native(self, seconds: float) -> Load:
        return self._measured(lambda: pings(self.seeded), seconds)

    def ping(self, pinger: Pinger, seconds: float) -> Load:
        return self._measured(lambda: pinger.work(seconds), seconds)

    def _measured(self, work: Callable[[], Work], seconds: float, connections: int = _CONNECTIONS) -> Load:
        return measured(self.server.url, work, connections, seconds, runs_in(self.store))

    def warm_up(self, number: int) -> None:
        """Each job makes its stream with its first ping; from then on all are alike."""
        self.native(_WARM_UP_SECONDS)
        for pinger in self.pingers:
            before = self._environments()
            while self._environments() - before < number:
                self._measured(lambda: pinger.work(1), 1, _CAREFUL)  # noqa: B023 -- called before the next one
        tidy(self.store)

    def _environments(self) -> int:
        with self.store.read() as connection:
            return int(connection.execute(select(func.count()).select_from(job_environments)).scalar_one())


def make_jobs(store: Store, workspace_id: int, protocol: Protocol, number: int) -> list[Job]:
    """Jobs as the protocol's clients have them; nobody has heard of them yet."""
    now, ids = SystemClock().now(), IdMaker()
    made = [Job(f"{protocol.prefix}-{n}", str(UUID(int=ids.new(now)))) for n in range(number)]
    rows = [
        {
            **protocol.jobs,
            "id": ids.new(now),
            "workspace_id": workspace_id,
            "job_key": job.key,
            "name": job.key,
            "ping_uuid": job.uuid,
            "ping_slug": job.key,
            "created_at": now,
        }
        for job in made
    ]
    with store.write() as connection:
        connection.execute(insert(jobs), rows)
    return made


def keys_of(store: Store, seeded: Seeded) -> Keys:
    with store.read() as connection:
        query = select(workspaces.c.ping_key, workspaces.c.sentry_key).where(workspaces.c.id == seeded.workspace_id)
        ping_key, dsn_key = connection.execute(query).one()
    return Keys(seeded.api_key, ping_key, seeded.workspace_id, dsn_key)


@contextmanager
def serving(
    database: Database,
    number: int,
    protocols: Sequence[Protocol] = PROTOCOLS,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """A server, and for each of the protocols so many jobs."""
    with ExitStack() as stack:
        store = Store(database.url)
        stack.callback(store.close)
        seeded = seed(store, _PLAN)
        keys = keys_of(store, seeded)
        pingers = [Pinger(protocol, keys, database, store, number) for protocol in protocols]
        place = ("--database-url", database.url, "--data-dir", str(database.folder))
        server = running("tocsin", "serve", "--port", "0", *place, folder=database.folder, settings=settings)
        yield Running(stack.enter_context(server), seeded, store, pingers)


Loads = dict[str, list[Load]]


def measure(one: Running, rounds: int, seconds: float) -> Loads:
    """Everybody in turn, round by round, so that a slow minute of the machine hits all alike."""
    loads: Loads = {}
    for _ in range(rounds):
        loads.setdefault(_NATIVE, []).append(one.native(seconds))
        for pinger in one.pingers:
            loads.setdefault(pinger.protocol.name, []).append(one.ping(pinger, seconds))
    return loads


def ratio(loads: Loads, name: str) -> float:
    """The median of the rounds' ratios to the native ping: within a round the machine was the same."""
    pairs = zip(loads[name], loads[_NATIVE], strict=True)
    return median(run.per_second / native.per_second for run, native in pairs)


def print_table(loads: Loads) -> None:
    print_row("", [f"{_CONNECTIONS} conns:", "of native", "p50 ms", "p99 ms"])
    for name, runs in loads.items():
        middle = [median(getattr(run, field) for run in runs) for field in ("per_second", "p50", "p99")]
        print_row(name, [f"{middle[0]:,.0f}/s", f"{ratio(loads, name):.2f}", f"{middle[1]:.1f}", f"{middle[2]:.1f}"])


def gates(loads: Loads) -> list[Gate]:
    return [
        at_least(f"of the native ping, {protocol.name}", ratio(loads, protocol.name), protocol.least)
        for protocol in PROTOCOLS
    ]


def bench(engine: str, rounds: int, seconds: float, number: int) -> bool:
    """Measure one engine and print its table; whether the gates are met. `number`: jobs of each protocol."""
    print(f"{engine}, each protocol with {number:,} jobs: median of {rounds} rounds of {seconds:g} s")
    with server_of(engine) as postgres, fresh_database(engine, postgres) as database, serving(database, number) as one:
        one.warm_up(number)
        loads = measure(one, rounds, seconds)
        print_table(loads)
        acked = sum(run.acked for runs in loads.values() for run in runs)
        print(f"  {acked:,} pings acknowledged and stored by number")
        return print_gates(gates(loads))
