"""`tocsin backup` beside a server that takes pings, `tocsin restore`, and both killed in the middle."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.acceptance.conftest import Home
from tests.acceptance.test_away import due_before, let_pass
from tests.support.bell import Bell
from tests.support.remote import Remote
from tests.support.server import Server
from tests.support.waiting import wait_until
from tocsin.clock import SystemClock
from tocsin.domain.model import SECOND

pytestmark = pytest.mark.acceptance

TENANTS = [f"tenant-{n}" for n in range(50)]


def tocsin(home: Home, *arguments: str) -> "subprocess.Popen[str]":
    settings = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
    settings |= {"TOCSIN_DATA_DIR": str(home.folder), "TOCSIN_DATABASE_URL": home.database_url}
    command = [sys.executable, "-m", "tocsin", *arguments]
    return subprocess.Popen(command, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def said(home: Home, *arguments: str, code: int = 0) -> str:
    running = tocsin(home, *arguments)
    output, _ = running.communicate(timeout=60)
    assert running.returncode == code, output
    return output


@contextmanager
def pinging(server: Server, api_key: str) -> Iterator[list[str]]:
    """Pings one after the other meanwhile; the run ids of those that were acknowledged."""
    acknowledged: list[str] = []
    is_over = threading.Event()

    def ping() -> None:
        remote = Remote(server, api_key)
        while not is_over.is_set():
            name = f"run-{len(acknowledged)}"
            remote.ping("regular", TENANTS[len(acknowledged) % len(TENANTS)], runId=name)
            acknowledged.append(name)

    thread = threading.Thread(target=ping)
    thread.start()
    try:
        yield acknowledged
    finally:
        is_over.set()
        thread.join()


def test_back_from_a_backup_that_was_taken_under_load(home: Home, the_bell: Bell, tmp_path: Path) -> None:
    file = tmp_path / "tocsin.backup"
    with home.serving() as server:
        remote = Remote(server)
        remote.ok("PUT", "workspaces/me/channels/webhook", the_bell.webhook)
        for tenant in TENANTS:
            remote.tenant(tenant)
        remote.job("regular", 3000, grace=60)
        with pinging(server, server.api_key) as acknowledged:
            wait_until(lambda: len(acknowledged) >= len(TENANTS), 30, "everybody to be heard")
            before = list(acknowledged)
            assert "and it is sound" in said(home, "backup", str(file))
            assert "exists already" in said(home, "backup", str(file), code=1)
        assert server.stop() == 0
    was = home.folder / "secret.key"
    killed_in_the_middle(home, file)
    with home.serving() as server:  # killed or not, what is there is whole
        assert Remote(server, remote.api_key).ok("GET", "jobs")["total"] == 1
        assert server.stop() == 0
    assert "in use already" in said(home, "restore", str(file), code=1)
    kept = shutil.copy(was, tmp_path / "kept.key")
    was.unlink()
    assert "There is no secret key file" in said(home, "restore", str(file), "--force", code=1)
    was.write_text("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU=\n")
    assert "not the one this backup's secrets are sealed with" in said(home, "restore", str(file), "--force", code=1)
    shutil.copy(kept, was)
    assert "are as they were at" in said(home, "restore", str(file), "--force")
    with home.store() as store:
        let_pass(store, 7200 * SECOND)
    back_at = SystemClock().now()
    with home.serving() as server, home.store() as store:
        remote = Remote(server, remote.api_key)
        wait_until(lambda: not due_before(store, back_at), 10, "all to be judged that was due meanwhile")
        found = remote.ok("GET", "jobs/regular/runs?outcome=ok&pageSize=100")
        assert found["total"] >= len(before)
        assert {run["runId"] for run in found["items"]} <= set(acknowledged) | {f"run-{len(acknowledged)}"}
        assert {run["outcome"] for run in remote.ok("GET", "jobs/regular/runs")["items"]} == {"unknown"}
        assert remote.ok("GET", "incidents?status=all")["total"] == 0
        assert remote.ok("POST", "workspaces/me/channels/webhook/test")["delivered"] is True
        remote.ping("regular", TENANTS[0], runId="news")
    assert [ring.kind for ring in the_bell.rings] == ["test"]


def killed_in_the_middle(home: Home, file: Path) -> None:
    """However far they came: the backup's name stands for a whole file or for none, the database is as it was."""
    other = file.with_name("other.backup")
    for pause in (0.3, 0.6, 0.9, 1.2):
        for arguments in (("backup", str(other)), ("restore", str(file), "--force")):
            running = tocsin(home, *arguments)
            time.sleep(pause)
            running.kill()
            running.communicate()
        if other.exists():
            other.unlink()
