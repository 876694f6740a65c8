"""`tocsin spool`, for the list of commands: `__main__` starts it without loading any of this."""

import typer

from tocsin.client.spool_command import main


def spool(context: typer.Context) -> None:
    """Send reports that `tocsin exec` could not deliver, or count them."""
    raise typer.Exit(main(context.args))
