"""Waiting for what another process does."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from tocsin.clock import stopwatch

T = TypeVar("T")
_BEAT = 0.02


def wait_until(probe: Callable[[], T], seconds: float, what: str, every: float = 0.02) -> T:
    """The first true value of `probe`, asked every `every` seconds; fails with `what` after `seconds`."""
    watch = stopwatch()
    while not (value := probe()):
        if watch() > seconds * 1_000_000:
            raise AssertionError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(every)
    return value


@contextmanager
def stalls() -> Iterator[Callable[[], int]]:
    """Watches whether this machine lets us run 50 times a second. What it gives tells for how many microseconds it did
    not, in all."""
    stood_still = 0
    ended = threading.Event()

    def watch() -> None:
        nonlocal stood_still
        while not ended.is_set():
            beat = stopwatch()
            ended.wait(_BEAT)
            late = beat() - round(_BEAT * 1_000_000)
            stood_still += late if late > _BEAT * 1_000_000 else 0

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield lambda: stood_still
    finally:
        ended.set()
        thread.join()
