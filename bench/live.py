"""What open live pages cost: durable pings a second with 200 of them and without, in turn, on one server.

`python -m bench.live [--engine sqlite|postgresql|both] [--rounds 5] [--seconds 10] [--viewers 200]`
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from statistics import median
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener, urlopen

from bench.databases import ENGINES, Database, fresh_database, server_of
from bench.load import pings
from bench.processes import running, tidy_up_when_told_to_end
from bench.promises import measured
from bench.report import Gate, at_least, print_gates, print_row
from bench.seed import Plan, Seeded, seed
from tocsin.application import accounts
from tocsin.application.passwords import hash_password
from tocsin.clock import SystemClock
from tocsin.domain.ids import IdMaker
from tocsin.store.engine import Store

_CONNECTIONS, _WARM_UP_SECONDS = 32, 3
_LEAST_RATIO = 0.85
_EMAIL, _PASSWORD = "mara@example.com", "correct horse battery staple"
#: What two hundred people look at: most the overview, some one job each. Pages that are not there are left out.
_PAGES = ("/", "/", "/", "/incidents", "/jobs", "/tenants", *(f"/jobs/job-{n}" for n in range(10)))


def _add_owner(store: Store, seeded: Seeded) -> None:
    now, ids = SystemClock().now(), IdMaker(200)
    with store.write() as connection:
        user = accounts.create_user(connection, ids, now, _EMAIL, hash_password(_PASSWORD), "Mara")
        accounts.join(connection, now, seeded.workspace_id, user["id"], "owner")


def _sign_in(url: str) -> str:
    """The cookie of a session."""
    jar = CookieJar()
    opener = build_opener(HTTPCookieProcessor(jar))
    page = opener.open(f"{url}/sign-in").read().decode()
    token = re.search(r'name="csrf" content="([^"]+)"', page)
    if token is None:
        raise SystemExit("There is no way to sign in.")
    opener.open(f"{url}/sign-in", urlencode({"csrf": token[1], "email": _EMAIL, "password": _PASSWORD}).encode())
    return next(cookie.value or "" for cookie in jar if cookie.name == "tocsin")


def _there(url: str, cookie: str) -> list[str]:
    """The pages that this Tocsin has."""
    return [path for path in dict.fromkeys(_PAGES) if _status(url, cookie, path) == 200]


def _status(url: str, cookie: str, path: str) -> int:
    try:
        with urlopen(Request(url + path, headers={"Cookie": f"tocsin={cookie}", "Tocsin-Live": "1"})) as answer:
            return int(answer.status)
    except OSError as error:
        return int(getattr(error, "code", 0))


@contextmanager
def _watched(url: str, cookie: str, paths: list[str], seen: list[str]) -> Iterator[None]:
    """One viewer a path until the block ends; what they saw is added to `seen`."""
    command = [sys.executable, "-m", "bench.viewers", url, cookie, *paths]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    if "connected" not in process.stdout.readline():
        raise SystemExit("The viewers did not come.")
    try:
        yield
    finally:
        process.terminate()
        seen.append(process.communicate(timeout=30)[0].strip().removeprefix("seen "))


def _compare(engine: str, database: Database, rounds: int, seconds: float, viewers: int) -> list[Gate]:
    store = Store(database.url)
    seeded = seed(store, Plan(jobs=10, tenants=1_000))
    _add_owner(store, seeded)
    place = ("--database-url", database.url, "--data-dir", str(database.folder))
    ratios, seen = [], list[str]()
    with running("tocsin", "serve", "--port", "0", *place, folder=database.folder) as server:
        cookie = _sign_in(server.url)
        there = _there(server.url, cookie)
        paths = [path for path in _PAGES if path in there]
        paths = [paths[n % len(paths)] for n in range(viewers)]

        def load(length: float) -> float:
            return measured(server.url, lambda: pings(seeded), _CONNECTIONS, length, None).per_second

        load(_WARM_UP_SECONDS)
        print(f"\n{engine}: {viewers} live pages of {', '.join(there)}")
        print_row("", ["without", "with", "ratio"])
        for number in range(rounds):
            alone = load(seconds) if number % 2 == 0 else 0.0
            with _watched(server.url, cookie, paths, seen):
                beside = load(seconds)
            alone = alone or load(seconds)
            ratios.append(beside / alone)
            print_row(f"pair {number + 1}", [f"{alone:,.0f}/s", f"{beside:,.0f}/s", f"{ratios[-1]:.2f}"])
            print(f"  {seen[-1]}")
    store.close()
    return [at_least(f"{engine}: pings with {viewers} live pages, of pings without", median(ratios), _LEAST_RATIO)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=[*ENGINES, "both"], default="both")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--viewers", type=int, default=200)
    chosen = parser.parse_args()
    tidy_up_when_told_to_end()
    gates: list[Gate] = []
    for engine in ENGINES if chosen.engine == "both" else [chosen.engine]:
        with server_of(engine) as postgres, fresh_database(engine, postgres) as database:
            gates += _compare(engine, database, chosen.rounds, chosen.seconds, chosen.viewers)
    sys.exit(not print_gates(gates))


if __name__ == "__main__":
    main()
