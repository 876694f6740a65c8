"""Rules of recurrence (RFC 5545, RRULE), as far as they are days and longer, on the clock on the wall.

A rule is bounded before it is believed: whatever is asked of it looks `HORIZON` ahead at most, from a start that was
moved near by whole periods, so that a question costs a millisecond or so, whatever the rule.
"""

import re
from calendar import monthrange
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Any, NamedTuple

from dateutil import rrule

#: A 29th of February may be eight years away.
_HORIZON_YEARS = 8
HORIZON = timedelta(days=_HORIZON_YEARS * 366)
_MOST = 1_000
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_WEEKDAYS = dict(zip(_DAYS, (rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR, rrule.SA, rrule.SU), strict=True))
_FREQUENCIES = {"DAILY": rrule.DAILY, "WEEKLY": rrule.WEEKLY, "MONTHLY": rrule.MONTHLY, "YEARLY": rrule.YEARLY}
_PERIOD_DAYS = {rrule.DAILY: 1, rrule.WEEKLY: 7}
_PERIOD_MONTHS = {rrule.MONTHLY: 1, rrule.YEARLY: 12}
_DAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")


class Rule(NamedTuple):
    """A rule that was read. `times`: its COUNT; `until`: on the wall, unless `until_is_utc`; `lists`: BY parts."""

    frequency: int
    interval: int = 1
    times: int | None = None
    until: datetime | None = None
    until_is_utc: bool = False
    wkst: Any = None
    lists: tuple[tuple[str, tuple[Any, ...]], ...] = ()


def read(text: str) -> Rule:
    """The rule that a text says; ValueError with a sentence about what is wrong with it."""
    parts: dict[str, str] = {}
    for part in text.strip().upper().removeprefix("RRULE:").split(";"):
        name, is_pair, value = part.partition("=")
        if not is_pair or not value or name in parts:
            raise ValueError("must be a rule like FREQ=WEEKLY;BYDAY=SU, each part once.")
        parts[name] = value
    frequency = _FREQUENCIES.get(parts.pop("FREQ", ""))
    if frequency is None:
        raise ValueError("must have a FREQ of DAILY, WEEKLY, MONTHLY or YEARLY.")
    unknown = sorted(parts.keys() - _READERS.keys())
    if unknown:
        raise ValueError(f"must not hold {unknown[0][:20]}: only {', '.join(_READERS)} are known.")
    fields: dict[str, Any] = {}
    lists: list[tuple[str, tuple[Any, ...]]] = []
    for name, value in parts.items():
        read_part = _READERS[name](value)
        if name.startswith("BY"):
            lists.append((_KEYWORDS[name], read_part))
        else:
            fields |= read_part
    if "BYSETPOS" in parts and (len(lists) == 1 or frequency in _PERIOD_DAYS):
        raise ValueError("must be MONTHLY or YEARLY, with a BYDAY or BYMONTHDAY, to have a BYSETPOS.")
    if "BYMONTHDAY" in parts and frequency == rrule.WEEKLY:
        raise ValueError("must not have a BYMONTHDAY where FREQ is WEEKLY.")
    if "times" in fields and "until" in fields:
        raise ValueError("must have a COUNT or an UNTIL, not both.")
    if frequency in _PERIOD_DAYS and any(day.n for day in dict(lists).get("byweekday", ())):
        raise ValueError("must not number the days of BYDAY unless FREQ is MONTHLY or YEARLY.")
    return Rule(frequency, lists=tuple(lists), **fields)


def starts(rule: Rule, first: datetime, near: datetime) -> Iterator[datetime]:
    """The moments of the rule that begins with `first`, from `near` on, up to `HORIZON` after it; all on the wall."""
    until = max(near, first) + HORIZON
    if rule.until is not None:
        until = min(until, rule.until)
    begun = first if rule.times is not None else _moved(rule, first, near)
    fraction = timedelta(microseconds=first.microsecond)  # which dateutil drops
    moments = (start + fraction for start in islice(_drawn(rule, first, begun, until), rule.times))
    yield from (start for start in moments if start >= near)


def _drawn(rule: Rule, first: datetime, begun: datetime, until: datetime) -> Iterator[datetime]:
    """A rule whose next moment never comes is looked for up to the year 9999; as the calendar repeats
    itself every 400 years, that is done in the last of them. Of days and weeks most come, and are picked here."""
    cycles = (9_999 - 2 * _HORIZON_YEARS - begun.year) // 400 * 400
    said, limits = _explicit(rule, first), {}
    if rule.frequency in _PERIOD_DAYS:
        limits = {name: said.pop(name) for name in list(said) if name != "byweekday" or rule.frequency == rrule.DAILY}
    late = begun.replace(year=begun.year + cycles)
    drawn = rrule.rrule(rule.frequency, dtstart=late, interval=rule.interval, wkst=rule.wkst, **said)
    all_starts = (start.replace(year=start.year - cycles) for start in drawn)
    return (start for start in takewhile(lambda start: start <= until, all_starts) if _is_within(limits, start))


