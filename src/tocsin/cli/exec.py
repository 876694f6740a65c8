"""`tocsin exec`, for the list of commands: `__main__` starts it without loading any of this."""

import typer

from tocsin.client.execute import main

#: Its options are its own: the command's must not be mistaken for ours.
SETTINGS = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}


def execute(context: typer.Context) -> None:
    """Run a command, and report its start, its end and its output to a Tocsin."""
    raise typer.Exit(main(context.args))
