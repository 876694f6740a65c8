"""How long what has been is kept."""

from collections.abc import Mapping
from typing import NamedTuple

from tocsin.domain.model import SECOND

DAY = 86_400 * SECOND
#: Check-ins may tell of the last seven days, and what they tell is drawn anew from the runs: those stay in any case.
LEAST_RUN_DAYS = 8
MOST_DAYS = 36_500


class Retention(NamedTuple):
    """Whole days; 0 keeps for ever.

    `log_days`: what runs say while they go on. `failed_run_days`: runs that failed, timed out or were missed, with
    their output. `delivery_days`: alerts with their deliveries. `audit_days`: who did what, and the workspace's log.
    """

    log_days: int = 30
    run_days: int = 90
    failed_run_days: int = 365
    event_days: int = 90
    delivery_days: int = 90
    rejection_days: int = 30
    audit_days: int = 365

    def but(self, chosen: Mapping[str, int]) -> "Retention":
        """With what a workspace chose; names that are not ours are of another version, and ignored."""
        return self._replace(**{name: days for name, days in chosen.items() if name in self._fields})

    @property
    def failing_days(self) -> int:
        """Failed runs are never kept shorter than the others."""
        return 0 if not (self.run_days and self.failed_run_days) else max(self.run_days, self.failed_run_days)


def boundary(days: int, now: int) -> int | None:
    """What is older than this moment may go; None: nothing may."""
    return now - days * DAY if days else None
