"""Which waiting deliveries a channel that keeps state need not get any more.

A pager opens an alert at a trigger and closes it at a resolve. A trigger that never got through, and whose incident is
over, would only wake somebody for nothing; and its resolve has nothing to close.
"""

from collections.abc import Iterable
from typing import NamedTuple

from tocsin.domain.model import AlertKind


class Passage(NamedTuple):
    """One delivery of an (incident, channel). `may_have_arrived`: some attempt got through, or might have."""

    id: int
    kind: str
    is_pending: bool
    may_have_arrived: bool


def superseded(passages: Iterable[Passage]) -> list[int]:
    """Ids of the pending deliveries to drop; `passages` are all of one incident and channel, oldest first.

    A cycle (up to and with its `resolved`) goes as a whole or not at all: where anything of it may have arrived, the
    receiver may hold an open alert, and hears the rest in order.
    """
    dropped: list[int] = []
    cycle: list[Passage] = []
    for passage in passages:
        cycle.append(passage)
        if passage.kind == AlertKind.RESOLVED:
            if passage.is_pending and not any(part.may_have_arrived for part in cycle):
                dropped += [part.id for part in cycle if part.is_pending]
            cycle = []
    return dropped
