"""Options of commands that speak to a server, and what becomes of them."""

import os
from typing import Annotated

import typer

from tocsin.cli.options import fail
from tocsin.client.arguments import DEFAULT_URL
from tocsin.client.destination import Destination, destination
from tocsin.client.execute import read_key

Url = Annotated[str, typer.Option("--url", envvar="TOCSIN_URL", help="The server.")]
KeyFile = Annotated[
    str, typer.Option("--api-key-file", envvar="TOCSIN_API_KEY_FILE", help="A file that holds the API key.")
]
DEFAULT = DEFAULT_URL


def target_of(url: str, key_file: str) -> Destination:
    """The server and the key; ends the command with a sentence where one is missing."""
    environment_key = os.environ.get("TOCSIN_API_KEY") or os.environ.get("SYNCGUARD_API_KEY", "")
    try:
        return destination(url, read_key(key_file, environment_key))
    except ValueError as error:
        fail(f"{error}.", code=2)
