"""The commands in the documentation do what the documentation says, pasted into a shell."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import Home
from tests.support.server import Server
from tocsin.application.accounts import create_workspace
from tocsin.clock import SystemClock
from tocsin.domain.ids import IdMaker

pytestmark = pytest.mark.acceptance

DOCS = Path(__file__).parent.parent.parent / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.md") if "```sh\n" in page.read_text())


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, Server]]:
    """A server for all pages: most of what a page takes would be the start of its own."""
    home = Home(tmp_path_factory.mktemp("docs"), "")
    with home.serving() as server:
        yield home, server


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_every_command_of_a_page_succeeds(page: Path, place: tuple[Home, Server], tmp_path: Path) -> None:
    """In a workspace of its own."""
    home, server = place
    with home.store() as store, store.write() as connection:
        api_key = create_workspace(connection, IdMaker(1), SystemClock().now(), page.name).api_key
    variables = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "TOCSIN": f"{server.url}/api/v1",
        "TOCSIN_URL": server.url,
        "TOCSIN_API_KEY": api_key,
        "TOCSIN_SPOOL": str(tmp_path / "spool"),
    }
    for command in re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL):
        answer = subprocess.run(
            command, shell=True, env=variables, capture_output=True, text=True, timeout=30, check=False
        )
        assert answer.returncode == 0, f"{command}\n{answer.stdout}\n{answer.stderr}\n{server.output[-5_000:]}"
        if command.startswith("curl -s "):
            assert json.loads(answer.stdout)["isSuccess"] is True, f"{command}\n{answer.stdout}"
        else:
            assert "tocsin: " not in answer.stderr, answer.stderr  # what it says when it could not report


def test_the_quick_start_is_among_them() -> None:
    assert DOCS / "quick-start.md" in PAGES
