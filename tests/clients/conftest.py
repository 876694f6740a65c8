"""A server, and what real clients are told of it: nothing but the address that they would have of the original."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.remote import Remote
from tests.support.server import Server, serving

PROGRAMS = Path(__file__).parent / "programs"


@dataclass
class Place:
    """A server with the DSN of its workspace."""

    server: Server
    remote: Remote
    dsn: str

    def job(self, key: str) -> dict[str, Any]:
        return dict(self.remote.ok("GET", f"jobs/{key}"))

    def runs(self, key: str) -> list[dict[str, Any]]:
        """Newest first."""
        return list(self.remote.ok("GET", f"jobs/{key}/runs")["items"])

    def told(self, key: str) -> list[tuple[str, str]]:
        """(environment, outcome) of its runs, newest first."""
        return [(run["environment"], run["outcome"]) for run in self.runs(key)]

    def rejections(self) -> list[dict[str, Any]]:
        return list(self.remote.ok("GET", "rejections")["items"])

    def run(self, *command: str, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
        """A client as a process of its own."""
        return subprocess.run(
            command, env=self.environment(variables), cwd=cwd, capture_output=True, text=True, timeout=60, check=False
        )

    def environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        mine = {name: value for name, value in os.environ.items() if not name.startswith(("SENTRY_", "TOCSIN_"))}
        path = f"{Path(sys.executable).parent}:{mine['PATH']}"
        return {**mine, "PATH": path, "SENTRY_DSN": self.dsn, "NO_PROXY": "127.0.0.1", **variables}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with serving(tmp_path) as server:
        remote = Remote(server)
        yield Place(server, remote, remote.ok("GET", "workspaces/me")["sentryDsn"])
        assert '"level": "error"' not in server.output, server.output
        assert "Traceback" not in server.output, server.output
