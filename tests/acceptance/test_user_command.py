"""`tocsin user`: an operator lets somebody in again, while the server runs."""

import os
import re
import subprocess
import sys

import pytest

from tests.acceptance.conftest import Home
from tests.support.server import Server

pytestmark = pytest.mark.acceptance

EMAIL, PASSWORD, NEW = "anna@example.com", "correct horse battery staple", "a wholly different sentence"


def _tocsin(home: Home, *arguments: str) -> "subprocess.CompletedProcess[str]":
    settings = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
    settings |= {"TOCSIN_DATA_DIR": str(home.folder), "TOCSIN_DATABASE_URL": home.database_url}
    command = [sys.executable, "-m", "tocsin", "user", *arguments]
    return subprocess.run(command, env=settings, capture_output=True, text=True, timeout=60, check=False)


def _log_in(server: Server, password: str) -> int:
    return server.client().post("auth/login", json={"email": EMAIL, "password": password}).status_code


def _second_workspace(server: Server, name: str) -> str:
    login = server.client().post("auth/login", json={"email": EMAIL, "password": PASSWORD}).json()["data"]
    bearer = {"Authorization": f"Bearer {login['token']}", "X-Api-Key": ""}
    made = server.client().post("workspaces", json={"name": name}, headers=bearer).json()
    return str(made["data"]["workspace"]["id"])


def test_an_operator_lets_somebody_in_again(home: Home) -> None:
    with home.serving(registration="open") as server:
        server.client().post("auth/register", json={"email": EMAIL, "password": PASSWORD})
        assert _tocsin(home, "list").stdout == f"{EMAIL}  in no workspace  (password alone)\n"
        assert _tocsin(home, "make-owner", EMAIL).stdout == f"{EMAIL} is an owner of My workspace.\n"
        second = _second_workspace(server, "Red\x1b[31m")
        several = _tocsin(home, "make-owner", EMAIL)
        assert f"{second} (Red?[31m)" in several.stderr
        assert "--workspace ID" in several.stderr
        assert "owner of My workspace" in _tocsin(home, "list").stdout
        assert "is off" in _tocsin(home, "disable-2fa", EMAIL).stdout

        link = re.search(r"/password#(\S+)", _tocsin(home, "reset-password", EMAIL).stdout)
        assert link is not None
        setting = {"token": link[1], "password": NEW}
        assert server.client().post("auth/password/reset/confirm", json=setting).status_code == 200
        assert (_log_in(server, PASSWORD), _log_in(server, NEW)) == (401, 200)

        unknown = _tocsin(home, "reset-password", "nobody@example.com")
        assert (unknown.returncode, "There is no user" in unknown.stderr) == (1, True)
        entries = server.client().get("audit").json()["data"]["items"]
        assert [(entry["actor"]["kind"], entry["action"]) for entry in entries] == [
            ("user", "set_password_by_link"),
            ("operator", "reset_password"),
            ("operator", "disable_second_factor"),
            ("user", "create_workspace"),
            ("operator", "make_owner"),
        ]


def test_the_pages_behind_the_links_are_there(home: Home) -> None:
    with home.serving() as server:
        for path in ("password", "invitation"):
            answer = server.client().get(f"{server.url}/{path}")
            assert answer.status_code == 200
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
