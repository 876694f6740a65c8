"""`tocsin user`: for an operator who has to let somebody in again. It works while servers run."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from tocsin.cli.options import DatabaseUrl, DataDir, fail, load_settings, printable
from tocsin.clock import SystemClock
from tocsin.domain.ids import IdMaker, from_uuid
from tocsin.settings import Settings

if TYPE_CHECKING:
    from tocsin.store import Connection

app = typer.Typer(help="Users of this Tocsin, for its operator.", no_args_is_help=True)
T = TypeVar("T")
Email = Annotated[str, typer.Argument(help="The user's e-mail address.", show_default=False)]
Workspace = Annotated[
    str, typer.Option("--workspace", help="The workspace's id, where there are several.", show_default=False)
]


@app.command("list")
def show(database_url: DatabaseUrl = None, data_dir: DataDir = None) -> None:
    """List the users, their workspaces and roles."""
    from tocsin.store.views_people import list_users

    rows = _in_store(load_settings(database_url=database_url, data_dir=data_dir), list_users)
    for row in rows:
        factor = "second factor" if row["totp_since_at"] is not None else "password alone"
        place = f"{row['role']} of {row['name']}" if row["role"] else "in no workspace"
        typer.echo(printable(f"{row['email']}  {place}  ({factor})"))
    if not rows:
        typer.echo("There is no user yet.")


@app.command("reset-password")
def reset_password(email: Email, database_url: DatabaseUrl = None, data_dir: DataDir = None) -> None:
    """Print a link with which the user sets a new password: good for half an hour, and once."""
    from tocsin.application import manage_users

    settings = load_settings(database_url=database_url, data_dir=data_dir)
    base = settings.public_url
    link = _change(settings, lambda c, ids, now: manage_users.reset_password(c, ids, now, email, base))
    typer.echo(f"With this link {email} sets a new password (once, within half an hour):\n\n  {link}")


@app.command("disable-2fa")
def disable_second_factor(email: Email, database_url: DatabaseUrl = None, data_dir: DataDir = None) -> None:
    """Turn the user's second factor off: the password alone lets them in again."""
    from tocsin.application import manage_users

    settings = load_settings(database_url=database_url, data_dir=data_dir)
    _change(settings, lambda c, ids, now: manage_users.disable_second_factor(c, ids, now, email))
    typer.echo(f"The second factor of {email} is off.")


@app.command("make-owner")
def make_owner(
    email: Email, workspace: Workspace = "", database_url: DatabaseUrl = None, data_dir: DataDir = None
) -> None:
    """Make the user an owner of a workspace."""
    from tocsin.application import manage_users

    settings = load_settings(database_url=database_url, data_dir=data_dir)
    wanted = from_uuid(workspace) if workspace else None
    if workspace and wanted is None:
        fail("--workspace must be a workspace's id.", code=2)
    name = _change(settings, lambda c, ids, now: manage_users.make_owner(c, ids, now, email, wanted))
    typer.echo(printable(f"{email} is an owner of {name}."))


def _change(settings: Settings, work: "Callable[[Connection, IdMaker, int], T]") -> T:
    from tocsin.application import audit
    from tocsin.store.nodes import database_now

    def attempt(connection: "Connection") -> T:
        return work(connection, IdMaker(audit.OPERATOR_NODE), database_now(connection) or SystemClock().now())

    return _in_store(settings, attempt)


def _in_store(settings: Settings, work: "Callable[[Connection], T]") -> T:
    from tocsin.application.errors import Refused
    from tocsin.store.engine import Store

    store = Store(settings.resolved_database_url)
    if store.is_sqlite and not Path(store.path).exists():
        fail(f"There is no database {store.path}. Name the right folder with --data-dir.")
    try:
        with store.write() as connection:
            return work(connection)
    except Refused as refusal:
        fail(refusal.message)
    finally:
        store.close()
