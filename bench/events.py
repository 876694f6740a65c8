"""Durable, classified events a second, beside the pings of the same server in the same minutes; and a storm.

`python -m bench.events [--engine sqlite|postgresql|both] [--rounds 5] [--seconds 5] [--storm 100000]`
"""

import argparse
import json
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from statistics import median
from typing import Any, NamedTuple

from sqlalchemy import func, select

from bench.databases import ENGINES, Database, fresh_database, server_of
from bench.load import Load, Storm, pings, reports
from bench.processes import Server, running, tidy_up_when_told_to_end
from bench.promises import measured, runs_in
from bench.report import Gate, at_least, at_most, print_gates, print_row
from bench.seed import Plan, Seeded, seed, tidy
from tocsin.domain.model import SECOND
from tocsin.store.engine import Store
from tocsin.store.schema import alerts, events, incident_tenants, incidents

CONNECTIONS = (32, 128)
_PLAN = Plan(jobs=10, tenants=1_000)
_MANY = Storm("webhook_failed", integrations=20, tenants=64)
_STORM = Storm("auth_failed", integrations=1, tenants=5_000)
_LEAST_OF_PINGS = 0.5
_AIM = 6_000
_MOST_P99 = 60
_MOST_API_MS = 100
_PAUSE = 30 * SECOND  # between two expansions of a blast radius
_WARM_UP_SECONDS = 2
_SLICE_SECONDS = 5


class Running(NamedTuple):
    """A server under load, and its database."""

    server: Server
    seeded: Seeded
    store: Store

    def ping(self, connections: int, seconds: float) -> Load:
        """One run of pings."""
        return measured(self.server.url, lambda: pings(self.seeded), connections, seconds, runs_in(self.store))

    def report(self, storm: Storm, connections: int, seconds: float) -> Load:
        """One run of events."""
        return measured(self.server.url, lambda: reports(self.seeded, storm), connections, seconds, self.stored)

    def stored(self) -> int:
        """Events that are stored, each of them classified and in an incident."""
        with self.store.read() as connection:
            query = select(func.count(), func.count(events.c.incident_id)).select_from(events)
            stored, joined = connection.execute(query).one()
        if stored != joined:
            raise SystemExit(f"BROKEN: of {stored:,} events only {joined:,} are in an incident.")
        return int(stored)

    def get(self, path: str) -> tuple[Any, float]:
        """The data of an answer, and milliseconds until it was there."""
        request = urllib.request.Request(f"{self.server.url}/api/v1/{path}", headers={"X-Api-Key": self.seeded.api_key})
        begun = time.perf_counter()
        with urllib.request.urlopen(request, timeout=30) as answer:
            body = answer.read()
        return json.loads(body)["data"], (time.perf_counter() - begun) * 1000


@contextmanager
def serving(database: Database) -> Iterator[Running]:
    with ExitStack() as stack:
        store = Store(database.url)
        stack.callback(store.close)
        seeded = seed(store, _PLAN)
        place = ("--database-url", database.url, "--data-dir", str(database.folder))
        server = stack.enter_context(running("tocsin", "serve", "--port", "0", *place, folder=database.folder))
        yield Running(server, seeded, store)


Loads = dict[tuple[str, int], list[Load]]


def measure(one: Running, rounds: int, seconds: float) -> Loads:
    """Pings and events in turn, so that a slow minute of the machine hits both."""
    loads: Loads = {}
    one.ping(max(CONNECTIONS), _WARM_UP_SECONDS)
    one.report(_MANY, max(CONNECTIONS), _WARM_UP_SECONDS)
    tidy(one.store)
    for _ in range(rounds):
        for connections in CONNECTIONS:
            loads.setdefault(("pings", connections), []).append(one.ping(connections, seconds))
            loads.setdefault(("events", connections), []).append(one.report(_MANY, connections, seconds))
    return loads


def check_counters(store: Store) -> None:
    """What is kept with incidents is what a count finds."""
    with store.read() as connection:
        by_incident = select(events.c.incident_id, func.count()).group_by(events.c.incident_id)
        counted = {row[0]: row[1] for row in connection.execute(by_incident)}
        parts = select(incident_tenants.c.incident_id, func.count(), func.sum(incident_tenants.c.event_count))
        told = {row[0]: (row[1], int(row[2])) for row in connection.execute(parts.group_by(parts.selected_columns[0]))}
        kept = connection.execute(select(incidents.c.id, incidents.c.event_count, incidents.c.tenant_count)).all()
    for incident_id, event_count, tenant_count in kept:
        if (event_count, tenant_count, event_count) != (counted[incident_id], *told[incident_id]):
            raise SystemExit(f"BROKEN: incident {incident_id} keeps {event_count} events of {tenant_count} tenants.")


def print_table(one: Running, loads: Loads) -> None:
    print_row(
        "", [cell for c in CONNECTIONS for cell in (f"{c} conns:", "of pings", "p50 ms", "p99 ms")] + ["peak MiB"]
    )
    for kind in ("pings", "events"):
        cells = []
        for connections in CONNECTIONS:
            runs = loads[kind, connections]
            cells += [f"{_middle(runs, 'per_second'):,.0f}/s", f"{_ratio(loads, kind, connections):.2f}"]
            cells += [f"{_middle(runs, 'p50'):.1f}", f"{_middle(runs, 'p99'):.1f}"]
        print_row(kind, [*cells, f"{one.server.peak_mib():.0f}"])


def gates(loads: Loads) -> list[Gate]:
    least = [
        at_least(f"of the pings, {connections} connections", _ratio(loads, "events", connections), _LEAST_OF_PINGS)
        for connections in CONNECTIONS
    ]
    best = max(_middle(loads["events", connections], "per_second") for connections in CONNECTIONS)
    print(f"  aim: {_AIM:,} events a second; reached {best:,.0f}")
    return [*least, at_most("p99 of events in ms, 32 connections", _middle(loads["events", 32], "p99"), _MOST_P99)]


def storm(one: Running, events_wanted: int, connections: int = 128) -> list[Gate]:
    """Everything for one integration under one pattern, from thousands of tenants."""
    acked, begun = 0, time.perf_counter()
    while acked < events_wanted:
        acked += one.report(_STORM, connections, _SLICE_SECONDS).acked
    seconds = time.perf_counter() - begun
    [incident] = one.get("incidents?patternId=auth_failure")[0]["items"]
    paths = [f"incidents/{incident['id']}{more}" for more in ("", "/tenants", "/timeline")]
    paths += ["incidents", "incidents?patternId=auth_failure", f"events?incidentId={incident['id']}"]
    slowest = {path: max(one.get(path)[1] for _ in range(10)) for path in paths}
    check_counters(one.store)
    told = _told(one.store, incident["id"])
    print(f"  storm: {acked:,} events of {incident['tenantCount']:,} tenants in {seconds:.0f} s; alerts: {dict(told)}")
    for path, took in slowest.items():
        print(f"    {took:6.1f} ms at most  GET /{path.replace(incident['id'], '…')}")
    return [
        at_most("opened alerts of a storm", told["opened"], 1),
        at_most("slowest answer about its incident in ms", max(slowest.values()), _MOST_API_MS),
    ]


def _told(store: Store, incident: str) -> Counter[str]:
    """The storm's alerts by kind; later expansions must lie half a minute apart."""
    of_storm = select(alerts.c.kind, alerts.c.moment_at).join(incidents, incidents.c.id == alerts.c.incident_id)
    with store.read() as connection:
        rows = connection.execute(
            of_storm.where(incidents.c.pattern_id == "auth_failure").order_by(alerts.c.moment_at)
        ).all()
    later = [row.moment_at for row in rows][1:]
    if any(second - first < _PAUSE for first, second in pairwise(later)):
        raise SystemExit(f"BROKEN: the blast radius of {incident} was told of too often: {later}")
    return Counter(row.kind for row in rows)


def _middle(runs: list[Load], field: str) -> float:
    return float(median(getattr(run, field) for run in runs))


def _ratio(loads: Loads, kind: str, connections: int) -> float:
    """The median of the rounds' ratios: within a round the machine was the same."""
    pairs = zip(loads[kind, connections], loads["pings", connections], strict=True)
    return median(run.per_second / pings.per_second for run, pings in pairs)


def bench(engine: str, rounds: int, seconds: float, events_wanted: int) -> bool:
    """Measure one engine and print its table; whether the gates are met."""
    print(f"{engine}: median of {rounds} rounds of {seconds:g} s, {_MANY.tenants} tenants on {_MANY.integrations}")
    with server_of(engine) as postgres, fresh_database(engine, postgres) as database, serving(database) as one:
        loads = measure(one, rounds, seconds)
        print_table(one, loads)
        check_counters(one.store)
        met = gates(loads)
        if events_wanted:
            met += storm(one, events_wanted)
        return print_gates(met)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=[*ENGINES, "both"], default="both")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--storm", type=int, default=100_000, help="events of the storm; 0 for none")
    chosen = parser.parse_args()
    tidy_up_when_told_to_end()
    engines = ENGINES if chosen.engine == "both" else (chosen.engine,)
    met = [bench(engine, chosen.rounds, chosen.seconds, chosen.storm) for engine in engines]
    sys.exit(0 if all(met) else 1)


if __name__ == "__main__":
    main()
