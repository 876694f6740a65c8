"""PostgreSQL's row-level security: what stands behind the queries, shown by queries that filter nothing."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import psycopg
import pytest
from sqlalchemy import BigInteger, Boolean, Integer, LargeBinary, SmallInteger, Table, Text, func, insert, select, text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from tests.support.databases import Postgres, as_login
from tests.support.statements import statements
from tests.support.waiting import wait_until
from tocsin.store.engine import Store
from tocsin.store.migrations import NotTheOwnerError, migrate
from tocsin.store.row_security import ROLE, columns_of_workspaces, ensure_role
from tocsin.store.schema import metadata

pytestmark = pytest.mark.postgresql

OURS, THEIRS = 1, 2
TABLES = [pytest.param(metadata.tables[name], column, id=name) for name, column in columns_of_workspaces().items()]
_VALUES: dict[type, Any] = {
    BigInteger: lambda number: number,
    Integer: lambda number: number,
    SmallInteger: lambda number: number,
    Boolean: lambda _: False,
    Text: lambda number: f"text {number}",
    LargeBinary: lambda number: b"%d" % number,
}
_NUMBERS = count(100)


def _row(table: Table, column: str, workspace_id: int) -> dict[str, Any]:
    """A row of the workspace, like no other."""
    number = next(_NUMBERS)
    made = {c.name: _VALUES[type(c.type)](number) for c in table.columns}
    return {**made, column: workspace_id}


@pytest.fixture(scope="module")
def url(postgres: Postgres) -> Iterator[str]:
    """A database in which each table has a row of each of two workspaces."""
    with postgres.database(empty=True) as made:
        store = Store(made)
        migrate(store)
        with store.as_owner() as connection:
            connection.exec_driver_sql("SET session_replication_role = replica")  # whatever a row refers to
            for name, column in columns_of_workspaces().items():
                table = metadata.tables[name]
                connection.execute(insert(table), [_row(table, column, one) for one in (OURS, THEIRS)])
        store.close()
        yield made


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    store = Store(url)
    yield store
    store.close()


@pytest.mark.parametrize(("table", "column"), TABLES)
def test_a_query_that_filters_nothing_sees_one_workspace(store: Store, table: Table, column: str) -> None:
    for workspace_id in (OURS, THEIRS):
        with store.of(workspace_id).read() as connection:
            assert list(connection.execute(select(table.c[column])).scalars()) == [workspace_id]
    with store.read() as connection:
        assert sorted(connection.execute(select(table.c[column])).scalars()) == [OURS, THEIRS]


@pytest.mark.parametrize(("table", "column"), TABLES)
def test_nor_does_it_change_another(store: Store, table: Table, column: str) -> None:
    ours = store.of(OURS)
    with ours.write() as connection:
        assert connection.execute(table.update().values({column: table.c[column]})).rowcount == 1
    with pytest.raises(ProgrammingError, match="row-level security"), ours.write() as connection:
        connection.execute(table.update().values({column: THEIRS}))
    with pytest.raises(ProgrammingError, match="row-level security"), ours.write() as connection:
        connection.execute(insert(table).values(_row(table, column, THEIRS)))
    with ours.write() as connection:
        connection.execute(table.delete().where(table.c[column] == THEIRS))
    with store.read() as connection:
        assert connection.execute(select(func.count()).where(table.c[column] == THEIRS)).scalar() == 1


@pytest.mark.parametrize("whose", [None, "", "3"])
def test_who_says_nothing_sees_nothing(url: str, whose: str | None) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("SELECT set_config('role', %s, false)", (ROLE,))
        if whose is not None:
            connection.execute("SELECT set_config('app.ws', %s, false)", (whose,))
        assert _counts(connection) == dict.fromkeys(columns_of_workspaces(), 0)


def test_a_connection_that_is_handed_on_remembers_nobody(store: Store) -> None:
    for workspace_id in (OURS, THEIRS, OURS):
        with pytest.raises(ZeroDivisionError), store.of(workspace_id).write() as connection:
            assert list(connection.execute(text("SELECT id FROM workspaces")).scalars()) == [workspace_id]
            raise ZeroDivisionError
        with store.of(workspace_id).read() as connection:
            assert list(connection.execute(text("SELECT id FROM workspaces")).scalars()) == [workspace_id]


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE jobs DISABLE ROW LEVEL SECURITY",
        "DROP POLICY of_workspace ON jobs",
        "CREATE POLICY mine ON jobs USING (true)",
        "ALTER TABLE jobs NO FORCE ROW LEVEL SECURITY",
        "TRUNCATE jobs",
        "DROP TABLE jobs",
        "CREATE TABLE mine (id bigint)",
    ],
)
def test_the_role_owns_nothing(store: Store, statement: str) -> None:
    with pytest.raises(DBAPIError, match="must be owner|permission denied"), store.write() as connection:
        connection.execute(text(statement))


def test_the_role_may_nothing_else(store: Store) -> None:
    with store.read() as connection:
        assert connection.execute(text("SELECT current_user")).scalar() == ROLE
        rights = "rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication"
        assert set(connection.execute(text(f"SELECT {rights} FROM pg_roles WHERE rolname = current_user")).one()) == {
            False
        }


def test_every_node_that_starts_later_leaves_the_tables_alone(store: Store) -> None:
    with statements() as said:
        migrate(store)
    assert [one for one in said if one.lstrip().upper().startswith(("ALTER", "CREATE", "DROP", "GRANT"))] == []


def test_a_setting_costs_the_recorder_nothing(store: Store) -> None:
    """It is made once a connection, so that no batch pays for it."""
    transact = store.own_session("-c jit=off")
    with transact() as connection:
        connection.execute(text("SELECT 1"))
    with statements() as said, transact() as connection:
        connection.execute(text("SELECT count(*) FROM workspaces")).scalar_one()
    assert len(said) == 1


def test_an_owner_who_may_make_no_role_is_held_to_the_policies_itself(postgres: Postgres) -> None:
    with postgres.login("plain_owner") as (login, owned):
        store = Store(owned)
        migrate(store)
        with store.write() as connection:
            assert connection.execute(text("SELECT current_user")).scalar() == login
            for number in (OURS, THEIRS):
                table = metadata.tables["workspaces"]
                connection.execute(insert(table).values(_row(table, "id", number)))
        with store.of(OURS).read() as connection:
            assert list(connection.execute(text("SELECT id FROM workspaces")).scalars()) == [OURS]
        with psycopg.connect(owned) as plain:
            assert _counts(plain)["workspaces"] == 0
        store.close()


def test_two_databases_of_a_server_may_begin_at_the_same_moment(postgres: Postgres) -> None:
    """Both make the role, which belongs to the server."""
    role = "tocsin_of_both"
    with postgres.database() as one, postgres.database() as other, ThreadPoolExecutor(1) as pool:
        first, second = Store(one), Store(other)
        with first.as_owner() as connection:
            assert ensure_role(connection, role)
            later = pool.submit(_ensure_role, second, role)
            waiting = text("SELECT 1 FROM pg_locks WHERE NOT granted AND transactionid = pg_current_xact_id()::xid")
            wait_until(lambda: connection.execute(waiting).first(), 10, "the other to wait for this one")
        assert later.result()
        with first.as_owner() as connection:
            connection.exec_driver_sql(f"DROP ROLE {role}")
        first.close()
        second.close()


def _ensure_role(store: Store, role: str) -> bool:
    with store.as_owner() as connection:
        return ensure_role(connection, role)


def test_a_login_that_is_only_let_in_can_serve(postgres: Postgres, url: str) -> None:
    with postgres.login("guest", may=f"IN ROLE {ROLE}") as (login, _):
        store = Store(as_login(login, url))
        migrate(store)  # every start does: there is nothing to be done
        with store.of(OURS).read() as connection:
            assert list(connection.execute(text("SELECT id FROM workspaces")).scalars()) == [OURS]
        with store.write() as connection:
            assert connection.execute(text("SELECT count(*) FROM workspaces")).scalar() == 2
        store.close()


def test_a_login_that_does_not_own_the_tables_is_told_who_has_to_migrate(postgres: Postgres) -> None:
    with postgres.login("early", may=f"IN ROLE {ROLE}") as (login, _), postgres.database(empty=True) as empty:
        store = Store(as_login(login, empty))
        with pytest.raises(NotTheOwnerError, match="Run tocsin migrate with the URL of their owner first"):
            migrate(store)
        store.close()


def _counts(connection: psycopg.Connection[Any]) -> dict[str, int]:
    found = {}
    for name in columns_of_workspaces():
        row = connection.execute(f"SELECT count(*) FROM {name}".encode()).fetchone()
        found[name] = row[0] if row else -1
    return found
