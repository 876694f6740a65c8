"""The whole server as a process of its own."""

import os
import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx2

#: A start takes one; a machine that has much else to do may take its time.
START_SECONDS = 120
STOP_SECONDS = 15


class Server:
    """A running `tocsin`. `url` is its root, `api_key` what a first start printed (else empty).

    `under`: a command that is to run it, and must leave it the process that we started.
    """

    def __init__(self, arguments: list[str], environment: dict[str, str], under: Sequence[str] = ()) -> None:
        settings = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
        self.process = subprocess.Popen(
            [*under, sys.executable, "-m", "tocsin", *arguments],
            env={**settings, "PYTHONUNBUFFERED": "1", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.output = ""
        self._clients: list[httpx2.Client] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.url = self.wait_for(r"listens on (\S+)")
        found = re.search(r"API key: (sg_[0-9a-f]{48})\b", self.output)
        self.api_key = found[1] if found else ""

    def client(self, api_key: str = "") -> httpx2.Client:
        """A client of the API, closed with the server: paths are those behind /api/v1/."""
        client = httpx2.Client(
            base_url=f"{self.url}/api/v1/", headers={"X-Api-Key": api_key or self.api_key}, timeout=30, trust_env=False
        )
        self._clients.append(client)
        return client

    def wait_for(self, pattern: str, seconds: float = START_SECONDS) -> str:
        """Waits for a line that matches, at most `seconds` for each line; its first group, or all that matched."""
        while True:
            try:
                line = self._lines.get(timeout=seconds)
            except queue.Empty:
                line = None
            if line is None:
                self.process.kill()
                raise AssertionError(f"tocsin did not print {pattern}:\n{self.output}")
            if found := re.search(pattern, line):
                return found[found.re.groups and 1]

    def pause(self) -> None:
        """The whole process stands still, as on a machine that hangs: its connections stay open, and nobody answers."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL: the process gets no chance to tidy up."""
        self.stop(signal.SIGKILL)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Sends the signal and returns the exit code; what was printed is in `output`."""
        for client in self._clients:
            client.close()
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        self._reader.join(STOP_SECONDS)
        return code

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.output += line
                self._lines.put(line)
        self._lines.put(None)


def start(data_dir: Path, *options: str, command: str = "serve", **environment: str) -> Server:
    """A server on a free port with its data in `data_dir`; `environment` are `TOCSIN_…` variables without that prefix.

    Loopback is an allowed destination, so that a receiver of the test can be told.
    """
    # No limits, unless a test is about them: tests ask as fast as they can.
    unlimited = {"ingest_rate": "0", "api_rate": "0"}
    usual = {"port": "0", "data_dir": str(data_dir), "allow_destinations": "127.0.0.0/8", **unlimited}
    variables = {**usual, **environment}
    return Server([command, *options], {f"TOCSIN_{name.upper()}": value for name, value in variables.items()})


@contextmanager
def serving(data_dir: Path, *options: str, command: str = "serve", **environment: str) -> Iterator[Server]:
    """A server as `start` gives it, gone when the block ends; where the block fails, its log is shown."""
    server = start(data_dir, *options, command=command, **environment)
    try:
        yield server
    except BaseException:
        print(f"--- {server.url}\n{server.output[-20_000:]}")  # noqa: T201 -- pytest shows it beside the failure
        raise
    finally:
        server.kill()
