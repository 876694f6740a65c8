"""Time zones, from the tzdata we depend on: what 02:30 in Vienna is must not hang on the machine we run on.

Moments are microseconds since 1970 UTC; times on the wall are naive datetimes.
"""

from datetime import UTC as _UTC
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

UTC = "UTC"
EPOCH = datetime(1970, 1, 1, tzinfo=_UTC)
_NAIVE_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 -- the wall clock has no zone until it is given one
_MICROSECOND = timedelta(microseconds=1)


@cache
def names() -> frozenset[str]:
    """Every zone of the IANA database, links included."""
    return frozenset(files("tzdata").joinpath("zones").read_text().split())


@cache
def zone(name: str) -> ZoneInfo:
    """The zone of this name; ValueError where the IANA database has none. (As many are kept as there are zones.)"""
    if name not in names():
        raise ValueError(f"{name} is no time zone of the IANA database, as Europe/Vienna is.")
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def wall(moment: int, place: ZoneInfo) -> datetime:
    """What the clock on the wall shows."""
    return (EPOCH + moment * _MICROSECOND).astimezone(place).replace(tzinfo=None, fold=0)


def moments(local: datetime, place: ZoneInfo) -> tuple[int, ...]:
    """When the wall shows this time: once, twice where clocks are set back, never where they are set forward."""
    first, second = _readings(local, place)
    if first == second:
        return (first,)
    return (first, second) if first < second else ()


def moment_of(local: datetime, place: ZoneInfo) -> int:
    """When a time comes that must come: the first time of two; where there is none, when the gap ends."""
    first, second = _readings(local, place)
    # In a gap, by the offset before it the time is past the gap's end, by the one after it not there yet.
    return first if first <= second else _change_between(second, first, place)


def _readings(local: datetime, place: ZoneInfo) -> tuple[int, int]:
    """The moment by the offset before a change of clocks, and by the one after it."""
    since = (local - _NAIVE_EPOCH) // _MICROSECOND
    before, after = place.utcoffset(local), place.utcoffset(local.replace(fold=1))
    if before == after:
        moment = since - (before or timedelta()) // _MICROSECOND
        return moment, moment
    return since - (before or timedelta()) // _MICROSECOND, since - (after or timedelta()) // _MICROSECOND


def _change_between(earlier: int, later: int, place: ZoneInfo) -> int:
    """The moment between the two at which clocks change, which they do on a whole second."""
    low, high = earlier // 1_000_000, -(-later // 1_000_000)
    offset = _offset(high, place)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(middle, place) == offset:
            high = middle
        else:
            low = middle
    return high * 1_000_000


def _offset(seconds: int, place: ZoneInfo) -> timedelta | None:
    return (EPOCH + timedelta(seconds=seconds)).astimezone(place).utcoffset()
