"""`tocsin spool`: reports that `tocsin exec` could not deliver."""

from typing import Annotated

import typer

from tocsin.cli.options import fail
from tocsin.cli.reporting import DEFAULT, KeyFile, SpoolRoot, Url, spool_root, target_of
from tocsin.client.http import Server
from tocsin.client.sending import send_all, waiting
from tocsin.clock import SystemClock

app = typer.Typer(help="Reports that `tocsin exec` could not deliver.", no_args_is_help=True)

_AnyKey = Annotated[
    bool, typer.Option("--any-key", help="Also what was written down under another key, as after its rotation.")
]


@app.command("list")
def show(spool: SpoolRoot = "") -> None:
    """Say how many reports wait, and for which server."""
    lanes = [lane for lane in waiting(spool_root(spool)) if lane.waiting]
    for lane in lanes:
        typer.echo(f"{lane.waiting} for {lane.url} in {lane.folder}")
    if not lanes:
        typer.echo("Nothing waits.")


@app.command("send")
def send(url: Url = DEFAULT, api_key_file: KeyFile = "", spool: SpoolRoot = "", any_key: _AnyKey = False) -> None:
    """Deliver what waits, the oldest first; exit 1 if something has to go on waiting."""
    target = target_of(url, api_key_file)
    done = send_all(
        spool_root(spool),
        target,
        Server(target).post,
        SystemClock().now(),
        lambda sentence: typer.echo(f"tocsin: {sentence}", err=True),
        any_key=any_key,
    )
    typer.echo(f"{done.delivered} delivered, {done.dropped} dropped.")
    if done.verdict is not None:
        fail(f"{target.url} {done.verdict.sentence}; the rest goes on waiting.")
