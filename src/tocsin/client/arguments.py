"""The options of `tocsin exec`. Read without the library that the other commands use: that alone takes a tenth of a
second, and cron starts everything at the same one."""

import argparse
from collections.abc import Mapping
from typing import NamedTuple

DEFAULT_URL = "http://127.0.0.1:8000"
_USAGE = "tocsin exec [options] -- command [argument ...]"
_ABOUT = "Run a command, and report its start, its end, how long it took and the last 10 KB of its output."
_AFTER = """\
The command runs, and its exit code is returned, whatever happens to the server. What could not be delivered waits in
the spool for the next `tocsin exec` or `tocsin spool send`. The API key comes from TOCSIN_API_KEY or from a file: on
the command line everybody could read it.
"""
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_PATIENCE = 3.0


class Options(NamedTuple):
    """What was asked for. Texts are empty where nothing was said; times are seconds."""

    command: list[str]
    job: str
    tenant: str
    environment: str
    run_id: str
    url: str
    api_key: str
    api_key_file: str
    spool: str
    keeps_output: bool
    is_quiet: bool
    limit: float | None
    patience: float


def parse(arguments: list[str], environ: Mapping[str, str]) -> Options:
    """Ends the process with code 2 and a usage where an option is wrong, as every command does."""
    before, after = _split(arguments)
    parser = make_parser(environ)
    found = parser.parse_args(before)
    command = [*found.command, *after] if found.command else after[1:]
    if not command:
        parser.error("say which command to run, after --")
    return Options(
        command,
        found.job,
        found.tenant,
        found.environment,
        found.run_id,
        found.url,
        environ.get("TOCSIN_API_KEY") or environ.get("SYNCGUARD_API_KEY", ""),
        found.api_key_file,
        found.spool,
        found.keeps_output,
        found.is_quiet,
        found.limit,
        found.patience,
    )


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Ours, and from the first `--` on the command's."""
    at = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:at], arguments[at:]


def seconds(text: str) -> float:
    """`90`, `90s`, `1.5h`, as timeout(1) takes them."""
    unit = _UNITS.get(text[-1:], 0)
    value = float(text[:-1] if unit else text) * (unit or 1)
    if not 0 <= value < 366 * 86_400:  # which refuses NaN, too
        raise ValueError
    return value


def _positive(text: str) -> float:
    value = seconds(text)
    if not value:
        raise ValueError
    return value


seconds.__name__ = _positive.__name__ = "time"  # how argparse calls what it could not read


def make_parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "tocsin exec",
        _USAGE,
        _ABOUT,
        _AFTER,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )

    def text(flag: str, meaning: str, default: str = "", metavar: str = "NAME") -> None:
        variable = f"TOCSIN_{flag.upper().replace('-', '_')}"
        shown = f"; {default}" if default else ""
        value = environ.get(variable) or default
        parser.add_argument(f"--{flag}", default=value, metavar=metavar, help=f"{meaning} [{variable}{shown}]")

    text("job", "the job's key", metavar="KEY")
    text("tenant", "the tenant it runs for, by its externalId", "default")
    text("environment", "where it runs; production if not said")
    text("run-id", "your own name for this run", metavar="ID")
    text("url", "the server", DEFAULT_URL, metavar="URL")
    text("api-key-file", "a file that holds the API key; wins over TOCSIN_API_KEY", metavar="FILE")
    text("spool", "the folder in which reports wait; ~/.local/state/tocsin/spool if not said", metavar="FOLDER")
    parser.add_argument(
        "--timeout", dest="limit", type=_positive, metavar="TIME", help="end the command after so long (90, 90s, 5m)"
    )
    parser.add_argument(
        "--wait", dest="patience", type=seconds, default=_PATIENCE, metavar="TIME",
        help="how long the end may wait for the server (3s)",
    )  # fmt: skip
    parser.add_argument(
        "--no-output", dest="keeps_output", action="store_false",
        help="do not report the output; the command keeps the terminal",
    )  # fmt: skip
    parser.add_argument(
        "--quiet", dest="is_quiet", action="store_true", help="say nothing about reports that were not delivered"
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser
