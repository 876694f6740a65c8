"""Fixtures for every test. `store` and `database_url` run a test on each engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.databases import Postgres, postgres_server, sqlite_copy, sqlite_template
from tocsin.clock import ManualClock
from tocsin.domain.ids import IdMaker
from tocsin.store.engine import Store

# Hypothesis would fail an example that took 200 ms, by the clock on the wall: that tells of the machine, not of us.
settings.register_profile("tocsin", deadline=None)
settings.load_profile("tocsin")

ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
#: 2026-01-05T12:00:00Z, a Monday: when the manual clock stands still before anybody moves it.
NOON = 1_767_614_400_000_000


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest, worker_id: str, testrun_uid: str) -> Iterator[Postgres]:
    """The session's PostgreSQL server; `with postgres.database() as url` gives a fresh database."""
    with postgres_server(testrun_uid, worker_id) as server:
        yield server


@pytest.fixture(scope="session")
def sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the tables, never to be written to."""
    return sqlite_template(tmp_path_factory.mktemp("template"))


@pytest.fixture(params=ENGINES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a fresh database with all tables: a test that asks for it runs on both engines."""
    if request.param == "sqlite":
        yield sqlite_copy(request.getfixturevalue("sqlite_file"), tmp_path)
        return
    with request.getfixturevalue("postgres").database() as url:
        yield url


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """A fresh `Store` with all tables: a test that asks for it runs on both engines."""
    store = Store(database_url)
    yield store
    store.close()


@pytest.fixture
def sqlite_store(sqlite_file: Path, tmp_path: Path) -> Iterator[Store]:
    """A fresh `Store` on SQLite only, for what has nothing to do with the engine."""
    store = Store(sqlite_copy(sqlite_file, tmp_path))
    yield store
    store.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def ids() -> IdMaker:
    return IdMaker()
