"""`tocsin spool`: what waits, and bringing it to the server now. It loads little: cron may start it again and again."""

import argparse
import os
import sys
from collections.abc import Mapping

from tocsin.client.arguments import DEFAULT_URL
from tocsin.client.destination import destination
from tocsin.client.execute import read_key
from tocsin.client.sending import send_all, waiting
from tocsin.client.spool import default_root
from tocsin.clock import SystemClock


def main(arguments: list[str]) -> int:
    """Runs `tocsin spool` with these arguments; the exit code."""
    options = _parser(os.environ).parse_args(arguments)
    root = options.spool or default_root(os.environ)
    return _list(root) if options.action == "list" else _send(root, options)


def _list(root: str) -> int:
    lanes = [lane for lane in waiting(root) if lane.waiting]
    for lane in lanes:
        print(f"{lane.waiting} for {lane.url} in {lane.folder}")  # noqa: T201 -- a command's answer
    if not lanes:
        print("Nothing waits.")  # noqa: T201
    return 0


def _send(root: str, options: argparse.Namespace) -> int:
    from tocsin.client.http import Server

    environment_key = os.environ.get("TOCSIN_API_KEY") or os.environ.get("SYNCGUARD_API_KEY", "")
    try:
        target = destination(options.url, read_key(options.api_key_file, environment_key))
    except ValueError as error:
        _say(f"{error}")
        return 2
    now = SystemClock().now()
    done = send_all(root, target, Server(target).post, now, _say, any_key=options.any_key)
    if done.delivered or done.dropped or not options.is_quiet:
        print(f"{done.delivered} delivered, {done.dropped} dropped.")  # noqa: T201
    if done.verdict is None:
        return 0
    _say(f"{target.url} {done.verdict.sentence}; the rest goes on waiting")
    return 1


def _say(sentence: str) -> None:
    print(f"tocsin: {sentence}", file=sys.stderr)  # noqa: T201


def _parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("tocsin spool", description="Reports that `tocsin exec` could not deliver.")
    actions = parser.add_subparsers(dest="action", required=True, metavar="list | send")
    listing = actions.add_parser("list", help="say how many reports wait, and for which server")
    sending = actions.add_parser(
        "send", help="deliver what waits, the oldest first; exit 1 if something has to wait on"
    )
    for one in (listing, sending):
        one.add_argument("--spool", default=environ.get("TOCSIN_SPOOL", ""), help="the folder in which reports wait")
    sending.add_argument("--url", default=environ.get("TOCSIN_URL") or DEFAULT_URL, help="the server")
    sending.add_argument(
        "--api-key-file", default=environ.get("TOCSIN_API_KEY_FILE", ""), help="a file that holds the API key"
    )
    sending.add_argument(
        "--any-key", action="store_true", help="also what was written under another key, as after its rotation"
    )
    sending.add_argument("--quiet", dest="is_quiet", action="store_true", help="say nothing if nothing waited")
    return parser
