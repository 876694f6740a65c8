"""PostgreSQL's row-level security: behind every query stands that a connection sees the rows of its workspace alone.

A connection says whose it is in its session (`app.ws`): a workspace's id sees the rows of that workspace, `*` those of
all, and one that says nothing sees nothing. The policies are forced upon the owner of the tables too, and connections
take on a role that owns nothing wherever there is one. On SQLite there is no such thing, and the queries stand alone.
"""

from typing import Any

import structlog
from psycopg.errors import DuplicateObject, UniqueViolation
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from tocsin.store.schema import metadata

log = structlog.get_logger(__name__)

#: What a connection becomes: it may read and write rows, and owns nothing.
ROLE = "tocsin_app"
EVERYTHING = "*"
NOTHING = ""
_POLICY = "of_workspace"

# Each setting is read once a statement, not once a row: a subquery without a reference is evaluated by itself.
_USING = """
    (SELECT current_setting('app.ws', true)) = '*'
    OR {column} = (SELECT nullif(nullif(current_setting('app.ws', true), '*'), '')::bigint)
"""
_MAY_BECOME = """
SELECT rolname FROM pg_roles
WHERE rolname = %s AND rolname <> current_user AND pg_has_role(
    current_user, oid, CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END
)
"""
_UNGUARDED = """
SELECT c.relname FROM pg_class AS c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = ANY (:names) AND NOT (
    c.relrowsecurity AND c.relforcerowsecurity
    AND EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid AND p.polname = :policy)
)
ORDER BY c.relname
"""
_UNGRANTED = """
SELECT c.relname FROM pg_class AS c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = ANY (:names)
    AND NOT has_table_privilege(:role, c.oid, 'SELECT, INSERT, UPDATE, DELETE')
ORDER BY c.relname
"""


def columns_of_workspaces() -> dict[str, str]:
    """The tables that hold rows of workspaces: name → the column that says of which."""
    return {"workspaces": "id"} | {t.name: "workspace_id" for t in metadata.sorted_tables if "workspace_id" in t.c}


def enter(engine: Engine, whose: str, *, as_owner: bool = False) -> None:
    """Each connection of `engine` sees `whose` rows from its first moment on: that costs nothing later.

    `as_owner`: it stays who it logged in as, since it is to change the tables.
    """

    @event.listens_for(engine, "connect", insert=True)  # before anything else is done with it
    def _connect(connection: Any, _: object) -> None:
        connection.autocommit = True  # a setting made in a transaction would go with it
        cursor = connection.cursor()
        cursor.execute("SELECT set_config('app.ws', %s, false)", (whose,))
        if not as_owner and cursor.execute(_MAY_BECOME, (ROLE,)).fetchone() is not None:
            cursor.execute("SELECT set_config('role', %s, false)", (ROLE,))
        cursor.close()
        connection.autocommit = False


def narrow(connection: Connection, workspace_id: int) -> None:
    """Until the transaction ends, the connection sees the rows of this workspace alone."""
    connection.exec_driver_sql("SELECT set_config('app.ws', %s, true)", (str(workspace_id),))


def guard(connection: Connection) -> None:
    """Put policies on the tables that have none yet, and let the role in. As the owner of the tables.

    What is there already is not touched: to change a table waits for everybody who uses it.
    """
    columns = columns_of_workspaces()
    for table in _names(connection, _UNGUARDED, list(columns), policy=_POLICY):
        using = _USING.format(column=columns[table])
        for statement in (
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
            f"DROP POLICY IF EXISTS {_POLICY} ON {table}",
            f"CREATE POLICY {_POLICY} ON {table} USING ({using}) WITH CHECK ({using})",
        ):
            connection.exec_driver_sql(statement)
    if ensure_role(connection):
        _let_in(connection)


def ensure_role(connection: Connection, role: str = ROLE) -> bool:
    """Make the role where that is allowed, and say whether connections may become it. Without it, the owner's own
    connections are held to the policies, unless the owner is a superuser, who can always make it."""
    try:
        exists = connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}).first()
        if exists is None:
            _make(connection, f"CREATE ROLE {role} NOLOGIN")
        if connection.exec_driver_sql(_MAY_BECOME, (role,)).first() is None:
            _make(connection, f"GRANT {role} TO CURRENT_USER")
    except ProgrammingError as error:
        log.info("no_role_of_its_own", reason=type(error.orig).__name__, role=role)
        return False
    return True


def _make(connection: Connection, statement: str) -> None:
    """Roles belong to the whole server: who makes this one now for another database makes it for us as well."""
    try:
        with connection.begin_nested():
            connection.exec_driver_sql(statement)
    except DBAPIError as error:
        if not isinstance(error.orig, DuplicateObject | UniqueViolation):
            raise


def _let_in(connection: Connection) -> None:
    tables = [table.name for table in metadata.sorted_tables]
    fresh = _names(connection, _UNGRANTED, tables, role=ROLE)
    if not fresh:
        return
    schema = connection.exec_driver_sql("SELECT quote_ident(current_schema())").scalar_one()
    for statement in (
        f"GRANT USAGE ON SCHEMA {schema} TO {ROLE}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(fresh)} TO {ROLE}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {ROLE}",
    ):
        connection.exec_driver_sql(statement)
    if connection.exec_driver_sql("SELECT to_regclass('alembic_version')").scalar() is not None:
        # Whoever starts looks whether there is anything to migrate.
        connection.exec_driver_sql(f"GRANT SELECT ON alembic_version TO {ROLE}")


def _names(connection: Connection, query: str, names: list[str], **values: str) -> list[str]:
    return list(connection.execute(text(query), {"names": names, **values}).scalars())
