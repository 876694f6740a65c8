"""How this node fares, as the overview shows it."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping

from tocsin.clock import Clock
from tocsin.dashboard.live import Hub

_MINUTE = 60_000_000
SHOWN_MINUTES = 40


class Traffic:
    """Check-ins and events of each workspace, by the minute they were committed in; safe to call from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._minutes: deque[tuple[int, dict[int, int]]] = deque(maxlen=SHOWN_MINUTES + 1)

    def count(self, heard: Mapping[int, int]) -> None:
        """`heard`: how many of each workspace were just committed."""
        minute = self._clock.now() // _MINUTE
        with self._lock:
            if not self._minutes or self._minutes[-1][0] != minute:
                self._minutes.append((minute, {}))
            counts = self._minutes[-1][1]
            for workspace_id, number in heard.items():
                counts[workspace_id] = counts.get(workspace_id, 0) + number

    def by_minute(self, workspace_id: int) -> list[int]:
        """Of the last whole minutes, oldest first."""
        now = self._clock.now() // _MINUTE
        with self._lock:
            known = {minute: counts.get(workspace_id, 0) for minute, counts in self._minutes}
        return [known.get(minute, 0) for minute in range(now - SHOWN_MINUTES, now)]


class Watched:
    """What those who commit tell of: counted for the overview, and passed on to whoever looks."""

    def __init__(self, traffic: Traffic, hub: Hub) -> None:
        self._traffic = traffic
        self._hub = hub

    def turned(self, workspaces: Iterable[int]) -> None:
        self._hub.turned(workspaces)

    def heard(self, counts: Mapping[int, int]) -> None:
        self._traffic.count(counts)
        self._hub.heard(counts)


class Vitals:
    """`tick_lag`: seconds since the moment up to which everything is judged; None where other nodes judge."""

    def __init__(self, traffic: Traffic, tick_lag: Callable[[], float] | None) -> None:
        self.traffic = traffic
        self._tick_lag = tick_lag

    def tick_lag(self) -> float | None:
        return None if self._tick_lag is None else self._tick_lag()
