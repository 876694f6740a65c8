"""`tocsin crontab`: what a crontab runs, and the same under `tocsin exec`."""

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from tocsin.cli.options import fail
from tocsin.cli.reporting import DEFAULT, KeyFile, Url, target_of
from tocsin.client import crontab as lines
from tocsin.client import crontab_file as files
from tocsin.client.crontab import Entry, Wrapping
from tocsin.client.destination import Destination
from tocsin.client.http import Server
from tocsin.client.registering import Registration, register
from tocsin.client.spool import default_root
from tocsin.clock import SystemClock

_SYSTEMS = ("/etc/crontab", "/etc/cron.d/")

_File = Annotated[str, typer.Argument(help="A crontab, `-` for standard input, or nothing for your own.")]
_Write = Annotated[bool, typer.Option("--write", help="Register the jobs, and put the wrapped crontab in its place.")]
_System = Annotated[
    bool | None,
    typer.Option("--system/--user", help="Whether lines name a user; known for /etc/crontab and /etc/cron.d."),
]
_Timezone = Annotated[str, typer.Option(help="The zone that cron runs in; this machine's if not said.")]
_Prefix = Annotated[str, typer.Option(help="Begins each suggested jobKey, to tell machines apart.")]
_Tenant = Annotated[str, typer.Option(help="The tenant that the jobs run for.")]
_Program = Annotated[str, typer.Option(help="How cron finds Tocsin; its full path if not said.")]


def crontab(
    file: _File = "",
    write: _Write = False,
    is_system: _System = None,
    timezone: _Timezone = "",
    prefix: _Prefix = "",
    tenant: _Tenant = "",
    program: _Program = "",
    url: Url = DEFAULT,
    api_key_file: KeyFile = "",
) -> None:
    """List the jobs of a crontab, and print it with each under `tocsin exec`. Only --write changes anything."""
    old = _read(file)
    if is_system is None:
        is_system = str(Path(file).resolve()).startswith(_SYSTEMS)
    found = lines.entries(old, is_system=is_system, prefix=prefix)
    for line in lines.table(found, _state):
        _say(line)
    try:
        chosen = [entry for entry in found if not entry.is_wrapped and not entry.obstacle]
        if write:
            chosen = _registered(chosen, target_of(url, api_key_file), timezone or files.local_timezone())
        options = f" --tenant {lines.quote(tenant)}" if tenant else ""
        wrapping = Wrapping(program or _program(), options.replace("%", "\\%"))
        new = lines.wrapped(old, chosen, wrapping, _settings(url, api_key_file))
    except BaseException:
        if file == "-":  # in `crontab -l | tocsin crontab --write - | crontab -` no output would be an empty crontab
            _print(old)
        raise
    if chosen and not lines.has_setting(new, "TOCSIN_API_KEY", "TOCSIN_API_KEY_FILE"):
        _say("Cron does not know your environment: give the crontab a line TOCSIN_API_KEY_FILE=…")
    _put(file, old, new, write=write)


def _state(entry: Entry) -> str:
    if entry.is_wrapped:
        return "wrapped"
    return "cannot be wrapped" if entry.obstacle else "not wrapped"


def _registered(chosen: list[Entry], target: Destination, timezone: str) -> list[Entry]:
    """Those that the server knows now. One it does not know stays as it was."""
    server = Server(target)
    known = []
    for entry in chosen:
        done = register(server.post, entry.key, lines.schedule(entry.times, entry.timezone or timezone))
        _say(f"{entry.key}: {done.state.value}{f': {done.sentence}' if done.sentence else ''}")
        if done.state is not Registration.FAILED:
            known.append(entry)
    return known


def _settings(url: str, api_key_file: str) -> dict[str, str]:
    """What cron has to be told; never the key itself, which everybody who may read the crontab could use."""
    settings = {} if url == DEFAULT else {"TOCSIN_URL": url}
    return {**settings, "TOCSIN_API_KEY_FILE": os.path.abspath(api_key_file)} if api_key_file else settings


def _read(file: str) -> str:
    if file == "-":
        return sys.stdin.buffer.read().decode(errors="surrogateescape")
    try:
        return files.read_file(Path(file)) if file else files.read_users()
    except files.CrontabError as error:
        fail(f"{error}.")


def _put(file: str, old: str, new: str, *, write: bool) -> None:
    if not write or file == "-":
        _print(new)
    elif new == old:
        _say("Nothing is to be changed.")
    else:
        stamp = str(SystemClock().now() // 1_000_000)
        try:
            backup = _replace(file, old, new, stamp)
        except files.CrontabError as error:
            fail(f"{error}.")
        _say(f"Written; what was there before is in {backup}")


def _replace(file: str, old: str, new: str, stamp: str) -> Path:
    if file:
        return files.replace_file(Path(file), old, new, stamp)
    backup = Path(default_root(os.environ)).parent / f"crontab-{stamp}"
    files.replace_users(old, new, backup)
    return backup


def _program() -> str:
    """The path of the running `tocsin`, as cron and its shell read it: cron looks in /usr/bin and /bin alone."""
    found = shutil.which(sys.argv[0]) or shutil.which("tocsin")
    words = [os.path.abspath(found)] if found and Path(found).name == "tocsin" else [sys.executable, "-m", "tocsin"]
    plain = [word if word.replace("/", "").replace(".", "").replace("-", "").replace("_", "").isalnum()
             else lines.quote(word).replace("%", "\\%") for word in words]  # fmt: skip
    return " ".join(plain)


def _print(text: str) -> None:
    sys.stdout.buffer.write(text.encode(errors="surrogateescape"))
    sys.stdout.buffer.flush()


def _say(line: str) -> None:
    typer.echo(line.encode(errors="replace").decode(), err=True)
