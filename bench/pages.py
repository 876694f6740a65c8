"""How long the server takes over each page, with 10,000 jobs, 1,000 tenants, 1,000,000 runs; on both engines.

`python -m bench.pages [--engine sqlite|postgresql|both] [--times 15] [--only /jobs]`
"""

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import median

import httpx2

from bench.databases import ENGINES, Database, fresh_database, server_of
from bench.processes import running, tidy_up_when_told_to_end
from bench.report import Gate, at_most, print_gates
from bench.seed_pages import JOBS, RUNS, TENANTS, Seeded, seed
from tocsin.clock import stopwatch
from tocsin.dashboard.pages import AREAS
from tocsin.domain.ids import to_uuid
from tocsin.domain.model import SECOND
from tocsin.secret_box import SecretBox
from tocsin.settings import Settings
from tocsin.store.engine import Store

_MOST_MS = 150
_WARM = 2
_FINE = {200, 303}  # 303: from a cell of the grid to its run
_OWNER = {"email": "bench@example.com", "name": "Bench", "password": "nobody guesses this one"}


#: What people ask pages for, where that may take longer than the page by itself.
_ASKED = (
    "/search?q=job",
    "/search?q=nothing+is+called+this",
    "/incidents?status=all",
    "/jobs?status=down",
    "/jobs?tag=finance&sort=tenants",
    "/jobs?page=200",
    "/jobs/{job_key}?show=all",
    "/tenants?state=unserved",
    "/tenants/{tenant}?jobs=all",
    "/deliveries?state=failed",
    "/deliveries?page=2000",
    "/trends?days=90",
    "/status/status-of-all",
    "/badge/badge-of-all.svg",
)
_KEPT = ("/status/", "/badge/")
#: Lists of the API, a hundred at a time; asked for with a key.
_LISTS = ("jobs", "tenants", "incidents", "deliveries", "events", "rejections", "topology")


def addresses(examples: dict[str, str]) -> list[str]:
    """Every page of somebody who is signed in, with what they ask it for, and the lists of the API."""
    found = [address for pages in AREAS for address, right in pages.addresses() if right is not None]
    return [address.format_map(examples) for address in (*found, *_ASKED)] + [
        f"/api/v1/{name}?pageSize=100" for name in _LISTS
    ]


def worst_examples(seeded: Seeded) -> dict[str, str]:
    """Of what addresses name, that with the most behind it."""
    return {
        "job_key": "job-0",
        "tenant": "tenant-0",
        "pattern": "auth_failure",
        "provider": "slack",
        "channel": "default",
        "incident_id": to_uuid(seeded.bases["incidents"]),
        "run_id": to_uuid(seeded.bases["runs"] + RUNS - 1),
        "window_id": to_uuid(seeded.bases["quiets"]),
    }


@contextmanager
def signed_in(url: str, seeded: Seeded) -> Iterator[httpx2.Client]:
    """Through the claim link, as the owner of the workspace."""
    with httpx2.Client(base_url=url, timeout=120, trust_env=False) as client:
        form = client.get("/claim").text
        token = re.search(r'name="csrf"[^>]*?(?:content|value)="([^"]+)"', form)
        if token is None:
            raise SystemExit("The claim page has no form.")
        answer = client.post("/claim", data={**_OWNER, "csrf": token[1], "token": seeded.claim_token})
        if answer.status_code != 303:
            raise SystemExit(f"Nobody could sign in: {answer.status_code}")
        client.headers["X-Api-Key"] = seeded.api_key
        yield client


def measure(client: httpx2.Client, address: str, times: int) -> tuple[float, int]:
    """Milliseconds at the median, and how many bytes came. Of what is made once for all who look, that once counts."""
    is_kept = address.startswith(_KEPT)
    took, size = [], 0
    for number in range(1 if is_kept else _WARM + times):
        elapsed = stopwatch()
        answer = client.get(address)
        if is_kept or number >= _WARM:
            took.append(elapsed() / 1000)
        if answer.status_code not in _FINE:
            raise SystemExit(f"{address} answers {answer.status_code}")
        size = int(answer.headers.get("content-length", len(answer.content)))
    return median(took), size


def bench(engine: str, times: int, only: str) -> bool:
    with server_of(engine) as postgres, fresh_database(engine, postgres) as database:
        seeded = _filled(engine, database)
        place = ("--port", "0", "--database-url", database.url, "--data-dir", str(database.folder))
        with (
            running("tocsin", "serve", *place, folder=database.folder) as server,
            signed_in(server.url, seeded) as client,
        ):
            chosen = [address for address in addresses(worst_examples(seeded)) if only in address]
            gates = list(_measured(client, chosen, times))
    return print_gates(gates)


def _filled(engine: str, database: Database) -> Seeded:
    store, elapsed = Store(database.url), stopwatch()
    seeded = seed(store, SecretBox.open(Settings(data_dir=database.folder).resolved_key_file))
    store.close()
    print(f"{engine}: {JOBS:,} jobs, {TENANTS:,} tenants, {RUNS:,} runs (made in {elapsed() / SECOND:.0f} s)")
    return seeded


def _measured(client: httpx2.Client, chosen: Sequence[str], times: int) -> Iterator[Gate]:
    """A gate for the slowest, and for each that is too slow."""
    print(f"{'page':<64}{'median ms':>10}{'KB':>8}")
    found = []
    for address in chosen:
        took, size = measure(client, address, times)
        found.append((took, address))
        print(f"{address:<64}{took:>10.0f}{size / 1000:>8.0f}", flush=True)
    found.sort(reverse=True)
    for took, address in found[:1] + [one for one in found[1:] if one[0] > _MOST_MS]:
        yield at_most(f"ms of {address}", took, _MOST_MS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=[*ENGINES, "both"], default="both")
    parser.add_argument("--times", type=int, default=15, help="how often each page is asked for")
    parser.add_argument("--only", default="", help="pages whose address holds this")
    chosen = parser.parse_args()
    tidy_up_when_told_to_end()
    engines = ENGINES if chosen.engine == "both" else (chosen.engine,)
    met = [bench(engine, chosen.times, chosen.only) for engine in engines]
    sys.exit(0 if all(met) else 1)


if __name__ == "__main__":
    main()
