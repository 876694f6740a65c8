"""Servers as processes of their own, and what they take."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_START_SECONDS = 60
_STOP_SECONDS = 20
#: One key sends all the load there is.
_NO_LIMITS = {"TOCSIN_INGEST_RATE": "0", "TOCSIN_API_RATE": "0", "TOCSIN_SENTRY_RATE": "60000"}


class Server:
    """A process that answers at `url`; what it prints goes to `log`."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self._process = process
        self._log = log
        self.pid = process.pid
        self.url = self._wait()

    def peak_mib(self) -> float:
        """The most memory that was ever resident, in MiB."""
        return _kib(self.pid, "VmHWM") / 1024

    def has_loaded(self, library: str) -> bool:
        return is_loaded(self.pid, library)

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(_STOP_SECONDS)

    def _wait(self) -> str:
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            if found := re.search(r"listens on (\S+)", self._log.read_text()):
                return found[1]
            time.sleep(0.05)
        self._process.kill()
        raise SystemExit(f"The server did not start:\n{self._log.read_text()}")


@contextmanager
def running(
    module: str, *arguments: str, folder: Path, preload: Path | None = None, settings: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """`python -m module arguments…` until the block ends; `preload`: a library for LD_PRELOAD."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
    environment |= {**_NO_LIMITS, **(settings or {})}
    if preload is not None:
        environment["LD_PRELOAD"] = str(preload)
    log = folder / f"{module}-{time.monotonic_ns()}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], stdout=output, stderr=subprocess.STDOUT, env=environment
        )
    server = Server(process, log)
    try:
        yield server
    finally:
        server.stop()


def tidy_up_when_told_to_end() -> None:
    """SIGTERM ends the benchmark as Ctrl-C does: its servers are stopped and its databases thrown away."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def is_loaded(pid: int, library: str) -> bool:
    return library in Path(f"/proc/{pid}/maps").read_text()


def _kib(pid: int, name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    if found is None:
        raise SystemExit(f"The kernel does not tell {name} of process {pid}.")
    return int(found[1])
