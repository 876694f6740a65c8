"""Old runs go while a server takes pings, and nobody waits for it."""

from statistics import quantiles

import pytest

from bench.old_runs import add_old_runs, count_old
from bench.seed import Plan, seed
from tests.acceptance.conftest import Home
from tests.support.remote import Remote
from tests.support.waiting import wait_until
from tocsin.clock import stopwatch

pytestmark = pytest.mark.acceptance

ROWS = [20_000, pytest.param(1_000_000, marks=pytest.mark.torture)]
#: Of the slowest twentieth: far above the 10 ms of an idle machine, far below what one large deletion would take.
MOST_MS = 500


@pytest.mark.parametrize("rows", ROWS)
def test_pings_do_not_wait_for_what_is_pruned(home: Home, rows: int) -> None:
    with home.store() as store:
        seeded = seed(store, Plan(10, 100))
        newest = add_old_runs(store, seeded, rows)
        with home.serving(prune_every_seconds="1") as server:
            remote = Remote(server, seeded.api_key)
            took: list[float] = []
            while count_old(store, newest) > seeded.plan.streams:
                waiting = stopwatch()
                remote.ping(f"job-{len(took) % 10}", f"tenant-{len(took) % 100}", runId=f"run-{len(took)}")
                took.append(waiting() / 1000)
            assert quantiles(took, n=20, method="inclusive")[18] < MOST_MS
            wait_until(lambda: pruned(remote) == rows - seeded.plan.streams, 10, "the metric to tell of all")
            wait_until(lambda: '"pruned"' in server.output, 10, "the log line")
            assert count_old(store, newest) == seeded.plan.streams
            runs = remote.ok("GET", "jobs/job-0/runs?tenantId=tenant-0")["items"]
            assert [run["outcome"] for run in runs] == ["ok"] * len(runs)


def pruned(remote: Remote) -> float:
    root = str(remote.client.base_url).removesuffix("/api/v1/")
    text = remote.client.get(f"{root}/metrics").text
    lines = [line for line in text.splitlines() if line.startswith('tocsin_pruned_rows_total{reason="run_expired"}')]
    return float(lines[0].rpartition(" ")[2]) if lines else 0
