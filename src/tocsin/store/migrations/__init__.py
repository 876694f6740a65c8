"""The way from any earlier schema to `store.schema`, walked at each start (Alembic)."""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from tocsin.store.engine import Connection, Store

#: Any number, as long as nobody else takes it: PostgreSQL lets one node migrate while the others wait.
_ADVISORY_LOCK = 7_862_341_990_514


class NewerDatabaseError(Exception):
    """The database was migrated by a newer Tocsin than this one."""


def migrate(store: Store) -> str:
    """Brings the database to this version's schema, in one transaction; returns the revision it is now at."""
    with store.write() as connection:
        if not store.is_sqlite:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
        config = _config(connection)
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise NewerDatabaseError(
                f"The database is at revision {revision(connection)}, which this Tocsin does not know: it was used by "
                "a newer one. Start that version, or restore a backup from before."
            ) from error
        return revision(connection) or ""


def migrate_to(connection: Connection, wanted: str) -> None:
    """Brings an empty database, or one at an earlier revision, to this one, within the caller's transaction."""
    command.upgrade(_config(connection), wanted)


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
