"""Waiting for what another process does."""

import time
from collections.abc import Callable
from typing import TypeVar

from tocsin.clock import stopwatch

T = TypeVar("T")


def wait_until(probe: Callable[[], T], seconds: float, what: str, every: float = 0.02) -> T:
    """The first true value of `probe`, asked every `every` seconds; fails with `what` after `seconds`."""
    watch = stopwatch()
    while not (value := probe()):
        if watch() > seconds * 1_000_000:
            raise AssertionError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(every)
    return value
