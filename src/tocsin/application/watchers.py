"""Who is told, after a commit, that something changed in a workspace: whatever shows it live."""

from collections.abc import Iterable, Mapping
from typing import Protocol


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
