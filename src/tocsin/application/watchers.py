"""Who is told, after a commit, that something changed in a workspace: whatever shows it live."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from tocsin.application.record import Item
from tocsin.application.record_events import EventSubmission
from tocsin.domain.model import CheckInKind


class Watchers(Protocol):
    """Called from the threads that commit: it must not wait, and must not raise."""

    def turned(self, workspaces: Iterable[int]) -> None:
        """A run failed or was missed, an incident moved, somebody changed something."""

    def heard(self, counts: Mapping[int, int]) -> None:
        """So many check-ins and events of each workspace were committed."""


class Nobody:
    """Where nothing is shown."""

    def turned(self, workspaces: Iterable[int]) -> None:
        pass

    def heard(self, counts: Mapping[int, int]) -> None:
        pass


NOBODY = Nobody()


def tell(watchers: Watchers, committed: Sequence[Item]) -> None:
    """What the recorder just committed."""
    counts: Counter[int] = Counter()
    for item in committed:
        counts[item.workspace_id] += item.weight
    watchers.heard(counts)
    if turned := {item.workspace_id for item in committed if _is_trouble(item)}:
        watchers.turned(turned)


def _is_trouble(item: Item) -> bool:
    return isinstance(item, EventSubmission) or item.check_in.kind is CheckInKind.FAILURE
