"""What `tocsin backup` and `tocsin restore` do; loaded only when they are asked for."""

from contextlib import nullcontext
from pathlib import Path

import typer

from tocsin import key_file
from tocsin.application.backup import inspect, take
from tocsin.application.backup import restore as put_back
from tocsin.application.backup_file import BackupError
from tocsin.cli.folder_lock import FolderInUseError, lock_folder
from tocsin.cli.options import fail
from tocsin.clock import SystemClock
from tocsin.key_file import SecretError
from tocsin.secret_box import fingerprint_of
from tocsin.settings import Settings
from tocsin.store.engine import Store


def backup(file: Path, settings: Settings, force: bool) -> None:
    """Write everything into the file."""
    store = Store(settings.resolved_database_url)
    try:
        done = take(store, file, SystemClock().now(), may_replace=force)
    except BackupError as error:
        fail(str(error))
    finally:
        store.close()
    size = file.stat().st_size / 1_000_000
    typer.echo(
        f"{done.total.rows:,} rows of {done.total.tables} tables are in {file} ({size:,.1f} MB), and it is sound.\n"
        f"Keep {settings.resolved_key_file} beside it: without that key nobody can restore it."
    )


def restore(file: Path, settings: Settings, force: bool) -> None:
    """Put the file's content into the database."""
    try:
        known = inspect(file, _fingerprints(settings))
        store = Store(settings.resolved_database_url)
        with lock_folder(Path(store.path)) if store.is_sqlite else nullcontext():
            count = put_back(store, file, SystemClock().now(), may_replace=force)
        store.close()
    except (BackupError, SecretError, FolderInUseError) as error:
        fail(str(error))
    typer.echo(
        f"{count.rows:,} rows of {count.tables} tables are as they were at {known.header.taken_at}. Start Tocsin: the "
        "time since then counts as its own absence, in which nobody was silent."
    )


def _fingerprints(settings: Settings) -> list[str]:
    path = settings.resolved_key_file
    if not path.exists():
        raise BackupError(f"There is no secret key file {path}. Put there the one that was kept beside the backup.")
    return [fingerprint_of(key) for key in key_file.read_or_make(path)]
