"""How fast 100,000 streams are judged that follow 200 crontab expressions and are all due at one moment.

`python -m bench.midnight [--engine sqlite|postgresql|both] [--streams 100000]`; `make bench-detect` runs it, too.
"""

import argparse
import sys
from itertools import product
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, update

from bench.databases import ENGINES, LARGE, Database, fresh_database, server_of
from bench.nodes import TooSlowError, nodes, sleep_until
from bench.processes import tidy_up_when_told_to_end
from bench.report import Gate, at_most, print_gates, print_row
from bench.seed import Plan, Seeded, seed, tidy
from bench.silence import Silence, await_judged, calm, faults
from tocsin.clock import SystemClock
from tocsin.domain import crontab
from tocsin.domain.model import SECOND
from tocsin.domain.zones import wall
from tocsin.store.engine import Store
from tocsin.store.schema import incidents, jobs, runs, streams

EXPRESSIONS = 200
ZONES = ("UTC", "Europe/Vienna", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe")
_MOST_SECONDS = 8
_MINUTE = 60 * SECOND
_START_SECONDS = (8, 30)
_EVERYBODY = Silence(1, 1)


class Crontab(NamedTuple):
    expression: str
    zone: str


def expressions(midnight: int) -> list[Crontab]:
    """As many as there are, all different, all firing at this whole minute, and again in 25 minutes at the earliest."""
    made = []
    for n, (later, also) in enumerate(product(range(25, 54), range(1, 8))):
        name = ZONES[n % len(ZONES)]
        local = wall(midnight, ZoneInfo(name))
        minutes, hours = (local.minute, (local.minute + later) % 60), (local.hour, (local.hour + also) % 24)
        one = Crontab("{},{} {},{} * * *".format(*minutes, *hours), name)
        if crontab.timetable(*one).at_or_before(midnight) != midnight:
            raise SystemExit(f"{one} does not fire when it should.")
        made.append(one)
    return made[:EXPRESSIONS]


def prepare(store: Store, seeded: Seeded, seconds: int, *, are_heard: bool) -> int:
    """Every stream was on time until now, and is due `seconds` from now, at the moment that is returned.

    The slot is the latest whole minute. `are_heard`: all have reported for it, and are only to be armed anew.
    """
    calm(store)
    now = SystemClock().now()
    midnight, due_at = now - now % _MINUTE, now + seconds * SECOND
    crontabs = expressions(midnight)
    with store.write() as connection:
        for number in range(seeded.plan.jobs):
            expression, zone = crontabs[number % EXPRESSIONS]
            times = crontab.timetable(expression, zone)
            values = _state(times, midnight, due_at, is_heard=are_heard)
            job = {"schedule_value": expression, "schedule_zone": zone, "grace": due_at - midnight}
            mine = streams.c.job_environment_id == seeded.environments + number
            connection.execute(update(jobs).where(jobs.c.id == seeded.jobs + number).values(job))
            connection.execute(update(streams).where(mine).values(values))
        connection.execute(update(jobs).values(schedule_type="crontab", schedule_interval=None))
    tidy(store)
    return due_at


def _state(times: crontab.Timetable, midnight: int, due_at: int, *, is_heard: bool) -> dict[str, int]:
    """What is kept with a stream that was heard on time in the slot before, or in the slot itself."""
    grace = due_at - midnight
    slot = midnight if is_heard else times.before(midnight)
    following = times.after(slot)
    heard_at = slot + 1
    told = dict.fromkeys(
        ("last_began_at", "last_success_at", "last_result_at", "last_check_in_at", "success_began_at"), heard_at
    )
    return {**told, "anchor_at": slot, "expected_since_at": slot - 86_400 * SECOND,
            "due_at": following, "deadline_at": following + grace, "check_at": due_at}  # fmt: skip


def run(store: Store, database: Database, seeded: Seeded, *, are_heard: bool) -> float:
    """Seconds from the deadline until all are judged."""
    for seconds in _START_SECONDS:
        due_at = prepare(store, seeded, seconds, are_heard=are_heard)
        try:
            with nodes(database, "alone"):
                sleep_until(due_at)
                judged = await_judged(store, due_at)
        except TooSlowError:
            continue
        found = _false_alarms(store) if are_heard else faults(store, seeded, _EVERYBODY)
        if found:
            raise SystemExit("Not everybody is where they belong: " + "; ".join(found))
        return (judged.judged_at - due_at) / SECOND
    raise SystemExit("The machine is too slow to start a server in half a minute; nothing was measured.")


def _false_alarms(store: Store) -> list[str]:
    with store.read() as connection:
        counted = {table: connection.execute(select(func.count()).select_from(table)).scalar_one()
                   for table in (incidents, runs)}  # fmt: skip
    return [f"{number} {table.name} of streams that were on time" for table, number in counted.items() if number]


def bench(engine: str, number: int) -> bool:
    """Measure one engine; whether the gates are met."""
    plan = Plan(EXPRESSIONS, number // EXPRESSIONS)
    gates: list[Gate] = []
    print(f"{engine}, {plan.streams:,} streams of {EXPRESSIONS} crontab expressions, due at one moment")
    with server_of(engine, settings=LARGE) as postgres, fresh_database(engine, postgres) as database:
        store = Store(database.url)
        seeded = seed(store, plan)
        print_row("", ["judged s", "µs each"])
        for name, are_heard in (("heard, armed anew", True), ("silent", False)):
            seconds = run(store, database, seeded, are_heard=are_heard)
            print_row(name, [f"{seconds:.2f}", f"{seconds / plan.streams * 1e6:.0f}"])
            gates.append(at_most(f"{plan.streams:,} {name}, s until judged", seconds, _MOST_SECONDS))
        store.close()
    return print_gates(gates)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=[*ENGINES, "both"], default="both")
    parser.add_argument("--streams", type=int, default=100_000)
    chosen = parser.parse_args()
    tidy_up_when_told_to_end()
    engines = ENGINES if chosen.engine == "both" else (chosen.engine,)
    met = [bench(engine, chosen.streams) for engine in engines]
    sys.exit(0 if all(met) else 1)


if __name__ == "__main__":
    main()
