"""The command line starts quickly: what only a server needs, only a server loads."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

#: Each takes a tenth of a second to load, or more.
_HEAVY = ("aiohttp", "alembic", "apprise", "fastapi", "psycopg", "sqlalchemy", "starlette", "uvicorn")


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["settings"], ["serve", "--help"]], ids=" ".join)
def test_a_command_loads_nothing_that_only_a_server_needs(arguments: list[str]) -> None:
    program = f"import sys; sys.argv = ['tocsin', *{arguments!r}]\nfrom tocsin.__main__ import main\n"
    program += "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\nprint(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert "tocsin" in done.stdout
    loaded = set(done.stdout.split("\n")) & set(_HEAVY)
    assert not loaded, "a command imports within itself what only it needs"


def _fails(environ: Mapping[str, str], *arguments: str) -> str:
    """What a command says that ends with 1."""
    settings = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
    command = [sys.executable, "-m", "tocsin", *arguments]
    done = subprocess.run(command, env={**settings, **environ}, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr


@pytest.mark.parametrize(
    "command", [["user", "list"], ["backup", "x"], ["migrate"], ["serve", "--port", "0"]], ids=" ".join
)
def test_a_database_that_cannot_be_reached_is_told_in_a_sentence(command: list[str], tmp_path: Path) -> None:
    nowhere = {
        "TOCSIN_DATABASE_URL": "postgresql://anna:secret@127.0.0.1:1/tocsin",
        "TOCSIN_DATA_DIR": str(tmp_path),
    }
    said = _fails(nowhere, *command)
    assert said.startswith("The database cannot be used: connection failed: ")
    assert said.endswith("name the right one (TOCSIN_DATABASE_URL).\n")
    assert len(said.splitlines()) == 1
    assert "secret" not in said


def test_a_database_that_is_not_there_is_not_made_by_asking(tmp_path: Path) -> None:
    assert "There is no database" in _fails({"TOCSIN_DATABASE_URL": f"sqlite:///{tmp_path}/new/a.db"}, "user", "list")
    assert "There is no database" in _fails({"TOCSIN_DATA_DIR": f"{tmp_path}/other"}, "backup", f"{tmp_path}/x")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "a.db").touch()
    said = _fails({"TOCSIN_DATABASE_URL": f"sqlite:///{tmp_path}/a.db"}, "user", "list")
    assert said.startswith("There are no tables of Tocsin's in this database.")


def test_a_folder_that_cannot_be_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = _fails({"TOCSIN_DATA_DIR": str(tmp_path / "file"), "TOCSIN_PORT": "0"}, "serve")
    assert said == f"{tmp_path}/file cannot be used: File exists. Make it accessible, or name another.\n"
