"""The way from any earlier schema to `store.schema`, walked at each start (Alembic)."""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.exc import ProgrammingError

from tocsin.store import row_security
from tocsin.store.engine import Connection, Store

#: Any number, as long as nobody else takes it: PostgreSQL lets one node migrate while the others wait.
_ADVISORY_LOCK = 7_862_341_990_514
_INSUFFICIENT_PRIVILEGE = "42501"


class CannotMigrateError(Exception):
    """The database cannot be brought to this version's schema; the message tells the operator what to do."""


class NewerDatabaseError(CannotMigrateError):
    """The database was migrated by a newer Tocsin than this one."""


class NotTheOwnerError(CannotMigrateError):
    """The login may read and write rows, and not change tables."""


def migrate(store: Store) -> str:
    """Brings the database to this version's schema, in one transaction; returns the revision it is now at.

    Raises CannotMigrateError.
    """
    try:
        return _migrate(store)
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) != _INSUFFICIENT_PRIVILEGE:
            raise
        raise NotTheOwnerError(
            "The database has to be brought to this version's schema, and this login does not own its tables. Run "
            "tocsin migrate with the URL of their owner first."
        ) from error


def _migrate(store: Store) -> str:
    with store.as_owner() as connection:
        if not store.is_sqlite:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
        try:
            migrate_and_guard(connection)
        except CommandError as error:
            raise NewerDatabaseError(
                f"The database is at revision {revision(connection)}, which this Tocsin does not know: it was used by "
                "a newer one. Start that version, or restore a backup from before."
            ) from error
        return revision(connection) or ""


def migrate_to(connection: Connection, wanted: str) -> None:
    """Brings an empty database, or one at an earlier revision, to this one, within the owner's transaction. No row is
    guarded yet: PostgreSQL copies into no table whose rows are."""
    command.upgrade(_config(connection), wanted)


def migrate_and_guard(connection: Connection) -> None:
    """Brings the database to this version's schema, within the owner's transaction."""
    command.upgrade(_config(connection), "head")
    if connection.dialect.name == "postgresql":
        row_security.guard(connection)


def is_known(wanted: str) -> bool:
    """Whether this version knows the revision."""
    try:
        return ScriptDirectory.from_config(_config()).get_revision(wanted) is not None
    except CommandError:
        return False


def revision(connection: Connection) -> str | None:
    """The revision the database is at; None where it was never migrated."""
    return MigrationContext.configure(connection).get_current_revision()


def latest_revision() -> str | None:
    """The revision this version brings a database to."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", "tocsin.store:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
