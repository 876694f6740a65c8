"""The command `tocsin`. Each command is thin: it reads its options, and calls what does the work."""

import sys

import typer

from tocsin import __version__
from tocsin.cli import as_code, backup, crontab, demo, migrate, rotate_secrets, scenario, serve, settings, spool, user
from tocsin.cli import exec as execution

app = typer.Typer(
    name="tocsin",
    help="The alarm bell that rings when jobs go silent.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("serve")(serve.serve)
app.command("migrate")(migrate.migrate)
app.command("rotate-secrets")(rotate_secrets.rotate_secrets)
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)
app.command("export")(as_code.export)
app.command("apply")(as_code.apply)
app.command("settings")(settings.settings)
app.command("demo")(demo.demo)
app.command("scenario")(scenario.scenario)
app.command("exec", context_settings=execution.SETTINGS, add_help_option=False)(execution.execute)
app.command("crontab")(crontab.crontab)
app.command("spool", context_settings=execution.SETTINGS, add_help_option=False)(spool.spool)
app.add_typer(user.app, name="user")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tocsin {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True, help="Print the version."),
) -> None:
    """Options that come before any command."""


def main() -> None:
    """Run the command. A database or a file that cannot be used ends any of them with a sentence."""
    try:
        app()
    except Exception as error:
        from tocsin.store.unusable import why_unusable

        if (sentence := why_unusable(error)) is None:
            raise
        sys.exit(sentence)
