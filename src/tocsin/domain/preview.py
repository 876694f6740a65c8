"""What a schedule will do, before it is one: its next times, and what may surprise about them."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from tocsin.domain import crontab
from tocsin.domain.calendar_time import add
from tocsin.domain.crontab import Timetable
from tocsin.domain.model import SECOND
from tocsin.domain.schedule import Calendar, Crontab, Interval, Schedule
from tocsin.domain.zones import UTC, moments, wall, zone

_DAY = 86_400 * SECOND
_YEAR = 366 * _DAY
#: A look at the clock every so often finds each change of clocks; none is undone sooner.
_STEP = 7 * _DAY


def zone_of(schedule: Schedule) -> str:
    return schedule.zone if isinstance(schedule, Crontab | Calendar) else UTC


def upcoming(schedule: Schedule, since_at: int, count: int) -> list[int]:
    """The next expected times after `since_at`, as if the job were heard then; none where they cannot be known."""
    if isinstance(schedule, Crontab):
        found, times = [since_at], crontab.timetable(*schedule)
        for _ in range(count):
            found.append(times.after(found[-1]))
        return found[1:]
    if isinstance(schedule, Calendar):
        return [add(since_at, k * schedule.every, schedule.unit, schedule.zone) for k in range(1, count + 1)]
    if isinstance(schedule, Interval):
        return [since_at + k * schedule.every for k in range(1, count + 1)]
    return []


def warnings(schedule: Schedule, grace: int | None, since_at: int) -> list[str]:
    """What people are surprised by later."""
    found: list[str] = []
    if isinstance(schedule, Crontab):
        times = crontab.timetable(*schedule)
        found += _rarities(schedule, times, since_at)
        found += _changes_of_clocks(schedule, times, since_at)
    shown = upcoming(schedule, since_at, 10)
    shortest = min((later - one for one, later in pairwise(shown)), default=None)
    if grace is not None and shortest is not None and grace > shortest:
        found.append(
            f"The grace of {grace // SECOND} s is longer than the {shortest // SECOND} s between two runs:"
            " one run covers every slot in it."
        )
    return found


def _rarities(schedule: Crontab, times: Timetable, since_at: int) -> Iterator[str]:
    first = times.after(since_at)
    distance = times.after(first) - first
    if distance > _YEAR:
        place = zone(schedule.zone)
        days = [wall(at, place).strftime("%-d %B %Y") for at in (first, times.after(first))]
        yield f"It runs rarely: on {days[0]}, and then on {days[1]}."
    elif (day := schedule.expression.split()[2:3]) and day[0] in {"29", "30", "31"} and "* *" in schedule.expression:
        yield f"Months without a {day[0]}{'st' if day[0] == '31' else 'th'} are passed over."


def _changes_of_clocks(schedule: Crontab, times: Timetable, since_at: int) -> Iterator[str]:
    """The changes of the next year that a time of the schedule falls on."""
    place = zone(schedule.zone)
    at = since_at
    while at + _STEP <= since_at + _YEAR:
        before, after = (wall(moment, place) - wall(moment, zone(UTC)) for moment in (at, at + _STEP))
        if before != after:
            yield from _surprise(schedule, times, _change(at, at + _STEP, schedule.zone), after - before)
        at += _STEP


def _change(low: int, high: int, zone_name: str) -> int:
    """The moment between the two at which clocks change."""
    place = zone(zone_name)
    old = wall(low, place) - wall(low, zone(UTC))
    first, last = low // SECOND, -(-high // SECOND)
    while last - first > 1:
        middle = (first + last) // 2
        if wall(middle * SECOND, place) - wall(middle * SECOND, zone(UTC)) == old:
            first = middle
        else:
            last = middle
    return last * SECOND


def _surprise(schedule: Crontab, times: Timetable, change: int, shift: timedelta) -> Iterator[str]:
    """What happens to the times that clocks skip, or show twice."""
    place = zone(schedule.zone)
    shown = wall(change, place)
    first, last = sorted((shown - shift, shown))
    affected = next(crontab.on_the_wall(schedule.expression, first))
    if affected >= last:
        return
    when, named = f"On {first:%Y-%m-%d}", f"{affected:%H:%M}"
    if not moments(affected, place):
        fate = "is left out" if times.is_wild else f"comes at {last:%H:%M}"
        yield f"{when} clocks in {schedule.zone} skip {first:%H:%M} to {last:%H:%M}: the run of {named} {fate}."
    else:
        fate = "comes both times" if times.is_wild else "comes once, the first time"
        yield f"{when} clocks in {schedule.zone} show {first:%H:%M} to {last:%H:%M} twice: the run of {named} {fate}."


def hours_off(schedule: Schedule, began_at: int) -> int:
    """By how many whole hours a run that began at `began_at` is off the schedule, to within five minutes; 0 where that
    is no whole number of hours, or the schedule fires too often to tell."""
    if not isinstance(schedule, Crontab):
        return 0
    times = crontab.timetable(*schedule)
    before, after = times.at_or_before(began_at), times.after(began_at)
    if after - before < 20 * 3600 * SECOND:
        return 0
    nearest = before if began_at - before <= after - began_at else after
    hour, slack = 3600 * SECOND, 300 * SECOND
    hours = (began_at - nearest + slack) // hour
    is_whole = abs(began_at - nearest - hours * hour) <= slack
    return hours if is_whole and 1 <= abs(hours) <= 14 else 0


def local(moment: int, zone_name: str) -> datetime:
    """The moment with the zone's offset."""
    place = zone(zone_name)
    shown = wall(moment, place)
    at = shown.replace(tzinfo=place)
    return at if moments(shown, place)[0] == moment else at.replace(fold=1)
