"""`tocsin migrate`: what every start does by itself, for those who want it done before."""

import typer

from tocsin.cli.options import DatabaseUrl, DataDir, fail, load_settings


def migrate(database_url: DatabaseUrl = None, data_dir: DataDir = None) -> None:
    """Bring the database to this version's schema. `serve` does it too, at each start."""
    from tocsin.store.engine import Store
    from tocsin.store.migrations import CannotMigrateError
    from tocsin.store.migrations import migrate as bring_up_to_date

    settings = load_settings(database_url=database_url, data_dir=data_dir)
    store = Store(settings.resolved_database_url)
    try:
        revision = bring_up_to_date(store)
    except CannotMigrateError as error:
        fail(str(error))
    finally:
        store.close()
    typer.echo(f"The database is at revision {revision}.")
