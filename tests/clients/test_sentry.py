"""Sentry's own clients, unmodified, against a server they take for Sentry."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.clients.conftest import PROGRAMS, Place
from tests.support.waiting import wait_until

pytestmark = pytest.mark.acceptance


def test_the_python_sdk(place: Place) -> None:
    done = place.run(sys.executable, str(PROGRAMS / "sentry_python.py"))
    assert done.returncode == 0, done.stderr

    job = place.job("decorated")
    assert job["schedule"] == {"type": "crontab", "value": "*/5 * * * *", "timezone": "Europe/Vienna"}
    assert (job["gracePeriodSeconds"], job["maxRuntimeSeconds"]) == (300, 600)
    assert (job["failureThreshold"], job["consecutiveMissThreshold"], job["recoveryThreshold"]) == (2, 2, 3)
    [run] = place.runs("decorated")
    assert (run["outcome"], run["environment"], run["release"], run["host"]) == (
        "ok",
        "staging",
        "app@1.2.3",
        "job-host",
    )
    assert 100 <= run["durationMs"] < 5_000

    assert place.job("context-manager")["schedule"] == {"type": "crontab", "value": "@daily", "timezone": "UTC"}
    assert place.told("context-manager") == [("staging", "error")]

    assert place.job("manual")["schedule"] == {
        "type": "calendar",
        "value": 2,
        "unit": "hour",
        "timezone": "America/New_York",
    }
    going, finished = place.runs("manual")
    assert (going["outcome"], finished["outcome"], finished["durationMs"]) == ("in_progress", "ok", 12_500)

    [rejection] = place.rejections()
    assert (rejection["reason"], rejection["jobKey"], rejection["count"]) == ("unknown_job", "nobody-knows", 1)


@contextmanager
def _celery(place: Place, folder: Path) -> Iterator[None]:
    """A worker with its beat, in a process group of its own."""
    command = [
        "celery",
        "-A",
        "celery_app",
        "worker",
        "--beat",
        "--pool=solo",
        "-s",
        str(folder / "beat"),
        "-l",
        "info",
    ]
    variables = place.environment({"BROKER_FOLDER": str(folder), "PYTHONPATH": str(PROGRAMS)})
    with (folder / "log").open("w") as log:
        running = subprocess.Popen(
            command, env=variables, cwd=folder, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield
    except AssertionError as failed:
        failed.add_note((folder / "log").read_text())
        raise
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()


def test_celery_beat(place: Place, tmp_path: Path) -> None:
    folder = tmp_path / "celery"
    folder.mkdir()

    def finished() -> bool:
        keys = {job["jobKey"] for job in place.remote.ok("GET", "jobs")["items"]}
        return keys == {"tidy-up", "fails-always"} and all(
            outcome != "in_progress" for key in keys for _, outcome in place.told(key)
        )

    with _celery(place, folder):
        wait_until(finished, 45, "both tasks to be reported", every=0.2)
    assert place.told("tidy-up") == [("celery", "ok")]
    assert place.told("fails-always") == [("celery", "error")]
    assert place.job("tidy-up")["schedule"] == {
        "type": "calendar",
        "value": 2,
        "unit": "minute",
        "timezone": "Europe/Vienna",
    }
    assert place.job("fails-always")["schedule"] == {
        "type": "crontab",
        "value": "*/10 * * * *",
        "timezone": "Europe/Vienna",
    }


@pytest.fixture(scope="module")
def node_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Node.js program with the packages that its lock file names."""
    folder = tmp_path_factory.mktemp("node")
    for name in ("package.json", "package-lock.json", "sentry_node.mjs"):
        shutil.copy(PROGRAMS / name, folder)
    install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(install, cwd=folder, check=True, capture_output=True, text=True, timeout=300)
    return folder


def test_the_node_sdk(place: Place, node_folder: Path) -> None:
    done = place.run("node", "sentry_node.mjs", cwd=node_folder)
    assert done.returncode == 0, done.stderr

    job = place.job("with-monitor")
    assert job["schedule"] == {"type": "crontab", "value": "*/5 * * * *", "timezone": "America/Los_Angeles"}
    assert (job["gracePeriodSeconds"], job["maxRuntimeSeconds"]) == (120, 600)
    assert (job["failureThreshold"], job["recoveryThreshold"]) == (2, 3)
    manual, monitored = sorted(place.runs("with-monitor"), key=lambda run: str(run["outcome"]))
    assert (monitored["outcome"], monitored["environment"], monitored["release"]) == ("ok", "staging", "web@7")
    assert 95 <= monitored["durationMs"] < 5_000
    assert (manual["outcome"], manual["durationMs"]) == ("error", 3_500)

    assert place.told("fails") == [("staging", "error")]
    assert place.job("fails")["schedule"] == {"type": "calendar", "value": 1, "unit": "month", "timezone": "UTC"}
    assert place.rejections() == []


@pytest.mark.parametrize(("command", "code", "outcome"), [("true", 0, "ok"), ("exit 7", 7, "error")])
def test_sentry_cli(place: Place, command: str, code: int, outcome: str) -> None:
    options = [
        "--schedule",
        "0 3 * * *",
        "--timezone",
        "Asia/Kathmandu",
        "--check-in-margin",
        "7",
        "--max-runtime",
        "9",
    ]
    done = place.run("sentry-cli", "monitors", "run", "-e", "prod", *options, "Cli Job", "--", "sh", "-c", command)
    assert done.returncode == code, done.stderr
    assert place.told("cli-job") == [("prod", outcome)]
    job = place.job("cli-job")
    assert job["schedule"] == {"type": "crontab", "value": "0 3 * * *", "timezone": "Asia/Kathmandu"}
    assert (job["gracePeriodSeconds"], job["maxRuntimeSeconds"]) == (420, 540)
    assert place.rejections() == []


def test_sentry_cli_lets_the_job_go_where_its_check_in_is_dropped(place: Place) -> None:
    done = place.run("sentry-cli", "monitors", "run", "nobody-knows", "--", "sh", "-c", "echo ran; exit 3")
    assert (done.returncode, done.stdout) == (3, "ran\n")
    assert [one["reason"] for one in place.rejections()] == ["unknown_job"]
    assert place.rejections()[0]["count"] == 2
