"""Adding years, months, weeks, days, hours and minutes to a moment, in microseconds."""

from calendar import monthrange
from datetime import timedelta
from typing import Literal

from tocsin.domain.zones import moment_of, wall, zone

Unit = Literal["year", "month", "week", "day", "hour", "minute"]

#: Minutes and hours are real time: six hours are six hours, also in the night when clocks change.
_REAL = {"minute": 60_000_000, "hour": 3_600_000_000}
_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "year": 12}
_DAY = 86_400_000_000
#: About how long one unit is: to find a place to begin to look.
ABOUT = {**_REAL, "day": _DAY, "week": 7 * _DAY, "month": 30 * _DAY, "year": 365 * _DAY}


def add(moment: int, count: int, unit: Unit, zone_name: str) -> int:
    """`count` units after `moment`, by the clock on the wall in the zone.

    A day that a month lacks becomes its last; a time that a day lacks is when the gap ends; of one that comes twice it
    is the first.
    """
    if unit in _REAL:
        return moment + count * _REAL[unit]
    place = zone(zone_name)
    local = wall(moment, place)
    if unit in _DAYS:
        moved = local + timedelta(days=count * _DAYS[unit])
    else:
        months = local.year * 12 + local.month - 1 + count * _MONTHS[unit]
        year, month = divmod(months, 12)
        moved = local.replace(year=year, month=month + 1, day=min(local.day, monthrange(year, month + 1)[1]))
    return moment_of(moved, place)
