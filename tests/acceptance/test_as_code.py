"""`tocsin export` and `tocsin apply` as a repository's pipeline runs them; killed in the middle, too."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.remote import Remote
from tests.support.server import Server, serving

pytestmark = pytest.mark.acceptance

JOBS = 150
_NOTHING: Mapping[str, str] = {}


def tocsin(
    server: Server, *arguments: str, text: str = "", environ: Mapping[str, str] = _NOTHING
) -> "subprocess.Popen[str]":
    settings = {name: value for name, value in os.environ.items() if not name.startswith(("TOCSIN_", "SYNCGUARD_"))}
    settings |= {"TOCSIN_URL": server.url, "SYNCGUARD_API_KEY": server.api_key, **environ}
    command = [sys.executable, "-m", "tocsin", *arguments]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    running = subprocess.Popen(command, env=settings, text=True, **pipes)  # type: ignore[call-overload]
    assert running.stdin is not None
    running.stdin.write(text)
    return running  # type: ignore[no-any-return]


def said(server: Server, *arguments: str, code: int = 0, text: str = "", environ: Mapping[str, str] = _NOTHING) -> str:
    running = tocsin(server, *arguments, text=text, environ=environ)
    output, _ = running.communicate(timeout=120)
    assert running.returncode == code, output
    return output


def test_a_repository_holds_the_monitoring(tmp_path: Path) -> None:
    file = tmp_path / "team.yaml"
    jobs = "".join(f"- {{jobKey: job-{n}, name: Job {n}, expectedIntervalSeconds: 60}}\n" for n in range(JOBS))
    slack = "channels:\n- provider: slack\n  config:\n    webhookUrl: ${SLACK_URL}\n"
    file.write_text(f"tocsin: 1\njobs:\n{jobs}{slack}")
    secret = {"SLACK_URL": "https://127.0.0.1/services/0123456789abcdef"}
    with serving(tmp_path / "data", allow_destinations="127.0.0.0/8") as server:
        remote = Remote(server)
        assert "set SLACK_URL: the channel is new" in said(server, "apply", str(file), code=1)
        dry = said(server, "apply", "--dry-run", str(file), environ=secret)
        assert f"{JOBS + 1} to make, 0 to change, 0 to remove." in dry
        assert remote.ok("GET", "jobs")["total"] == 0, "a dry run and a refused one send nothing"
        running = tocsin(server, "apply", str(file), environ=secret)
        while remote.ok("GET", "jobs")["total"] < 5:
            time.sleep(0.02)
        running.kill()
        running.communicate()
        assert "made channel slack/default" in said(server, "apply", str(file), environ=secret)
        assert said(server, "apply", str(file)) == "Nothing to do.\n"
        assert remote.ok("GET", "jobs")["total"] == JOBS
        exported = said(server, "export")
        assert "0123456789abcdef" not in exported
        assert said(server, "apply", "-", text=exported) == "Nothing to do.\n"
        less = said(server, "apply", "--prune", "-", text="tocsin: 1\njobs: []\n")
        assert f"0 to make, 0 to change, {JOBS} to remove." in less
        assert "team.yaml" not in less
        wrong = said(server, "apply", "-", code=1, text="tocsin: 1\njobs: [{jobKey: a}]\n")
        assert wrong == "-: jobs[0].name is required.\n"
        refused = said(server, "export", code=1, environ={"SYNCGUARD_API_KEY": "sg_" + "0" * 48})
        assert "key" in refused or "credential" in refused
        assert "could not be reached" in said(server, "export", code=1, environ={"TOCSIN_URL": "http://127.0.0.1:9"})
