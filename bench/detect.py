"""How fast silence is noticed among 1,000,000 streams, alone and under a load of pings, and what the pings feel of it;
then of crontabs at midnight.

`python -m bench.detect [--engine sqlite|postgresql|both] [--streams 1000000] [--jobs 10 10000] [--at-once]
[--crontabs 100000]`
"""

import argparse
import sys
from contextlib import suppress
from statistics import median
from typing import NamedTuple

from bench import midnight, rearm
from bench.databases import ENGINES, LARGE, Database, fresh_database, server_of
from bench.load import Wrk, pings
from bench.nodes import TooSlowError, nodes, sleep_until
from bench.prober import Prober, p99
from bench.processes import Server, tidy_up_when_told_to_end
from bench.report import Gate, at_most, print_gates, print_row
from bench.seed import Plan, Seeded, seed
from bench.silence import Silence, await_judged, faults, prepare
from tocsin.application.advance_time import Tick
from tocsin.application.pace import Pace
from tocsin.clock import SystemClock, stopwatch
from tocsin.domain.ids import IdMaker
from tocsin.domain.model import SECOND
from tocsin.store.due import next_moment
from tocsin.store.engine import Store
from tocsin.store.engines import hot_of
from tocsin.store.hot_postgres import SESSION

_CONNECTIONS = 32
_MOST_SECONDS = {"alone": 5, "under load": 10, "beside a worker": 10}
_MOST_P99, _MOST_IDLE, _MOST_MIB = 250, 5, 200
_START_SECONDS = (8.0, 30.0)
_LOAD_BEFORE_SECONDS = 3.0
_IDLE_TICKS = 200


class Case(NamedTuple):
    """How the streams fall silent: who, and what else goes on."""

    silence: Silence
    manner: str
    spread: int


class Result(NamedTuple):
    """Seconds from the first deadline; milliseconds; MiB of the largest process."""

    judged: float
    worded: float
    ping_p99: float | None
    pings: float | None
    peak: float


def run(case: Case, database: Database, store: Store, seeded: Seeded) -> Result:
    """Measure a case; on a machine that is slow to start a server, once more with more time for that."""
    for seconds in _START_SECONDS:
        due_at = prepare(store, seeded, case.silence, seconds, case.spread)
        with suppress(TooSlowError), nodes(database, case.manner) as servers:
            result = _measure(case, servers, store, seeded, due_at)
            if found := faults(store, seeded, case.silence):
                raise SystemExit("Not everybody is where they belong: " + "; ".join(found))
            return result
    raise SystemExit("The machine is too slow to start a server in half a minute; nothing was measured.")


def _measure(case: Case, servers: list[Server], store: Store, seeded: Seeded, due_at: int) -> Result:
    url, spared = servers[0].url, case.silence.tenants_every
    sleep_until(due_at - round(_LOAD_BEFORE_SECONDS * SECOND))
    prober, wrk = None, None
    if case.manner != "alone":
        prober = Prober(url, seeded, spared)
        seconds = _LOAD_BEFORE_SECONDS + _MOST_SECONDS[case.manner]
        wrk = Wrk(url, pings(seeded, spared), _CONNECTIONS, seconds)
    sleep_until(due_at)
    judged = await_judged(store, due_at)
    probes = prober.results() if prober else []
    load = wrk.result() if wrk else None
    if load and not load.is_fair:
        raise SystemExit("This machine stood still meanwhile: no measure.")
    if load and (load.refused or load.broken):
        raise SystemExit(f"{load.refused} pings were refused, {load.broken} connections broke: no measure.")
    return Result(
        (judged.judged_at - due_at) / SECOND,
        (judged.worded_at - due_at) / SECOND,
        p99(probes, due_at, judged.judged_at) if probes else None,
        load.per_second if load else None,
        max(server.peak_mib() for server in servers),
    )


def idle_tick(store: Store) -> float:
    """Milliseconds of a tick that finds nothing due: the look at what is next, and a whole round for good measure."""
    tick = Tick([store.own_session(SESSION)], hot_of(store), IdMaker(), Pace(), "http://localhost")
    now, took = SystemClock().now(), []
    for _ in range(_IDLE_TICKS):
        elapsed = stopwatch()
        with store.read() as connection:
            next_moment(connection)
        tick.advance(now, now)
        took.append(elapsed() / 1000)
    return median(took)


def cases(engine: str, plan: Plan, spread: int) -> list[Case]:
    """1 %, and then a tenth, of all streams; ten or more tenants a job, so that every job has its incident."""
    hundredth = Silence(1, 100) if plan.tenants >= 1_000 else Silence(10, 10)
    manners = ["alone", "under load"] + (["beside a worker"] if engine == "postgresql" else [])
    return [Case(silence, manner, spread) for silence in (hundredth, Silence(1, 10)) for manner in manners]


def bench(engine: str, plan: Plan, spread: int) -> bool:
    """Measure one engine with one form of data; whether the gates are met."""
    gates: list[Gate] = []
    with server_of(engine, settings=LARGE) as postgres, fresh_database(engine, postgres) as database:
        store, elapsed = Store(database.url), stopwatch()
        seeded = seed(store, plan)
        print(f"{engine}, {plan.streams:,} streams of {plan.jobs:,} jobs (made in {elapsed() / SECOND:.0f} s)")
        idle = idle_tick(store)
        print_row("due in one second", ["", "judged s", "worded s", "ping p99", "pings/s", "peak MiB"])
        for case in cases(engine, plan, spread):
            result = run(case, database, store, seeded)
            _print(case, seeded, result)
            gates += _gates(case, seeded, result)
        idle = max(idle, idle_tick(store))
        store.close()
    return print_gates([*gates, at_most("ms of an idle tick, before and after", idle, _MOST_IDLE)])


def _print(case: Case, seeded: Seeded, result: Result) -> None:
    loads = [f"{result.ping_p99:.0f} ms", f"{result.pings:,.0f}"] if result.ping_p99 and result.pings else ["", ""]
    cells = ["", f"{result.judged:.2f}", f"{result.worded:.2f}", *loads, f"{result.peak:.0f}"]
    print_row(f"{case.silence.due(seeded):,} {case.manner}", cells)


def _gates(case: Case, seeded: Seeded, result: Result) -> list[Gate]:
    name = f"{case.silence.due(seeded):,} {case.manner}"
    gates = [
        at_most(f"{name}, s until judged", result.judged, _MOST_SECONDS[case.manner]),
        at_most(f"{name}, MiB", result.peak, _MOST_MIB),
    ]
    if result.ping_p99 is not None:
        gates.append(at_most(f"{name}, ms p99 of pings", result.ping_p99, _MOST_P99))
    return gates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=[*ENGINES, "both"], default="both")
    parser.add_argument("--streams", type=int, default=1_000_000)
    parser.add_argument("--jobs", type=int, nargs="+", default=[10, 10_000], help="a form of data for each")
    parser.add_argument("--crontabs", type=int, default=100_000, help="streams due at midnight; 0 for none")
    parser.add_argument("--at-once", action="store_true", help="all deadlines at one moment, not strewn over a second")
    chosen = parser.parse_args()
    tidy_up_when_told_to_end()
    spread = 1 if chosen.at_once else SECOND
    engines = ENGINES if chosen.engine == "both" else (chosen.engine,)
    met = [bench(engine, Plan(jobs, chosen.streams // jobs), spread) for engine in engines for jobs in chosen.jobs]
    if chosen.crontabs:
        met += [midnight.bench(engine, chosen.crontabs) for engine in engines]
        met.append(rearm.bench())
    sys.exit(0 if all(met) else 1)


if __name__ == "__main__":
    main()
