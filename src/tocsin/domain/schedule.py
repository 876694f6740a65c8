"""When a job is expected. Pure: moments in, moments out, in microseconds.

`Interval` is counted from the last success and knows windows; the others know slots (`domain.slots`), which are on the
clock (`Crontab`), or counted from what was heard last (`Calendar`, `Learned`).
"""

from typing import NamedTuple

from tocsin.domain import calendar_time, crontab
from tocsin.domain.calendar_time import Unit

MICROSECONDS = 1_000_000


class Interval(NamedTuple):
    """Every `every` microseconds after the last success."""

    every: int


class Crontab(NamedTuple):
    """The occurrences of a crontab expression in an IANA zone."""

    expression: str
    zone: str


class Calendar(NamedTuple):
    """Every `every` units after the last check-in, by the wall clock of a zone."""

    every: int
    unit: Unit
    zone: str


class Learned(NamedTuple):
    """As the runs of a stream have come until now. `own_grace`: the job's, where it sets one."""

    own_grace: int | None = None


class Unscheduled(NamedTuple):
    """Never expected: only failures and timeouts matter."""


Schedule = Interval | Crontab | Calendar | Learned | Unscheduled


def window(schedule: Schedule, grace: int) -> int | None:
    """Length of one window, deadline to deadline; None where there are no windows."""
    return schedule.every + grace if isinstance(schedule, Interval) else None


def distance(schedule: Schedule, moment: int) -> int | None:
    """Distance between expected times around `moment`; None where none is expected, or only a stream knows."""
    if isinstance(schedule, Interval):
        return schedule.every
    if isinstance(schedule, Crontab):
        times = crontab.timetable(*schedule)
        slot = times.at_or_before(moment)
        return slot - times.before(slot)
    if isinstance(schedule, Calendar):
        return calendar_time.add(moment, *schedule) - moment
    return None


def next_distance(schedule: Schedule, now: int) -> int | None:
    """Distance between the next two expected times, for people; None where none is known."""
    if isinstance(schedule, Crontab):
        times = crontab.timetable(*schedule)
        first = times.after(now)
        return times.after(first) - first
    return distance(schedule, now)


def early_margin(schedule: Schedule, grace: int) -> int:
    """How long before its expected time a run may begin and still belong to the slot, on `interval`."""
    return min(grace, schedule.every // 10) if isinstance(schedule, Interval) else 0
