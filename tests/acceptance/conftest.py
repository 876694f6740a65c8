"""Homes for the whole server: a folder and a database, on each engine."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ENGINES
from tests.support.bell import Bell, bell
from tests.support.databases import Postgres
from tests.support.server import Server, serving
from tocsin.store.engine import Store


@dataclass
class Home:
    """Where a server lives. `database_url` is empty on SQLite in the folder."""

    folder: Path
    database_url: str

    def serving(self, *options: str, **environment: str) -> AbstractContextManager[Server]:
        return serving(self.folder, *options, database_url=self.database_url, **environment)

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The database itself, for what no client may see."""
        store = Store(self.database_url or f"sqlite:///{self.folder / 'tocsin.db'}")
        try:
            yield store
        finally:
            store.close()


@pytest.fixture(params=ENGINES)
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    """An empty home; a test that asks for it runs on both engines."""
    if request.param == "sqlite":
        yield Home(tmp_path, "")
        return
    with request.getfixturevalue("postgres").database(empty=True) as url:
        yield Home(tmp_path, url)


@pytest.fixture
def postgres_home(tmp_path: Path, postgres: Postgres) -> Iterator[Home]:
    with postgres.database(empty=True) as url:
        yield Home(tmp_path, url)


@pytest.fixture
def the_bell() -> Iterator[Bell]:
    with bell() as one:
        yield one
