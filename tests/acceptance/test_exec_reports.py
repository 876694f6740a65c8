"""What the server knows of commands that ran under `tocsin exec`, whatever it was doing at the time."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.execution import NOWHERE, arguments, environment, execute
from tests.support.server import Server, serving
from tests.support.waiting import wait_until
from tocsin.clock import stopwatch
from tocsin.wire_time import parse_iso

pytestmark = pytest.mark.acceptance

JOB = {"jobKey": "nightly", "name": "Nightly", "schedule": {"type": "none"}}
SECOND = 1_000_000
#: "A few seconds": what a server may cost the end of a command, on a busy machine.
FEW = 6 * SECOND


def _prepare(client: httpx2.Client) -> None:
    assert client.post("jobs", json=JOB).status_code == 201
    assert client.post("tenants", json={"externalId": "acme", "name": "Acme"}).status_code == 201


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path / "data") as one:
        _prepare(one.client())
        yield one


@pytest.fixture
def env(tmp_path: Path, server: Server) -> dict[str, str]:
    return environment(tmp_path, job="nightly", tenant="acme", api_key=server.api_key, url=server.url)


def _runs(server: Server) -> list[dict[str, Any]]:
    answer = server.client().get("jobs/nightly/runs?pageSize=100").json()
    assert answer["data"]["total"] == len(answer["data"]["items"])
    return list(answer["data"]["items"])


def _waiting(env: dict[str, str]) -> list[Path]:
    return sorted(Path(env["TOCSIN_SPOOL"]).glob("*/*.json"))


def _spool(env: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tocsin", "spool", *options],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_success_is_one_run_with_all_that_is_known(server: Server, env: dict[str, str]) -> None:
    ended = execute(env, "sh", "-c", "echo working; sleep 0.3; echo done", options=("--environment", "staging"))
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"working\ndone\n", b"")
    (run,) = _runs(server)
    assert (run["outcome"], run["exitCode"], run["message"]) == ("ok", 0, "working\ndone\n")
    assert (run["tenantId"], run["environment"]) == ("acme", "staging")
    assert 300 <= run["durationMs"] < 5_000
    assert parse_iso(run["finishedAt"]) - parse_iso(run["startedAt"]) >= 0.3 * SECOND


def test_a_failure_and_a_signal_are_told(server: Server, env: dict[str, str]) -> None:
    assert execute(env, "sh", "-c", "echo no >&2; exit 3").returncode == 3
    assert execute(env, "sh", "-c", "echo bye; kill -TERM $$").returncode == 143
    assert execute(env, "no-such-command").returncode == 127
    told = {run["exitCode"]: run for run in _runs(server)}
    assert {run["outcome"] for run in told.values()} == {"error"}
    assert told[3]["message"] == "no\n"
    assert told[143]["message"] == "bye\n[tocsin] killed by SIGTERM"
    assert "command not found" in told[127]["message"]


def test_the_end_of_a_huge_binary_output_is_kept(server: Server, env: dict[str, str]) -> None:
    ended = execute(env, "sh", "-c", "head -c 3000000 /dev/urandom; printf 'the \\000 end'")
    assert len(ended.stdout) == 3_000_000 + len("the . end")
    (run,) = _runs(server)
    assert run["message"].endswith("the \N{REPLACEMENT CHARACTER} end")
    assert len(run["message"].encode()) <= 10 * 1024


def test_a_run_is_in_progress_while_it_runs(server: Server, env: dict[str, str]) -> None:
    running = subprocess.Popen(arguments("cat"), env=env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    (run,) = wait_until(lambda: _runs(server), 20, "the start")
    assert run["outcome"] == "in_progress"
    running.communicate(b"")
    assert [(one["id"], one["outcome"]) for one in _runs(server)] == [(run["id"], "ok")]


@pytest.mark.parametrize(
    "url", [NOWHERE, "http://no-such-host.invalid", "https://127.0.0.1:9", "nonsense", "http://[::"]
)
def test_no_server_costs_nothing_but_a_line(env: dict[str, str], url: str) -> None:
    watch = stopwatch()
    ended = execute({**env, "TOCSIN_URL": url}, "sh", "-c", "echo x; exit 3")
    assert (ended.returncode, ended.stdout) == (3, b"x\n")
    assert ended.stderr.startswith(b"tocsin: ")
    assert env["TOCSIN_API_KEY"].encode() not in ended.stderr
    assert watch() < FEW


def test_what_waited_appears_once_and_when_it_really_was(tmp_path: Path, env: dict[str, str], server: Server) -> None:
    down = {**env, "TOCSIN_URL": server.url}
    server.stop()
    assert execute(down, "sh", "-c", "exit 3").returncode == 3
    assert execute(down, "true").returncode == 0
    moments = [int(path.name.partition("-")[0]) for path in _waiting(env)]
    assert len(moments) == 4
    port = server.url.rpartition(":")[2]
    with serving(tmp_path / "data", port=port) as again:
        again.api_key = server.api_key
        assert execute(env, "true").returncode == 0
        runs = sorted(_runs(again), key=lambda run: str(run["startedAt"]))
        assert [run["outcome"] for run in runs] == ["error", "ok", "ok"]
        told = [parse_iso(run[field]) for run in runs for field in ("startedAt", "finishedAt")]
        assert told[:4] == moments
        assert _waiting(env) == []


def test_spool_send_delivers_and_says_what_waits(tmp_path: Path, env: dict[str, str], server: Server) -> None:
    assert execute({**env, "TOCSIN_API_KEY": "sg_wrong"}, "true").returncode == 0
    assert f"2 for {server.url}" in _spool(env, "list").stdout
    refused = _spool({**env, "TOCSIN_API_KEY": "sg_wrong"}, "send")
    assert refused.returncode == 1
    assert "401" in refused.stderr
    assert _spool(env, "send").stdout == "0 delivered, 0 dropped.\n"
    assert _spool(env, "send", "--any-key").stdout == "2 delivered, 0 dropped.\n"
    assert [run["outcome"] for run in _runs(server)] == ["ok"]
    assert _spool(env, "list").stdout == "Nothing waits.\n"


def test_a_server_that_hangs_delays_neither_start_nor_end(env: dict[str, str], server: Server) -> None:
    server.pause()
    try:
        watch = stopwatch()
        running = subprocess.Popen(arguments("echo", "begun"), env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert running.stdout
        assert running.stdout.readline() == b"begun\n"
        assert watch() < 2 * SECOND
        _, error = running.communicate(timeout=30)
        assert running.returncode == 0
        assert watch() < FEW
        assert b"waits in" in error
    finally:
        server.resume()
    assert _spool(env, "send").returncode == 0
    assert [run["outcome"] for run in _runs(server)] == ["ok"]


def test_a_server_that_never_speaks_http_delays_nothing(env: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        watch = stopwatch()
        assert execute({**env, "TOCSIN_URL": f"http://127.0.0.1:{mute.getsockname()[1]}"}, "true").returncode == 0
    assert watch() < FEW


def test_a_wrong_key_is_said_and_the_reports_wait(env: dict[str, str]) -> None:
    ended = execute({**env, "TOCSIN_API_KEY": "sg_" + "0" * 48}, "sh", "-c", "exit 3")
    assert ended.returncode == 3
    assert b"answered 401" in ended.stderr
    assert len(_waiting(env)) == 2


def test_an_unknown_job_is_said_and_not_tried_again(env: dict[str, str]) -> None:
    ended = execute(env, "true", options=("--job", "nobody-knows"))
    assert ended.returncode == 0
    assert b"was refused: Job not found." in ended.stderr
    assert _waiting(env) == []


def test_a_spool_that_cannot_be_written_costs_a_line(env: dict[str, str], server: Server) -> None:
    unwritable = {**env, "TOCSIN_SPOOL": "/proc/no-such-folder"}
    assert execute(unwritable, "true").stderr == b""
    assert len(_runs(server)) == 1
    ended = execute({**unwritable, "TOCSIN_URL": NOWHERE}, "sh", "-c", "exit 3")
    assert ended.returncode == 3
    assert b"is lost, as the spool cannot be used" in ended.stderr


def test_the_key_may_come_from_a_file(tmp_path: Path, env: dict[str, str], server: Server) -> None:
    file = tmp_path / "key"
    file.write_text(f"{env.pop('TOCSIN_API_KEY')}\n")
    assert execute(env, "true", options=("--api-key-file", str(file))).stderr == b""
    assert len(_runs(server)) == 1
    assert b"cannot be read" in execute(env, "true", options=("--api-key-file", str(tmp_path / "none"))).stderr


def test_a_machine_with_a_wrong_clock_is_heard(env: dict[str, str], server: Server) -> None:
    """The clock itself cannot be set here: a wrapper lies to the client alone."""
    program = (
        "import sys; from tocsin.client.execute import run; from tocsin.client.arguments import parse\n"
        "from tocsin.clock import SystemClock\n"
        "import os; clock = SystemClock(); clock.offset = 3600_000_000\n"
        "sys.exit(run(parse(['--', 'true'], os.environ), clock))"
    )
    ended = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, timeout=30, check=False)
    assert ended.returncode == 0
    assert ended.stderr == b"tocsin: this machine's clock is wrong: the server's time was taken instead\n"
    assert [run["outcome"] for run in _runs(server)] == ["ok"]


def test_a_hundred_at_once_and_each_is_one_run(env: dict[str, str], server: Server) -> None:
    down = {**env, "TOCSIN_URL": server.url}
    server.pause()
    try:
        with ThreadPoolExecutor(20) as pool:
            first = list(pool.map(lambda _: execute(down, "true", options=("--quiet", "--wait", "0")), range(50)))
    finally:
        server.resume()
    with ThreadPoolExecutor(20) as pool:
        second = list(pool.map(lambda _: execute(env, "true", options=("--quiet",)), range(50)))
    assert {ended.returncode for ended in first + second} == {0}
    assert _spool(env, "send").returncode == 0
    assert _waiting(env) == []
    runs = _runs(server)
    assert len(runs) == 100
    assert {run["outcome"] for run in runs} == {"ok"}


def test_what_was_killed_in_the_middle_of_reporting_is_not_lost(env: dict[str, str], server: Server) -> None:
    server.pause()
    try:
        running = subprocess.Popen(arguments("true", options=("--wait", "30")), env=env, stderr=subprocess.DEVNULL)
        wait_until(lambda: len(_waiting(env)) == 2, 20, "both reports")
        running.send_signal(signal.SIGKILL)
        running.wait(20)
    finally:
        server.resume()
    assert _spool(env, "send").returncode == 0
    assert [run["outcome"] for run in _runs(server)] == ["ok"]


def test_a_full_disk_under_the_spool_costs_a_line(env: dict[str, str], server: Server) -> None:
    line = " ".join(f"'{part}'" for part in arguments("sh", "-c", "exit 3"))
    full = ["sh", "-c", f"ulimit -f 0; {line}"]
    assert subprocess.run(full, env=env, capture_output=True, timeout=30, check=False).stderr == b""
    assert len(_runs(server)) == 1
    down = {**env, "TOCSIN_URL": NOWHERE}
    ended = subprocess.run(full, env=down, capture_output=True, timeout=30, check=False)
    assert ended.returncode == 3
    assert b"is lost, as the spool cannot be used" in ended.stderr
    assert _waiting(env) == []
    assert execute(down, "true").returncode == 0
    assert f"2 for {NOWHERE}" in _spool(env, "list").stdout
