"""`tocsin backup` and `tocsin restore`: everything in one file, and back."""

from pathlib import Path
from typing import Annotated

import typer

from tocsin.cli.options import DatabaseUrl, DataDir, load_settings

_File = Annotated[Path, typer.Argument(help="The file of the backup.")]


def backup(
    file: _File,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    force: bool = typer.Option(False, "--force", help="Replace the file if it is there."),
) -> None:
    """Write everything into one file while servers run. The secret key file is not in it: keep that beside it."""
    from tocsin.cli import backup_work

    backup_work.backup(file, load_settings(database_url=database_url, data_dir=data_dir), force)


def restore(
    file: _File,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    force: bool = typer.Option(False, "--force", help="Replace all that the database holds."),
) -> None:
    """Put a backup into an empty database of either engine, while no server runs on it."""
    from tocsin.cli import backup_work

    backup_work.restore(file, load_settings(database_url=database_url, data_dir=data_dir), force)
