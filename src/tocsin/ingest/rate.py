"""How often something may happen: so many at once, and then as many a minute."""

from collections.abc import Hashable

from tocsin.domain.model import SECOND

_MINUTE = 60 * SECOND
_SWEEP_AT = 20_000


class Rate:
    """Counts by key (GCRA). `a_minute` may come at once, and are replenished evenly; 0: there is no limit."""

    def __init__(self, a_minute: int) -> None:
        self._every = _MINUTE // a_minute if a_minute else 0
        self._burst = _MINUTE
        self._full_at: dict[Hashable, int] = {}
        self._sweep_at = _SWEEP_AT

    def wait(self, key: Hashable, now: int) -> int:
        """0 where it may happen now, and is counted; else how many microseconds are left until it may."""
        too_early = self.left(key, now)
        if too_early == 0:
            self.count(key, now)
        return too_early

    def left(self, key: Hashable, now: int) -> int:
        """The same, without counting anything."""
        full_at = max(self._full_at.get(key, now), now) + self._every
        return max(full_at - now - self._burst, 0)

    def count(self, key: Hashable, now: int) -> None:
        """It happened, whether it might or not."""
        if not self._every:
            return
        full_at = max(self._full_at.get(key, now), now) + self._every
        if len(self._full_at) >= self._sweep_at:
            self._full_at = {one: at for one, at in self._full_at.items() if at > now}
            self._sweep_at = max(_SWEEP_AT, 2 * len(self._full_at))
        self._full_at[key] = full_at
