"""The migrations end where `store.schema` is, on both engines."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from tests.support.databases import Postgres
from tocsin.store.engine import Connection, Store
from tocsin.store.migrations import NewerDatabaseError, latest_revision, migrate
from tocsin.store.schema import metadata

#: Where each engine keeps what was created.
_CATALOGUE = {
    "sqlite": [("indexes", "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")],
    "postgresql": [
        ("indexes", "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'"),
        ("options", "SELECT relname, reloptions FROM pg_class WHERE reloptions IS NOT NULL"),
        (
            "constraints",
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conname NOT LIKE 'alembic_version%'",
        ),
    ],
}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def empty_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "sqlite":
        store = Store(f"sqlite:///{tmp_path / 'empty.db'}")
        yield store
        store.close()
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    with postgres.database(empty=True) as url:
        store = Store(url)
        yield store
        store.close()


def test_migrating_makes_what_the_schema_says(empty_store: Store) -> None:
    migrate(empty_store)
    with empty_store.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_migrating_makes_the_very_objects_of_the_schema(empty_store: Store, store: Store) -> None:
    """Partial indexes and storage parameters too, which Alembic's own comparison does not see."""
    if empty_store.is_sqlite is not store.is_sqlite:
        pytest.skip("the two are of different engines")
    migrate(empty_store)
    with empty_store.read() as migrated, store.read() as created:
        assert _definitions(migrated) == _definitions(created)


def test_migrating_again_changes_nothing(empty_store: Store) -> None:
    assert migrate(empty_store) == migrate(empty_store) == latest_revision()


def test_a_database_of_a_newer_version_is_refused_with_a_sentence(empty_store: Store) -> None:
    migrate(empty_store)
    with empty_store.as_owner() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(NewerDatabaseError, match="revision 9999, which this Tocsin does not know"):
        migrate(empty_store)


def _definitions(connection: Connection) -> dict[str, Any]:
    inspector = inspect(connection)
    tables = sorted(set(inspector.get_table_names()) - {"alembic_version"})
    columns = {table: [str(sorted(column.items())) for column in inspector.get_columns(table)] for table in tables}
    return {
        "columns": columns,
        **{kind: _rows(connection, query) for kind, query in _CATALOGUE[connection.dialect.name]},
    }


def _rows(connection: Connection, query: str) -> list[str]:
    return sorted(str(row) for row in connection.execute(text(query)))
