"""What `tocsin export` and `tocsin apply` do; loaded only when they are asked for."""

import os
import sys
from pathlib import Path

import typer

from tocsin.as_code.document import FaultyFileError, read
from tocsin.as_code.entries import write
from tocsin.as_code.plan import Change, carry_out, compare
from tocsin.as_code.remote import Remote, RemoteError
from tocsin.as_code.workspace import exported, fetch
from tocsin.cli.options import fail
from tocsin.cli.reporting import target_of
from tocsin.clock import SystemClock


def export(url: str, api_key_file: str) -> None:
    """Print the workspace as YAML."""
    remote = Remote(target_of(url, api_key_file))
    try:
        typer.echo(write(exported(fetch(remote))), nl=False)
    except RemoteError as error:
        fail(str(error))


def apply(file: Path, dry_run: bool, prune: bool, url: str, api_key_file: str) -> None:
    """Make the workspace what the file says."""
    remote = Remote(target_of(url, api_key_file))
    try:
        wanted = read(_text(file), str(file))
        changes = compare(wanted, fetch(remote), os.environ, str(file), SystemClock().now(), prunes=prune)
    except (FaultyFileError, RemoteError) as error:
        fail(str(error))
    _tell(changes)
    if dry_run:
        return
    try:
        carry_out(changes, remote, typer.echo)
    except RemoteError as error:
        fail(f"{error} What is told above as done is done; mend it, and apply again.")


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
