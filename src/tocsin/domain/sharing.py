"""Few messages in a storm: from the sixth within half a minute on, what is told is told together.

The law: in any span of `SPAN`, a channel gets at most `SINGLES` alerts of a topic one by one; nothing waits longer than
`SPAN` for the message it shares.
"""

from enum import StrEnum
from typing import NamedTuple

from tocsin.domain.model import SECOND, AlertKind

SPAN = 30 * SECOND
SINGLES = 5


class Topic(StrEnum):
    """What is gathered apart: a message says one thing of all its incidents."""

    OPENING = "opening"
    ENDING = "ending"
    REMINDER = "reminder"


_TOPICS = {
    AlertKind.OPENED: Topic.OPENING,
    AlertKind.REOPENED: Topic.OPENING,
    AlertKind.RESOLVED: Topic.ENDING,
    AlertKind.REMINDER: Topic.REMINDER,
}


class Gathering(NamedTuple):
    """What a channel was told of one topic lately.

    `singles`: when the last alerts went one by one, oldest first. `delivery_id`: the shared delivery that took the
    latest ones in; it may take more until `until_at`.
    """

    singles: tuple[int, ...] = ()
    delivery_id: int | None = None
    until_at: int = 0


def topic_of(kind: str) -> Topic | None:
    """None: alerts of this kind are never shared."""
    return _TOPICS.get(AlertKind(kind))


def gather(known: Gathering, now: int, new_id: int) -> Gathering:
    """The gathering after one more alert at `now`. It is shared if `until_at` lies ahead: in the delivery that is
    gathering already, else in a new one, `new_id`."""
    if known.until_at > now:
        return known
    recent = tuple(at for at in known.singles if at > now - SPAN)
    if len(recent) < SINGLES:
        return Gathering((*recent, now))
    return Gathering(recent, new_id, recent[0] + SPAN)
