"""Days and hours by number: days since 1970-01-01 on the calendar of a place, hours since 1970 UTC."""

from datetime import date, datetime, time, timedelta

from tocsin.domain import zones

HOUR = 3_600_000_000
_FIRST = date(1970, 1, 1)


class Days:
    """The days of one zone."""

    def __init__(self, zone: str) -> None:
        self._place = zones.zone(zone)
        self._known: tuple[int, int, int] = (0, 0, 0)  # number, start and end of the day asked for last

    def of(self, moment: int) -> int:
        """The number of the day that the calendar on the wall shows."""
        number, start, end = self._known
        if start <= moment < end:
            return number
        number = (zones.wall(moment, self._place).date() - _FIRST).days
        self._known = number, self.start(number), self.start(number + 1)
        return number

    def start(self, day: int) -> int:
        """The moment at which the day begins: its first midnight, or what the clock shows instead."""
        return zones.moment_of(datetime.combine(_FIRST + timedelta(days=day), time()), self._place)


def name_of(day: int) -> str:
    """The day as YYYY-MM-DD."""
    return (_FIRST + timedelta(days=day)).isoformat()


def hour_of(moment: int) -> int:
    return moment // HOUR
