"""A client of Healthchecks as a process of its own: the address of the check is all that it is told."""

import sys

import pytest

from tests.clients.conftest import PROGRAMS, Place

pytestmark = pytest.mark.acceptance

PROGRAM = str(PROGRAMS / "healthchecks_python.py")


def _job(place: Place) -> str:
    """The URL of a job's check."""
    job = {"jobKey": "orders", "name": "Orders", "schedule": {"type": "none"}}
    return str(place.remote.ok("POST", "jobs", job)["healthchecksUrl"])


def test_a_decorated_function_reports_its_start_its_end_and_what_it_returned(place: Place) -> None:
    done = place.run(sys.executable, PROGRAM, "4", HEALTHCHECK_URL=_job(place))
    assert done.returncode == 0, done.stderr
    [run] = place.runs("orders")
    assert (run["outcome"], run["message"]) == ("ok", "orders=250&skipped=3")
    assert run["startedAt"] is not None
    assert run["durationMs"] is not None


def test_one_that_fails_is_reported_as_a_failure(place: Place) -> None:
    done = place.run(sys.executable, PROGRAM, "0", HEALTHCHECK_URL=_job(place))
    assert (done.returncode, "ZeroDivisionError" in done.stderr) == (1, True)
    assert [(run["outcome"], run["startedAt"] is not None) for run in place.runs("orders")] == [("error", True)]
    [incident] = place.remote.incidents("orders")
    assert incident["status"] == "Open"


def test_it_may_ping_by_slug(place: Place) -> None:
    _job(place)
    key = place.remote.ok("GET", "workspaces/me")["pingKey"]
    done = place.run(sys.executable, PROGRAM, "2", HEALTHCHECK_URL=f"{place.server.url}/ping/{key}/orders")
    assert done.returncode == 0, done.stderr
    assert place.told("orders") == [("production", "ok")]
