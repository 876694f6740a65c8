"""`tocsin rotate-secrets`: a new key for what is sealed, while servers run."""

import time
from typing import TYPE_CHECKING

import typer

from tocsin.cli.options import DatabaseUrl, DataDir, fail, load_settings
from tocsin.settings import Settings

if TYPE_CHECKING:
    from tocsin.store.engine import Store

#: Longer than a transaction takes that sealed something with the key before.
_PAUSE_SECONDS = 2.0


def rotate_secrets(
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    only_add: bool = typer.Option(False, "--add-key", help="Only add the new key to the file; seal nothing anew yet."),
    forget: bool = typer.Option(False, "--forget-old", help="Take the old keys out of the file, when all is done."),
) -> None:
    """Make a new secret key, and seal everything with it while servers run. What was interrupted is gone on with."""
    from tocsin.application.rotate_secrets import RotationError
    from tocsin.secret_box import SecretError
    from tocsin.store.engine import Store

    settings = load_settings(database_url=database_url, data_dir=data_dir)
    if only_add and forget:
        fail("Choose one of --add-key and --forget-old.", code=2)
    if not settings.resolved_key_file.exists():
        fail(f"There is no secret key file {settings.resolved_key_file}.")
    store = Store(settings.resolved_database_url)
    try:
        typer.echo(_work(store, settings, only_add=only_add, forget=forget))
    except (RotationError, SecretError) as error:
        fail(str(error))
    finally:
        store.close()


def _work(store: "Store", settings: Settings, *, only_add: bool, forget: bool) -> str:
    from tocsin.application.rotate_secrets import add_key, forget_old_keys, rotate

    path = settings.resolved_key_file
    if forget:
        return f"Old keys taken out of {path}: {forget_old_keys(store, path)}."
    if only_add:
        return f"{add_key(store, path).capitalize()} seals from now on. Copy {path} to every node that has its own."
    done = rotate(store, path, lambda: time.sleep(_PAUSE_SECONDS))
    begun = "An interrupted rotation was gone on with. " if done.was_begun else ""
    unreadable = f" {done.unreadable} could not be opened, and were left as they are." if done.unreadable else ""
    return (
        f"{begun}{done.resealed} secrets were sealed anew with {done.key}.{unreadable} The old keys stay in {path} "
        "until `tocsin rotate-secrets --forget-old`."
    )
