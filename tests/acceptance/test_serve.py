"""`tocsin serve` as its operator meets it: started, looked at, stopped."""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from tests.support.databases import Postgres
from tests.support.server import serving

pytestmark = pytest.mark.acceptance


def _tocsin(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **{f"TOCSIN_{name.upper()}": value for name, value in variables.items()}}
    return subprocess.run(
        [sys.executable, "-m", "tocsin", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_the_first_start_tells_once_what_to_do(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        assert server.api_key
        assert f"{server.url}/claim#" in server.output
        assert server.output.count("curl -s") == 4
        assert server.client().get("workspaces/me").status_code == 200
    with serving(tmp_path) as server:
        assert server.api_key == ""
        assert "curl" not in server.output


def test_the_printed_commands_work_as_they_are(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        text = server.output.replace("\\\n", " ")
        commands = [line.strip() for line in text.splitlines() if line.strip().startswith("curl")]
        for command in commands:
            answer = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=30, check=True)
            assert json.loads(answer.stdout)["isSuccess"] is True, command


def test_the_claim_link_makes_an_owner_once(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        page, _, token = server.output.split("for a week): ")[1].split()[0].partition("#")
        shown = httpx2.get(page)
        assert shown.status_code == 200
        assert "script-src 'self'" in shown.headers["content-security-policy"]
        claim = {"email": "owner@example.com", "password": "correct horse battery staple", "claimToken": token}
        with server.client() as client:
            assert client.post("auth/register", json=claim).status_code == 201
            again = {**claim, "email": "thief@example.com"}
            assert client.post("auth/register", json=again).status_code == 403
            session = client.post("auth/login", json={"email": claim["email"], "password": claim["password"]})
            assert session.json()["data"]["workspace"]["name"] == "My workspace"


def test_health_and_metrics_answer(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        assert httpx2.get(f"{server.url}/healthz").status_code == 200
        assert httpx2.get(f"{server.url}/readyz").json() == {"status": "ready"}
        assert "tocsin_open_incidents 0.0" in httpx2.get(f"{server.url}/metrics").text


def test_sigterm_ends_it_in_order(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        assert server.stop() == 0
    assert '"level": "error"' not in server.output


def test_a_second_process_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path):
        second = _tocsin("serve", "--port", "0", "--data-dir", str(tmp_path))
    assert second.returncode == 1
    assert "Another Tocsin already serves" in second.stderr


def test_a_taken_port_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with serving(tmp_path / "first") as server:
        port = server.url.rpartition(":")[2]
        second = _tocsin("serve", "--port", port, "--data-dir", str(tmp_path / "second"))
    assert second.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{port}" in second.stderr


def test_another_key_on_the_same_database_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path):
        pass
    other = _tocsin("serve", "--port", "0", data_dir=str(tmp_path), secret_key_file=str(tmp_path / "other.key"))
    assert other.returncode == 1
    assert "The secret key of this node is not the one" in other.stderr


@pytest.mark.postgresql
def test_an_api_node_and_a_worker_share_a_database(tmp_path: Path, postgres: Postgres) -> None:
    with (
        postgres.database(empty=True) as url,
        serving(tmp_path, "--role", "api", database_url=url) as api,
        serving(tmp_path, "--role", "worker", database_url=url) as worker,
    ):
        assert api.client().get("workspaces/me").status_code == 200
        assert httpx2.get(f"{worker.url}/readyz").status_code == 200
        assert httpx2.get(f"{worker.url}/api/v1/jobs").status_code == 404


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    wrong = _tocsin("serve", port="many", data_dir=str(tmp_path))
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("TOCSIN_PORT: ")


def test_settings_lists_them_without_secrets() -> None:
    listed = _tocsin("settings", metrics_token="open-sesame", database_url="postgresql://me:hunter2@db/tocsin")
    assert listed.returncode == 0
    assert "TOCSIN_HEARTBEAT_URL" in listed.stdout
    assert not {"sesame", "hunter2"} & set(listed.stdout.replace("-", " ").replace(":", " ").replace("@", " ").split())


def test_version_and_migrate(tmp_path: Path) -> None:
    assert _tocsin("--version").stdout.startswith("tocsin ")
    assert "The database is at revision" in _tocsin("migrate", "--data-dir", str(tmp_path)).stdout


def test_the_demo_has_an_incident_within_a_minute(tmp_path: Path) -> None:
    with serving(tmp_path, command="demo") as server:
        server.wait_for(r"Daily Report: Open \(", seconds=60)
        assert server.stop() == 0
