"""Runs a command as if nobody stood between: its signals, its output, its exit code are its own."""

import errno
import os
import signal
from functools import partial
from typing import NamedTuple

from tocsin.client.pump import Pump
from tocsin.client.tail import Tail

#: Exit codes of a shell that could not run what it should, and of timeout(1).
NOT_FOUND, NOT_EXECUTABLE, TIMED_OUT = 127, 126, 124
_PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
#: Who wants a job to stop, wants all of it to stop; HUP and USR tell one process something.
_FOR_ALL = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGKILL}
#: Python ignores these, and a command must not inherit that.
_RESTORED = (signal.SIGPIPE, signal.SIGXFSZ)
#: After the limit: seconds from TERM to KILL.
_LAST_SECONDS = 10
#: How long the report waits for a reader of our output who has stopped reading.
_SECONDS_FOR_READER = 1


class Ended(NamedTuple):
    """`note`: what happened to the command that its output does not tell; may be empty."""

    exit_code: int
    note: str = ""


class Command:
    """`keeps_output`: keep the end of its output, for which it gets pipes instead of our own streams.

    `limit`: seconds after which it is ended.
    """

    def __init__(self, arguments: list[str], *, keeps_output: bool, limit: float | None) -> None:
        self._arguments = arguments
        self._limit = limit
        self._keeps_output = keeps_output
        self._tail = Tail()
        self._pump: Pump | None = None
        self._pid = 0
        self._failure: Ended | None = None
        self._is_overdue = False
        # With a terminal the command stays in our group: it may read there, and Ctrl-C reaches it by itself. Without
        # one it has its own, so that a signal to our group reaches it once, through us.
        self._has_own_group = not _has_terminal()

    def start(self) -> None:
        """Never raises: a command that cannot be run has ended at once."""
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # inherited as ignored, it would lose the exit code
        self._awaited = {number for number in _PASSED_ON if signal.getsignal(number) is not signal.SIG_IGN}
        self._awaited |= {signal.SIGCHLD, signal.SIGALRM}
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, self._awaited)
        try:
            self._spawn()
        except OSError as error:
            self._failure = _could_not_run(self._arguments[0], error)
        if self._limit is not None and self._pid:
            signal.setitimer(signal.ITIMER_REAL, self._limit)

    def wait(self) -> Ended:
        """Passes signals on until the command has ended."""
        while self._pid:
            number, is_from_kernel = _next_signal(self._awaited)
            if number == signal.SIGCHLD:
                self._reap()
            elif number == signal.SIGALRM:
                self._end()
            elif self._has_own_group or not is_from_kernel:
                self._send(number)
        if self._pump:
            self._pump.finish(_SECONDS_FOR_READER)
        if self._failure is None:
            raise ValueError("the command was never started")
        return self._failure

    def output(self, note: str = "") -> str:
        """The end of its output, with `note` as the last line."""
        return self._tail.text(note)

    def release(self) -> None:
        """Nothing is to be done any more: the last of the output goes to its reader, however slow."""
        if self._pump:
            self._pump.finish(None)
            self._pump.pass_on_for_others()

    def _spawn(self) -> None:
        actions = self._capture() if self._keeps_output else []
        try:
            self._pid = self._spawn_with(self._arguments, actions)
        finally:
            for sink in {action[1] for action in actions}:
                os.close(sink)
            if self._pump:
                self._pump.start()

    def _capture(self) -> list[tuple[int, int, int]]:
        """What the command's streams become. Where no descriptor is left for pipes, they stay as they are."""
        actions: list[tuple[int, int, int]] = []
        routes: dict[int, int] = {}
        try:
            for targets in [[1, 2]] if _is_same(1, 2) else [[1], [2]]:  # together they keep their order
                source, sink = os.pipe()
                routes[source] = targets[0]
                actions += [(os.POSIX_SPAWN_DUP2, sink, target) for target in targets]
            self._pump = Pump(routes, self._tail.add)
        except OSError:
            return []
        return actions

    def _spawn_with(self, arguments: list[str], actions: list[tuple[int, int, int]]) -> int:
        spawn = partial(os.posix_spawnp, setpgroup=0) if self._has_own_group else os.posix_spawnp
        try:
            return spawn(
                arguments[0], arguments, os.environ, file_actions=actions, setsigmask=self._mask, setsigdef=_RESTORED
            )
        except OSError as error:
            if error.errno != errno.ENOEXEC or arguments[0] == "/bin/sh":
                raise
        return self._spawn_with(["/bin/sh", *arguments], actions)  # a script without #!, as every shell does

    def _reap(self) -> None:
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        if not pid:
            return
        self._pid = 0
        signal.setitimer(signal.ITIMER_REAL, 0)
        if self._is_overdue:
            self._failure = Ended(TIMED_OUT, f"[tocsin] ended after {self._limit:g} s, its limit")
            return
        code = os.waitstatus_to_exitcode(status)
        if code >= 0:
            self._failure = Ended(code)
            return
        dumped = " (core dumped)" if os.WCOREDUMP(status) else ""
        self._failure = Ended(128 - code, f"[tocsin] killed by {_name(-code)}{dumped}")

    def _end(self) -> None:
        """The limit has passed: TERM, and KILL if that is not enough."""
        self._send(signal.SIGKILL if self._is_overdue else signal.SIGTERM)
        self._is_overdue = True
        signal.setitimer(signal.ITIMER_REAL, _LAST_SECONDS)

    def _send(self, number: int) -> None:
        try:
            if self._has_own_group and number in _FOR_ALL:
                os.killpg(self._pid, number)
            else:
                os.kill(self._pid, number)
        except (ProcessLookupError, PermissionError):  # it has ended, or has become another user
            pass


def _next_signal(awaited: set[signal.Signals]) -> tuple[int, bool]:
    """The next signal, and whether the kernel sent it: a terminal's Ctrl-C comes from there, to the whole group."""
    if hasattr(signal, "sigwaitinfo"):
        found = signal.sigwaitinfo(awaited)
        return found.si_signo, found.si_code > 0
    number = signal.sigwait(awaited)  # where it cannot be known, a terminal is the likeliest
    return number, number in (signal.SIGINT, signal.SIGQUIT)


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _is_same(one: int, other: int) -> bool:
    first, second = os.fstat(one), os.fstat(other)
    return (first.st_dev, first.st_ino) == (second.st_dev, second.st_ino)


def _could_not_run(name: str, error: OSError) -> Ended:
    if error.errno == errno.ENOENT:
        return Ended(NOT_FOUND, f"[tocsin] {name}: command not found")
    return Ended(NOT_EXECUTABLE, f"[tocsin] {name}: {error.strerror}")


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"
