"""Passes a command's output on, byte for byte and at once, and lets somebody look at it on the way."""

import os
import select
import threading
from collections.abc import Callable

_CHUNK = 65_536
#: What a pipe may still hold when its writer has ended: 64 KB, or a megabyte where it was made larger.
_LEFT_IN_PIPE = 1 << 20


class Pump:
    """`routes`: from the descriptors to read to those to write. `keep` is shown all that passes."""

    def __init__(self, routes: dict[int, int], keep: Callable[[bytes], None]) -> None:
        self._routes = dict(routes)
        self._deaf: set[int] = set()
        self._keep = keep
        self._stopped, self._stop = os.pipe()
        self._thread = threading.Thread(target=self._run, name="output", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def finish(self, seconds: float | None) -> None:
        """The command has ended: pass on what it has left in the pipes. Waits for whoever reads it, `seconds` at most.

        What the command started in the background may hold the pipes open; `pass_on_for_others` is for that.
        """
        if self._stop >= 0:
            os.close(self._stop)
            self._stop = -1
        self._thread.join(seconds)

    def pass_on_for_others(self) -> None:
        """If somebody still holds a pipe, leave a process behind that serves it: closing it would kill them."""
        if not self._routes or os.fork():
            return
        try:
            os.close(0)
            while self._routes:
                for source in self._ready(list(self._routes)):
                    self._pass(source)
        finally:
            os._exit(0)

    def _run(self) -> None:
        while self._routes:
            ready = self._ready([*self._routes, self._stopped])
            if self._stopped in ready:
                break
            for source in ready:
                self._pass(source)
        self._empty()
        os.close(self._stopped)

    def _empty(self) -> None:
        """Reads what is left in the pipes, but not for ever: another writer may never stop."""
        left = _LEFT_IN_PIPE * len(self._routes)
        while left > 0 and (ready := self._ready(list(self._routes), at_once=True)):
            left -= sum(map(self._pass, ready))

    def _ready(self, sources: list[int], *, at_once: bool = False) -> list[int]:
        poll = select.poll()
        for source in sources:
            poll.register(source, select.POLLIN)
        return [source for source, _ in poll.poll(0 if at_once else None)]

    def _pass(self, source: int) -> int:
        """Passes on what can be read now; at its end, closes the pipe."""
        data = os.read(source, _CHUNK)
        if not data:
            self._close(source)
            return 0
        self._keep(data)
        target = self._routes[source]
        if target not in self._deaf:
            try:
                _write(target, data)
            except BrokenPipeError:  # the command shall meet it too
                self._close(source)
            except OSError:  # a full disk, a terminal that was closed: the command runs on
                self._deaf.add(target)
        return len(data)

    def _close(self, source: int) -> None:
        os.close(source)
        del self._routes[source]


def _write(target: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(target, view) :]
        except BlockingIOError:  # somebody who shares it has made it so
            poll = select.poll()
            poll.register(target, select.POLLOUT)
            poll.poll()
