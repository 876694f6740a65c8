"""`tocsin crontab` as its user meets it, with a server, and with a `crontab` command of our own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.execution import NOWHERE, environment
from tests.support.server import Server, serving

pytestmark = pytest.mark.acceptance

TEXT = "# mine\n@reboot /opt/warm-up.sh\n@reboot /opt/known.sh 'a  b'\n61 * * * * /opt/never.sh\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path / "data") as one:
        known = {"jobKey": "known", "name": "Known", "expectedIntervalSeconds": 60}
        assert one.client().post("jobs", json=known).status_code == 201
        yield one


@pytest.fixture
def env(tmp_path: Path, server: Server) -> dict[str, str]:
    (tmp_path / "key").write_text(server.api_key)
    folder = tmp_path / "bin"
    folder.mkdir()
    held = tmp_path / "held"
    held.write_text(TEXT)
    (folder / "crontab").write_text(f'#!/bin/sh\nif [ "$1" = -l ]; then cat {held}; else cat > {held}; fi\n')
    (folder / "crontab").chmod(0o755)
    variables = environment(tmp_path, url=server.url, api_key_file=str(tmp_path / "key"))
    return {**variables, "PATH": f"{folder}:{os.environ['PATH']}", "XDG_STATE_HOME": str(tmp_path / "state")}


def _crontab(env: dict[str, str], *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tocsin", "crontab", "--program", "/opt/tocsin", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False, **more)  # type: ignore[call-overload,no-any-return]


def test_without_write_it_only_tells(env: dict[str, str], server: Server, tmp_path: Path) -> None:
    told = _crontab(env)
    assert told.returncode == 0
    assert "@reboot /opt/tocsin exec --job warm-up -- /opt/warm-up.sh\n" in told.stdout
    assert [line.split()[:2] for line in told.stderr.splitlines()][:2] == [["@reboot", "warm-up"], ["@reboot", "known"]]
    assert server.client().get("jobs").json()["data"]["total"] == 1
    assert (tmp_path / "held").read_text() == TEXT


def test_write_registers_and_wraps_what_the_server_knows(env: dict[str, str], server: Server, tmp_path: Path) -> None:
    done = _crontab(env, "--write")
    assert done.returncode == 0, done.stderr
    assert "warm-up: registered\n" in done.stderr
    assert "known: exists already, left alone\n" in done.stderr
    assert "never: not registered: " in done.stderr
    held = (tmp_path / "held").read_text()
    assert held == (
        f"TOCSIN_URL={server.url}\nTOCSIN_API_KEY_FILE={tmp_path / 'key'}\n# mine\n"
        "@reboot /opt/tocsin exec --job warm-up -- /opt/warm-up.sh\n"
        "@reboot /opt/tocsin exec --job known -- /bin/sh -c '/opt/known.sh '\\''a  b'\\'''\n"
        "61 * * * * /opt/never.sh\n"
    )
    (backup,) = (tmp_path / "state" / "tocsin").glob("crontab-*")
    assert backup.read_text() == TEXT
    jobs = {job["jobKey"]: job for job in server.client().get("jobs").json()["data"]["items"]}
    assert set(jobs) == {"known", "warm-up"}
    assert jobs["warm-up"]["failureThreshold"] == 1
    assert jobs["known"]["expectedIntervalSeconds"] == 60
    again = _crontab(env, "--write")
    assert "Nothing is to be changed." in again.stderr
    assert (tmp_path / "held").read_text() == held


def test_a_system_file_is_replaced_in_place(env: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "cron.d"
    file.write_text("@reboot root /opt/start.sh\n")
    assert _crontab(env, "--write", "--system", str(file)).returncode == 0
    assert file.read_text().endswith("@reboot root /opt/tocsin exec --job start -- /opt/start.sh\n")


def test_in_a_pipe_nothing_gets_lost_whatever_happens(env: dict[str, str]) -> None:
    for broken in ({"TOCSIN_URL": NOWHERE}, {"TOCSIN_URL": "nonsense"}, {"TOCSIN_API_KEY_FILE": "/no/such/file"}):
        assert _crontab({**env, **broken}, "--write", "-", input=TEXT).stdout == TEXT


def test_it_says_what_cron_has_to_be_told(env: dict[str, str], server: Server) -> None:
    del env["TOCSIN_API_KEY_FILE"]
    assert "TOCSIN_API_KEY_FILE=" in _crontab({**env, "TOCSIN_API_KEY": server.api_key}).stderr


def test_a_file_that_is_not_there_is_said(env: dict[str, str]) -> None:
    ended = _crontab(env, "/no/such/crontab")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "cannot be read" in ended.stderr
