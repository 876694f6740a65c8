"""The library that makes every fsync 2 ms slower, built with gcc when it is needed."""

import subprocess
from pathlib import Path

import psycopg

from bench.processes import is_loaded

_SOURCE = Path(__file__).with_name("slow_fsync.c")
_LIBRARY = Path("build/slow_fsync.so")


def slow_fsync() -> Path:
    """The library's absolute path."""
    library = _LIBRARY.resolve()
    if not library.exists() or library.stat().st_mtime < _SOURCE.stat().st_mtime:
        library.parent.mkdir(exist_ok=True)
        try:
            subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", library, _SOURCE, "-ldl"], check=True)
        except FileNotFoundError:
            raise SystemExit("gcc is missing: apt-get install gcc") from None
    return library


def check_slow(pid: int, postgres: str | None) -> None:
    """Ends the benchmark unless the one who syncs, `pid` or the server at `postgres`, has the library loaded."""
    if postgres is not None:
        with psycopg.connect(postgres) as connection:
            pid = connection.info.backend_pid
            if not is_loaded(pid, _LIBRARY.name):
                raise SystemExit("PostgreSQL runs without the slow fsync.")
    elif not is_loaded(pid, _LIBRARY.name):
        raise SystemExit("The server runs without the slow fsync.")
