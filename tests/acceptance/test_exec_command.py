"""`tocsin exec` and its command: as if nobody stood between. No server is needed, and none is there."""

import os
import pty
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.execution import NOWHERE, arguments, environment, execute
from tests.support.waiting import wait_until
from tocsin.clock import stopwatch

pytestmark = pytest.mark.acceptance

_PYTHON = sys.executable


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path, job="j", url=NOWHERE)  # without a key nothing is reported


@pytest.mark.parametrize("code", [0, 1, 42, 255])
def test_the_exit_code_is_the_commands(env: dict[str, str], code: int) -> None:
    assert execute(env, "sh", "-c", f"exit {code}").returncode == code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV])
def test_a_command_that_was_killed_gives_what_a_shell_gives(env: dict[str, str], number: int) -> None:
    assert execute(env, "sh", "-c", f"ulimit -c 0; kill -{number:d} $$").returncode == 128 + number


def test_a_command_that_is_not_there_gives_127(env: dict[str, str]) -> None:
    ended = execute(env, "no-such-command")
    assert ended.returncode == 127
    assert b"tocsin: no-such-command: command not found" in ended.stderr


def test_a_command_that_may_not_run_gives_126(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "script").write_text("#!/bin/sh\n")
    ended = execute(env, str(tmp_path / "script"))
    assert ended.returncode == 126
    assert b"Permission denied" in ended.stderr


