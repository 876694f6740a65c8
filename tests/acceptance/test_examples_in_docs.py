"""The commands in the documentation do what the documentation says, pasted into a shell."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import serving

pytestmark = pytest.mark.acceptance

DOCS = Path(__file__).parent.parent.parent / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.md") if "```sh\n" in page.read_text())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_every_command_of_a_page_succeeds(page: Path, tmp_path: Path) -> None:
    commands = re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)
    with serving(tmp_path) as server:
        variables = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "TOCSIN": f"{server.url}/api/v1",
            "TOCSIN_URL": server.url,
            "TOCSIN_API_KEY": server.api_key,
            "TOCSIN_SPOOL": str(tmp_path / "spool"),
        }
        for command in commands:
            answer = subprocess.run(
                command, shell=True, env=variables, capture_output=True, text=True, timeout=30, check=True
            )
            if command.startswith("curl -s "):
                assert json.loads(answer.stdout)["isSuccess"] is True, f"{command}\n{answer.stdout}"
            else:
                assert "tocsin: " not in answer.stderr, answer.stderr  # what it says when it could not report


def test_the_quick_start_is_among_them() -> None:
    assert DOCS / "quick-start.md" in PAGES
