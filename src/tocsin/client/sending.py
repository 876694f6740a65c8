"""`tocsin spool`: what waits, and bringing it to the server now."""

import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tocsin.client.courier import Courier, Drained
from tocsin.client.destination import Destination, Post
from tocsin.client.spool import Spool, lane_at, lanes

_SECONDS = 10.0


class Lane(NamedTuple):
    """What waits for one server under one key."""

    folder: str
    url: str
    waiting: int


def waiting(root: str) -> list[Lane]:
    """Every destination for which something was ever written down."""
    return [
        Lane(folder, url, sum(name.endswith(".json") for name in os.listdir(folder)))
        for folder, url in lanes(root).items()
    ]


def send_all(
    root: str, target: Destination, post: Post, now: int, say: Callable[[str], None], *, any_key: bool
) -> Drained:
    """Brings everything that waits for `target`; with `any_key` also what was written down under another key."""
    courier = Courier(post, say, lambda: _SECONDS)
    total = Drained()
    for spool in _spools(root, target, any_key=any_key):
        done = courier.drain(spool, now)
        total = Drained(total.delivered + done.delivered, total.dropped + done.dropped, done.verdict)
        if done.verdict is not None:
            break
    return total


def _spools(root: str, target: Destination, *, any_key: bool) -> Iterator[Spool]:
    own = Spool(root, target)
    yield own
    if any_key:
        others = (folder for folder, url in lanes(root).items() if url == target.url and folder != own.folder)
        yield from (lane_at(folder, target) for folder in others)
