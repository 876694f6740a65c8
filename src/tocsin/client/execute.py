"""`tocsin exec`: the command first; what is said about it must never be in its way."""

import os
from contextlib import suppress

from tocsin.client.arguments import Options, parse
from tocsin.client.command import NOT_EXECUTABLE, NOT_FOUND, TIMED_OUT, Command
from tocsin.client.messenger import Means, Messenger
from tocsin.clock import Clock, SystemClock, stopwatch

_OURS = (NOT_FOUND, NOT_EXECUTABLE, TIMED_OUT)


def main(arguments: list[str]) -> int:
    """Runs `tocsin exec` with these arguments; the exit code."""
    return run(parse(arguments, os.environ), SystemClock())


def run(options: Options, clock: Clock) -> int:
    """Runs the command and reports it; the command's exit code, as a shell would show it."""
    _open_closed_streams()
    command = Command(options.command, keeps_output=options.keeps_output, limit=options.limit)
    begun_at, watch = clock.now(), stopwatch()
    command.start()
    # From here on time costs the command nothing.
    from tocsin.client import report

    subject = report.Subject(options.job, options.tenant, options.environment, options.run_id or report.new_run_id())
    messenger = Messenger(lambda: means(options), clock, options.patience)
    messenger.begin(report.started(subject, begun_at))
    ended = command.wait()
    duration = watch()
    result = report.Result(ended.exit_code, duration, command.output(ended.note))
    lines = messenger.finish(report.ended(subject, result, clock.now()))
    if ended.note and ended.exit_code in _OURS:
        _say(ended.note.removeprefix("[tocsin] "))
    if not options.is_quiet:
        for line in lines:
            _say(line)
    command.release()
    return ended.exit_code


def means(options: Options) -> Means:
    """How to deliver; raises ValueError with a sentence where something is missing."""
    from tocsin.client.destination import destination
    from tocsin.client.http import Server
    from tocsin.client.spool import Spool, default_root

    if not options.job:
        raise ValueError("say which job this is, with --job or TOCSIN_JOB")
    target = destination(options.url, read_key(options.api_key_file, options.api_key))
    return Means(Server(target).post, Spool(options.spool or default_root(os.environ), target))


def read_key(file: str, otherwise: str) -> str:
    """The key in `file`, or the other one if there is no such file; raises ValueError with a sentence."""
    if not file:
        if not otherwise:
            raise ValueError("set TOCSIN_API_KEY, or TOCSIN_API_KEY_FILE to a file that holds the key")
        return otherwise
    try:
        with open(file) as content:
            return content.read(1000)
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"the API key cannot be read from {file}: {getattr(error, 'strerror', error)}") from None


def _say(line: str) -> None:
    with suppress(OSError):  # nobody may be listening any more
        os.write(2, f"tocsin: {line}\n".encode(errors="replace"))


def _open_closed_streams() -> None:
    """A descriptor below 3 that is free would be taken by a pipe of ours, and the command would write into it."""
    for stream in range(3):
        try:
            os.fstat(stream)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
