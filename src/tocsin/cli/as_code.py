"""`tocsin export` and `tocsin apply`: a workspace's monitoring as a file that a repository can hold."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from tocsin.as_code.document import FaultyFileError, read
from tocsin.as_code.entries import write
from tocsin.as_code.plan import Change, carry_out, compare
from tocsin.as_code.remote import Remote, RemoteError
from tocsin.as_code.workspace import exported, fetch
from tocsin.cli.options import fail
from tocsin.cli.reporting import DEFAULT, KeyFile, Url, target_of


def export(url: Url = DEFAULT, api_key_file: KeyFile = "") -> None:
    """Print the workspace's jobs, tenants, patterns and channels as YAML; in place of secrets stand variables."""
    remote = Remote(target_of(url, api_key_file))
    try:
        typer.echo(write(exported(fetch(remote))), nl=False)
    except RemoteError as error:
        fail(str(error))


def apply(
    file: Annotated[Path, typer.Argument(help="The file; `-` is standard input.")],
    dry_run: bool = typer.Option(False, "--dry-run", help="Print the difference, and change nothing."),
    prune: bool = typer.Option(False, "--prune", help="Remove what the file's sections do not name."),
    url: Url = DEFAULT,
    api_key_file: KeyFile = "",
) -> None:
    """Make a workspace what a file says. Nothing is sent before all of the file is found to be right."""
    remote = Remote(target_of(url, api_key_file))
    try:
        wanted = read(_text(file), str(file))
        changes = compare(wanted, fetch(remote), os.environ, str(file), prunes=prune)
        _tell(changes)
        if not dry_run:
            carry_out(changes, remote, typer.echo)
    except FaultyFileError as error:
        fail(str(error))
    except RemoteError as error:
        fail(f"{error} What is told above is done; mend it, and apply again.")


def _text(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}.")
    except UnicodeDecodeError:
        fail(f"{file} is not in UTF-8.")


def _tell(changes: list[Change]) -> None:
    if not changes:
        typer.echo("Nothing to do.")
        return
    for change in changes:
        for line in change.lines():
            typer.echo(line)
    made = sum(change.before is None for change in changes)
    gone = sum(change.after is None for change in changes)
    typer.echo(f"{made} to make, {len(changes) - made - gone} to change, {gone} to remove.")