def test_a_script_without_an_interpreter_is_the_shells(env: dict[str, str], tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("echo hello $1; exit 4\n")
    script.chmod(0o755)
    ended = execute(env, str(script), "world")
    assert (ended.returncode, ended.stdout) == (4, b"hello world\n")


@pytest.mark.parametrize("options", [(), ("--no-output",)])
def test_output_and_input_pass_unaltered(env: dict[str, str], options: tuple[str, ...]) -> None:
    data = bytes(range(256)) * 4096
    ended = execute(env, "sh", "-c", "tee /dev/stderr", options=("--quiet", *options), input=data, stdin=None)
    assert ended.stdout == data
    assert ended.stderr == data


def test_output_into_one_file_keeps_its_order(env: dict[str, str]) -> None:
    script = "i=0; while [ $i -lt 200 ]; do echo o$i; echo e$i >&2; i=$((i+1)); done"
    ended = execute(
        env,
        "sh",
        "-c",
        script,
        options=("--quiet",),
        capture_output=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert ended.stdout.split() == [f"{kind}{i}".encode() for i in range(200) for kind in "oe"]


def test_output_comes_at_once(env: dict[str, str]) -> None:
    running = subprocess.Popen(
        arguments("sh", "-c", "printf now; read line; printf then"),
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert running.stdin
    assert running.stdout
    assert os.read(running.stdout.fileno(), 100) == b"now"
    assert running.communicate(b"\n")[0] == b"then"


def test_a_hundred_megabytes_pass_without_filling_memory(env: dict[str, str]) -> None:
    script = "head -c 100000000 /dev/zero; grep VmHWM /proc/$PPID/status >&2"
    ended = execute(
        env,
        "sh",
        "-c",
        script,
        options=("--quiet",),
        capture_output=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert ended.returncode == 0
    assert int(ended.stderr.split()[1]) < 50_000  # KB, the interpreter with it


def test_a_reader_that_leaves_ends_the_command(env: dict[str, str]) -> None:
    line = " ".join(f"'{part}'" for part in arguments("yes", options=("--quiet",)))
    ended = subprocess.run(
        ["bash", "-c", f"{line} | head -1; exit ${{PIPESTATUS[0]}}"], env=env, timeout=30, check=False
    )
    assert ended.returncode == 128 + signal.SIGPIPE


def test_a_full_disk_under_the_output_does_not_end_the_command(env: dict[str, str]) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = execute(env, "sh", "-c", "echo x; echo x; exit 5", capture_output=False, stdout=full)
    assert ended.returncode == 5


def test_what_runs_on_in_the_background_keeps_its_output(env: dict[str, str]) -> None:
    watch = stopwatch()
    script = "(read go < go; echo late; echo late) & echo early"
    folder = Path(env["TOCSIN_SPOOL"]).parent
    os.mkfifo(folder / "go")
    running = subprocess.Popen(
        arguments("sh", "-c", script, options=("--quiet",)), env=env, cwd=folder, stdout=subprocess.PIPE
    )
    assert running.stdout
    assert running.wait(20) == 0
    assert watch() < 20_000_000
    (folder / "go").write_text("go\n")
    with running.stdout as output:
        assert output.read() == b"early\nlate\nlate\n"


_COUNT = r"""
import os, signal, sys
got = []
for name in ("TERM", "INT", "HUP", "QUIT", "USR1", "USR2"):
    signal.signal(getattr(signal, "SIG" + name), lambda n, _: got.append(signal.Signals(n).name))
print("ready", flush=True)
while len(got) < int(sys.argv[1]):
    signal.pause()
signal.setitimer(signal.ITIMER_REAL, 0.3)
signal.signal(signal.SIGALRM, lambda *_: (print(*got, flush=True), os._exit(9)))
while True:
    signal.pause()
"""


def _until(stream: int, word: bytes) -> bytes:
    seen = b""
    while word not in seen:
        assert select.select([stream], [], [], 20)[0], seen
        seen += os.read(stream, 1000)
    return seen


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP", "QUIT", "USR1", "USR2"])
@pytest.mark.parametrize("to_group", [False, True], ids=["one", "group"])
def test_a_signal_reaches_the_command_once(env: dict[str, str], name: str, to_group: bool) -> None:
    running = subprocess.Popen(
        arguments(_PYTHON, "-c", _COUNT, "1"), env=env, stdout=subprocess.PIPE, start_new_session=True
    )
    assert running.stdout
    _until(running.stdout.fileno(), b"ready")
    number = signal.Signals[f"SIG{name}"]
    (os.killpg if to_group else os.kill)(running.pid, number)
    with running.stdout as output:
        assert output.read().split() == [f"SIG{name}".encode()]
    assert running.wait(20) == 9


def test_who_stops_it_stops_all_of_it(env: dict[str, str]) -> None:
    running = subprocess.Popen(
        arguments("sh", "-c", "sleep 1000 | sleep 1000; echo survived"),
        env=env,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert running.stdout
    children = Path(f"/proc/{running.pid}/task/{running.pid}/children")
    shell = wait_until(lambda: children.read_text().strip(), 20, "the command")
    wait_until(lambda: len(Path(f"/proc/{shell}/task/{shell}/children").read_text().split()) == 2, 20, "both")
    running.send_signal(signal.SIGTERM)
    with running.stdout as output:
        assert output.read() == b""
    assert running.wait(20) == 128 + signal.SIGTERM


def test_what_was_ignored_stays_ignored(env: dict[str, str]) -> None:
    line = " ".join(f"'{part}'" for part in arguments("sh", "-c", "kill -HUP $$; echo lives"))
    ended = subprocess.run(["sh", "-c", f"trap '' HUP; {line}"], env=env, capture_output=True, timeout=30, check=False)
    assert (ended.returncode, ended.stdout) == (0, b"lives\n")


def test_a_limit_ends_the_command_as_timeout_does(env: dict[str, str]) -> None:
    ended = execute(env, "sleep", "1000", options=("--timeout", "0.2"))
    assert ended.returncode == 124
    assert b"ended after 0.2 s" in ended.stderr


def _in_terminal(env: dict[str, str], *command: str, options: tuple[str, ...] = ()) -> tuple[int, int]:
    """The pid, and the terminal's other side."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(_PYTHON, arguments(*command, options=options), env)
    return pid, terminal


def _end_of(pid: int, terminal: int) -> tuple[int, bytes]:
    seen = b""
    try:
        while select.select([terminal], [], [], 20)[0] and (data := os.read(terminal, 10_000)):
            seen += data
    except OSError:  # how a terminal ends
        pass
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen


@pytest.mark.parametrize("options", [("--quiet",), ("--quiet", "--no-output")])
def test_ctrl_c_reaches_the_command_once(env: dict[str, str], options: tuple[str, ...]) -> None:
    pid, terminal = _in_terminal(env, _PYTHON, "-c", _COUNT, "1", options=options)
    _until(terminal, b"ready")
    os.write(terminal, b"\x03")
    code, seen = _end_of(pid, terminal)
    assert seen.replace(b"^C", b"").split() == [b"SIGINT"]
    assert code == 9


def test_a_signal_from_elsewhere_reaches_a_command_in_a_terminal(env: dict[str, str]) -> None:
    pid, terminal = _in_terminal(env, _PYTHON, "-c", _COUNT, "1", options=("--quiet",))
    _until(terminal, b"ready")
    os.kill(pid, signal.SIGINT)
    assert _end_of(pid, terminal)[1].split() == [b"SIGINT"]


@pytest.mark.parametrize(("options", "seen"), [((), b"pipe"), (("--no-output",), b"terminal")])
def test_without_capture_the_command_keeps_the_terminal(
    env: dict[str, str], options: tuple[str, ...], seen: bytes
) -> None:
    script = "[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo terminal || echo pipe"
    code, output = _end_of(*_in_terminal(env, "sh", "-c", script, options=("--quiet", *options)))
    assert (code, output.strip()) == (0, seen)


def test_it_reads_from_the_terminal(env: dict[str, str]) -> None:
    pid, terminal = _in_terminal(env, "sh", "-c", "echo ready; read line; echo got $line", options=("--quiet",))
    _until(terminal, b"ready")
    os.write(terminal, b"hello\n")
    assert b"got hello" in _end_of(pid, terminal)[1]


def test_closed_streams_do_not_get_into_the_commands_way(env: dict[str, str]) -> None:
    line = " ".join(f"'{part}'" for part in arguments("sh", "-c", "echo x; exit 6"))
    assert subprocess.run(["sh", "-c", f"{line} <&- >&- 2>&-"], env=env, timeout=30, check=False).returncode == 6


def test_an_ignored_sigchld_does_not_lose_the_exit_code(env: dict[str, str]) -> None:
    ours = arguments("sh", "-c", "exit 7")
    script = f"import os, signal; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execv({_PYTHON!r}, {ours!r})"
    assert subprocess.run([_PYTHON, "-c", script], env=env, timeout=30, check=False).returncode == 7


_SERVER_ONLY = ["fastapi", "pydantic", "sqlalchemy", "starlette", "typer", "uvicorn", "aiohttp", "tocsin.cli"]


def test_it_starts_without_loading_the_server(env: dict[str, str]) -> None:
    program = (
        "import sys; sys.argv = ['tocsin', 'exec', '--quiet', '--', 'true']\n"
        "from tocsin.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: print(*sys.modules)"
    )
    loaded = subprocess.run(
        [_PYTHON, "-c", program], env=env, capture_output=True, timeout=30, check=True
    ).stdout.split()
    assert b"tocsin.client.execute" in loaded
    assert {name.encode() for name in _SERVER_ONLY} & set(loaded) == set()


def test_nothing_that_only_reporting_needs_is_loaded_before_the_command_runs() -> None:
    program = "import sys; from tocsin.client import execute; print(*sys.modules)"
    loaded = subprocess.run([_PYTHON, "-c", program], capture_output=True, timeout=30, check=True).stdout.split()
    assert {b"http.client", b"ssl", b"json", b"asyncio", b"subprocess", b"pathlib"} & set(loaded) == set()