def _is_within(limits: dict[str, Any], start: datetime) -> bool:
    month_end = monthrange(start.year, start.month)[1]
    return (
        start.month in limits.get("bymonth", (start.month,))
        and not {start.day, start.day - month_end - 1}.isdisjoint(limits.get("bymonthday", (start.day,)))
        and start.weekday() in [day.weekday for day in limits.get("byweekday", _WEEKDAYS.values())]
    )


def _moved(rule: Rule, first: datetime, near: datetime) -> datetime:
    """The beginning moved by whole periods to shortly before `near`, so that no years are walked through."""
    if days := _PERIOD_DAYS.get(rule.frequency):
        periods = max((near - first).days // (days * rule.interval) - 1, 0)
        return first + timedelta(days=periods * days * rule.interval)
    months = _PERIOD_MONTHS[rule.frequency] * rule.interval
    passed = (near.year - first.year) * 12 + near.month - first.month
    periods = max(passed // months - 1, 0)
    total = first.year * 12 + first.month - 1 + periods * months
    # The day stands in the rule: the first of a month exists in each.
    return first.replace(year=total // 12, month=total % 12 + 1, day=1) if periods else first


def _explicit(rule: Rule, first: datetime) -> dict[str, Any]:
    """What a rule takes from its beginning is said, so that the beginning can be moved."""
    said = dict(rule.lists)
    if rule.frequency in _PERIOD_MONTHS and not {"byweekday", "bymonthday"} & said.keys():
        if rule.frequency == rrule.YEARLY:
            said.setdefault("bymonth", (first.month,))
        said["bymonthday"] = (first.day,)
    if rule.frequency == rrule.WEEKLY:
        said.setdefault("byweekday", (_WEEKDAYS[_DAYS[first.weekday()]],))
    return said


def _number(name: str, keyword: str) -> Callable[[str], dict[str, int]]:
    def reads(text: str) -> dict[str, int]:
        return {keyword: _within(text, name, 1, _MOST)}

    return reads


def _numbers(name: str, most: int, *, signed: bool) -> Callable[[str], tuple[int, ...]]:
    def reads(text: str) -> tuple[int, ...]:
        return tuple(_within(one, name, 1, most, signed=signed) for one in text.split(","))

    return reads


def _within(text: str, name: str, least: int, most: int, *, signed: bool = False) -> int:
    form = r"[+-]?\d{1,4}" if signed else r"\d{1,4}"
    if not re.fullmatch(form, text, re.ASCII) or not least <= abs(int(text)) <= most:
        article = "an" if name[0] in "IU" else "a"
        raise ValueError(
            f"must have {article} {name} of {least} to {most}{' (or counted from the end)' if signed else ''}."
        )
    return int(text)


def _until(text: str) -> dict[str, Any]:
    form = "%Y%m%dT%H%M%S" if len(text) > len("20261231") else "%Y%m%d"
    try:
        until = datetime.strptime(text.removesuffix("Z"), form)  # noqa: DTZ007 -- on the wall
    except ValueError:
        raise ValueError("must have an UNTIL like 20261231 or 20261231T235959Z.") from None
    return {"until": until if "T" in text else until + timedelta(days=1, seconds=-1), "until_is_utc": text[-1] == "Z"}


def _days(text: str) -> tuple[Any, ...]:
    found = []
    for one in text.split(","):
        match = _DAY.fullmatch(one)
        if not match or (match[1] and not 1 <= abs(int(match[1])) <= 53):
            raise ValueError("must have a BYDAY like MO,TU or, of a month, 1SU.")
        found.append(_WEEKDAYS[match[2]](int(match[1])) if match[1] else _WEEKDAYS[match[2]])
    return tuple(found)


def _week_start(text: str) -> dict[str, Any]:
    if text not in _WEEKDAYS:
        raise ValueError("must have a WKST like MO.")
    return {"wkst": _WEEKDAYS[text]}


_READERS: dict[str, Callable[[str], Any]] = {
    "INTERVAL": _number("INTERVAL", "interval"),
    "COUNT": _number("COUNT", "times"),
    "UNTIL": _until,
    "WKST": _week_start,
    "BYDAY": _days,
    "BYMONTH": _numbers("BYMONTH", 12, signed=False),
    "BYMONTHDAY": _numbers("BYMONTHDAY", 31, signed=True),
    "BYSETPOS": _numbers("BYSETPOS", 366, signed=True),
}
_KEYWORDS = {"BYDAY": "byweekday", "BYMONTH": "bymonth", "BYMONTHDAY": "bymonthday", "BYSETPOS": "bysetpos"}
