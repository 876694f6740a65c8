"""The command line starts quickly: what only a server needs, only a server loads."""

import subprocess
import sys

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
