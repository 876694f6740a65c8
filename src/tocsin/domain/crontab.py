"""When a crontab expression fires: moments in, moments out, in microseconds.

The rules are cronsim's, which are Debian cron's. Its iteration costs 10 to 1,000 µs a step, so the occurrences of each
(expression, zone) are kept, and shared by all streams that follow it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from heapq import heappop, heappush
from itertools import islice, takewhile

from cronsim import CronSim, CronSimError

from tocsin.domain.zones import EPOCH, moment_of, moments, wall, zone

NAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_HOUR, _DAY = 3_600_000_000, 86_400_000_000
#: No clock was ever set back further than this.
_LONGEST_FOLD = 6 * _HOUR
#: An expression that fires at all fires within 40 years: 29 February on a Monday comes every 28, but for 2100.
_LOOK_BACK = (_HOUR, 2 * _DAY, 40 * _DAY, 400 * _DAY, 9 * 366 * _DAY, 41 * 366 * _DAY)
_KEPT = 20_000
#: Moments before this, and after it, are nobody's schedule; dates beyond them do not exist in every zone.
_FIRST, _LAST = 0, 200 * 366 * _DAY


_NEVER = "would never fire: no such date exists."


class BadCrontab(ValueError):  # noqa: N818 -- says what is wrong with the expression
    """The expression cannot be followed; the message says why."""


def check(expression: str, zone_name: str) -> None:
    """Raise BadCrontab, or ValueError for the zone, unless the expression is one that fires."""
    try:
        next(CronSim(_fields(expression), datetime(2024, 1, 1, tzinfo=zone(zone_name))))
    except (CronSimError, AssertionError):
        if _is_well_formed(expression):
            raise BadCrontab(_NEVER) from None
        raise BadCrontab(
            "must be five crontab fields, as in '0 3 * * *', or one of @hourly, @daily, @weekly, @monthly and @yearly."
        ) from None
    except StopIteration:
        raise BadCrontab(_NEVER) from None


def _is_well_formed(expression: str) -> bool:
    """Whether it is only the day of the month that its months do not have: cronsim tells both alike."""
    try:
        minute, hour, _, month, weekday = _fields(expression).split()
        CronSim(" ".join((minute, hour, expression.split()[2], "*", weekday)), EPOCH)
        CronSim(" ".join((minute, hour, "1", month, weekday)), EPOCH)
    except (CronSimError, AssertionError):
        return False
    return True


def _fields(expression: str) -> str:
    fields = NAMES.get(expression.strip().lower(), expression)
    if len(fields.split()) != 5:
        raise CronSimError("not five fields")
    return fields


def on_the_wall(expression: str, start: datetime) -> Iterator[datetime]:
    """The times, at or after `start`, at which the expression fires by a clock that is never changed."""
    return CronSim(_fields(expression), start - timedelta(minutes=1))


@lru_cache(maxsize=4_096)
def timetable(expression: str, zone_name: str) -> "Timetable":
    """The occurrences of an expression in a zone, shared by everybody who follows it."""
    return Timetable(expression, zone_name)


class Timetable:
    """The occurrences of one expression in one zone. Safe to ask from any thread: what is known is replaced whole."""

    def __init__(self, expression: str, zone_name: str) -> None:
        self._fields = _fields(expression)
        self._zone = zone(zone_name)
        minutes, hours = self._fields.split()[:2]
        #: Runs by the minute or the hour rather than at set times: whatever the wall shows, in both folds.
        self.is_wild = minutes.startswith("*") or hours.startswith("*")
        #: All occurrences from the first of these to the last.
        self._known: list[int] = []

    def after(self, moment: int) -> int:
        """The first occurrence later than `moment`."""
        known = self._known
        if not known or not known[0] <= moment < known[-1]:
            known = self._reach(moment)
        return known[bisect_right(known, moment)]

    def at_or_before(self, moment: int) -> int:
        """The last occurrence at or before `moment`."""
        known = self._known
        if not known or not known[0] <= moment < known[-1]:
            known = self._reach(moment)
        return known[bisect_right(known, moment) - 1]

    def before(self, moment: int) -> int:
        """The last occurrence earlier than `moment`."""
        return self.at_or_before(moment - 1)

    def count(self, after: int, until: int) -> int:
        """How many occurrences there are later than `after`, and at or before `until`."""
        total = 0
        while True:
            known = self._known
            if not known or not known[0] <= after < known[-1]:
                known = self._reach(after)
            end = min(until, known[-1])
            total += bisect_right(known, end) - bisect_right(known, after)
            if until <= known[-1]:
                return max(total, 0)
            after = known[-1]

    def between(self, since: int, until: int) -> list[int]:
        """The occurrences at or after `since`, and at or before `until`."""
        found = []
        moment = self.after(since - 1)
        while moment <= until:
            known = self._known
            if known and known[0] <= moment < known[-1]:
                part = known[bisect_left(known, moment) : bisect_right(known, until)]
                found += part
                moment = self.after(part[-1])
            else:
                found.append(moment)
                moment = self.after(moment)
        return found

    def _reach(self, moment: int) -> list[int]:
        """Know the occurrences around `moment`: one at or before it, and some after."""
        moment = min(max(moment, _FIRST), _LAST)
        known = self._known
        is_near = bool(known) and known[-1] <= moment < known[-1] + 40 * _DAY and len(known) < _KEPT
        known = [*known, *self._some(known[-1], moment)] if is_near else self._around(moment)
        self._known = known
        return known

    def _around(self, moment: int) -> list[int]:
        for span in _LOOK_BACK:
            # What was passed on the way from far back is not kept: it may be much.
            earlier = list(takewhile(lambda at: at <= moment, self._from(moment - span)))
            if earlier:
                return earlier[-1_000:] + self._some(earlier[-1], moment)
        raise BadCrontab("has no occurrence in 40 years.")

    def _some(self, after: int, moment: int) -> list[int]:
        """Occurrences following the occurrence `after`: those up to `moment`, and some more."""
        following = (at for at in self._from(after) if at > after)
        found = []
        for at in following:
            found.append(at)
            if at > moment:
                break
        horizon = found[-1] + 2 * _DAY
        return found + list(takewhile(lambda at: at <= horizon, islice(following, 500)))

    def _from(self, moment: int) -> Iterator[int]:
        """Occurrences from some hours before `moment` on: the clock on the wall can go back by that much."""
        last = -1
        for at in self._in_order(wall(moment - _LONGEST_FOLD, self._zone)):
            if at > last:
                yield at
                last = at

    def _in_order(self, start: datetime) -> Iterator[int]:
        """Occurrences after a time on the wall.

        Cronsim says which times on the wall match; what clocks do to them is done here, as Debian's cron does it. (Its
        own way with clocks loses hours where they change by half an hour.)
        """
        following: list[int] = []  # times of a second fold, until the first is over
        for local in CronSim(self._fields, start):
            if not self.is_wild:
                yield moment_of(local, self._zone)
                continue
            shown = moments(local, self._zone)
            while shown and following and following[0] < shown[0]:
                yield heappop(following)
            for at in shown:
                heappush(following, at)
