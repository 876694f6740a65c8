"""`tocsin export` and `tocsin apply`: a workspace's monitoring as a file that a repository can hold."""

from pathlib import Path
from typing import Annotated

import typer

from tocsin.cli.reporting import DEFAULT, KeyFile, Url


def export(url: Url = DEFAULT, api_key_file: KeyFile = "") -> None:
    """Print the workspace as YAML: jobs, tenants, patterns, channels, windows; in place of secrets stand variables."""
    from tocsin.cli import as_code_work

    as_code_work.export(url, api_key_file)


def apply(
    file: Annotated[Path, typer.Argument(help="The file; `-` is standard input.")],
    dry_run: bool = typer.Option(False, "--dry-run", help="Print the difference, and change nothing."),
    prune: bool = typer.Option(False, "--prune", help="Remove what the file's sections do not name."),
    url: Url = DEFAULT,
    api_key_file: KeyFile = "",
) -> None:
    """Make a workspace what a file says. Nothing is sent before all of the file is found to be right."""
    from tocsin.cli import as_code_work

    as_code_work.apply(file, dry_run, prune, url, api_key_file)
