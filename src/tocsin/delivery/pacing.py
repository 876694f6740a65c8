"""How fast one node speaks to each channel: a few at once, at its provider's pace (GCRA)."""

from tocsin.delivery.channel import Pace


class Pacer:
    """Per channel: what is in flight, and when the next may go. `now` is in seconds of any steady clock."""

    def __init__(self) -> None:
        self._in_flight: dict[int, int] = {}
        self._arrives: dict[int, tuple[float, Pace]] = {}  # GCRA's theoretical arrival time

    def room(self, channel_id: int, pace: Pace, now: float) -> int:
        """How many may be sent now."""
        arrives = max(self._arrives.get(channel_id, (now, pace))[0], now)
        by_pace = int((now - arrives) * pace.per_second + pace.burst + 1e-6)
        return max(min(pace.at_once - self._in_flight.get(channel_id, 0), by_pace), 0)

    def begin(self, channel_id: int, pace: Pace, now: float) -> None:
        arrives = max(self._arrives.get(channel_id, (now, pace))[0], now)
        self._arrives[channel_id] = (arrives + 1 / pace.per_second, pace)
        self._in_flight[channel_id] = self._in_flight.get(channel_id, 0) + 1

    def end(self, channel_id: int) -> None:
        left = self._in_flight.pop(channel_id) - 1
        if left:
            self._in_flight[channel_id] = left

    def full(self, now: float) -> list[int]:
        """Channels without room; those that rest are forgotten on the way."""
        for channel_id in [c for c, (arrives, _) in self._arrives.items() if arrives <= now]:
            if channel_id not in self._in_flight:
                del self._arrives[channel_id]
        return [c for c, (_, pace) in self._arrives.items() if self.room(c, pace, now) == 0]
