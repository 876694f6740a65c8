"""When a job is expected. Pure: moments in, moments out, in microseconds.

`interval` and `none` are judged; the other types have their place in the `Schedule` union and arrive with their slots.
"""

from typing import NamedTuple

MICROSECONDS = 1_000_000


class Interval(NamedTuple):
    """Every `every` microseconds after the last success."""

    every: int


class Unscheduled(NamedTuple):
    """Never expected: only failures and timeouts matter."""


Schedule = Interval | Unscheduled


def window(schedule: Schedule, grace: int) -> int | None:
    """Length of one window, deadline to deadline; None where nothing is expected."""
    return schedule.every + grace if isinstance(schedule, Interval) else None


def distance(schedule: Schedule) -> int | None:
    """Distance between two expected times; None where nothing is expected."""
    return schedule.every if isinstance(schedule, Interval) else None


def early_margin(schedule: Schedule, grace: int) -> int:
    """How long before its expected time a run may begin and still belong to the slot."""
    between = distance(schedule)
    return min(grace, between // 10) if between is not None else 0
