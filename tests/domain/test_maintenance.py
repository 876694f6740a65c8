"""Maintenance windows: on the clock on the wall, again and again, and never without bound."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.clock import stopwatch
from tocsin.domain.maintenance import Span, Window, fault_of, span_at
from tocsin.domain.model import SECOND
from tocsin.wire_time import iso, parse_iso

HOUR = 3600 * SECOND
DAY = 24 * HOUR
NOW = "2026-01-05T12:00:00Z"


def window(starts: str, ends: str, rule: str = "", zone: str = "UTC") -> Window:
    return Window(parse_iso(starts), parse_iso(ends), rule, zone)


def at_night(rule: str, zone: str = "UTC") -> Window:
    """From 2 to 4 on the 5th of January 2026, a Monday, in UTC."""
    return window("2026-01-05T02:00:00Z", "2026-01-05T04:00:00Z", rule, zone)


def shown(span: Span | None) -> tuple[str, str] | None:
    return None if span is None else (iso(span.from_at), iso(span.until_at))


#: Rule, moment, the night of the window of two to four that it is in, or that comes next.
NIGHTS = """
once                                             2026-01-05T01:00 2026-01-05
once                                             2026-01-05T03:59 2026-01-05
once                                             2026-01-05T04:00 -
FREQ=DAILY                                       2026-01-05T04:00 2026-01-06
FREQ=DAILY                                       2036-07-01T03:00 2036-07-01
FREQ=DAILY;INTERVAL=2                            2026-01-05T04:00 2026-01-07
FREQ=DAILY;COUNT=2                               2026-01-06T04:00 -
FREQ=DAILY;UNTIL=20260107                        2026-01-06T04:00 2026-01-07
FREQ=DAILY;UNTIL=20260107T015959Z                2026-01-06T04:00 -
FREQ=DAILY;BYDAY=SA,SU                           2026-01-05T04:00 2026-01-10
FREQ=WEEKLY                                      2026-01-05T04:00 2026-01-12
FREQ=WEEKLY;INTERVAL=2;BYDAY=MO                  2027-06-01T00:00 2027-06-07
FREQ=MONTHLY                                     2026-01-05T04:00 2026-02-05
FREQ=MONTHLY;BYDAY=-1SU                          2026-01-05T04:00 2026-01-25
FREQ=MONTHLY;BYMONTHDAY=31                       2026-02-01T00:00 2026-03-31
FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1    2026-01-05T05:00 2026-01-30
FREQ=YEARLY                                      2026-01-05T04:00 2027-01-05
FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29              2026-01-05T04:00 2028-02-29
"""


@pytest.mark.parametrize("line", NIGHTS.strip().splitlines())
def test_when_a_window_comes(line: str) -> None:
    rule, moment, night = line.split()
    span = span_at(at_night("" if rule == "once" else rule), parse_iso(f"{moment}:00Z"))
    assert shown(span) == (None if night == "-" else (f"{night}T02:00:00Z", f"{night}T04:00:00Z"))


@pytest.mark.parametrize(
    ("starts", "ends", "moment", "expected"),
    [
        # Vienna, 2 to 4: in winter 1 to 3 in UTC, in summer 0 to 2. In March 2:00 is skipped, in October it is twice.
        ("01:00", "03:00", "2026-03-28T12:00:00Z", ("2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z")),
        ("01:00", "03:00", "2026-03-29T12:00:00Z", ("2026-03-30T00:00:00Z", "2026-03-30T02:00:00Z")),
        ("01:00", "03:00", "2026-10-24T12:00:00Z", ("2026-10-25T00:00:00Z", "2026-10-25T03:00:00Z")),
        # 2:15 to 2:45 does not exist on the 29th of March: it does not come that day.
        ("01:15", "01:45", "2026-03-28T12:00:00Z", ("2026-03-30T00:15:00Z", "2026-03-30T00:45:00Z")),
    ],
)
def test_clocks_change(starts: str, ends: str, moment: str, expected: tuple[str, str]) -> None:
    nightly = window(f"2026-01-05T{starts}:00Z", f"2026-01-05T{ends}:00Z", "FREQ=DAILY", "Europe/Vienna")
    assert shown(span_at(nightly, parse_iso(moment))) == expected


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("FREQ=SECONDLY", "rrule must have a FREQ of DAILY, WEEKLY, MONTHLY or YEARLY."),
        ("FREQ=HOURLY;INTERVAL=6", "rrule must have a FREQ of"),
        ("BYDAY=MO", "rrule must have a FREQ of"),
        ("FREQ=DAILY;COUNT=1000000000", "rrule must have a COUNT of 1 to 1000."),
        ("FREQ=DAILY;COUNT=0", "rrule must have a COUNT"),
        ("FREQ=DAILY;INTERVAL=9999", "rrule must have an INTERVAL"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20300101", "rrule must have a COUNT or an UNTIL"),
        ("FREQ=DAILY;UNTIL=never", "rrule must have an UNTIL like"),
        ("FREQ=DAILY;FREQ=DAILY", "rrule must be a rule like"),
        ("nonsense", "rrule must be a rule like"),
        ("FREQ=DAILY;BYHOUR=3", "rrule must not hold BYHOUR"),
        ("FREQ=DAILY;BYEASTER=0", "rrule must not hold BYEASTER"),
        ("FREQ=WEEKLY;BYDAY=1MO", "rrule must not number the days"),
        ("FREQ=WEEKLY;BYMONTHDAY=3", "rrule must not have a BYMONTHDAY"),
        ("FREQ=MONTHLY;BYDAY=XX", "rrule must have a BYDAY like"),
        ("FREQ=MONTHLY;BYSETPOS=1", "rrule must be MONTHLY or YEARLY, with"),
        ("FREQ=DAILY;WKST=XX", "rrule must have a WKST"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "rrule must have a BYMONTHDAY of 1 to 31"),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "The window would never come again"),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=300", "The window would never come again"),
        ("FREQ=DAILY;BYDAY=TU;INTERVAL=7", "The window would never come again"),
        ("FREQ=DAILY;UNTIL=20200101", "The window would never come again"),
    ],
)
def test_what_is_wrong_with_a_rule_is_said_and_said_soon(rule: str, sentence: str) -> None:
    took = stopwatch()
    assert (fault_of(at_night(rule), parse_iso(NOW)) or "").startswith(sentence)
    assert took() < SECOND


@pytest.mark.parametrize(
    ("length", "rule", "is_wrong"),
    [
        (23 * HOUR, "FREQ=DAILY", False),
        (DAY, "FREQ=DAILY", True),  # it would never be over
        (30 * HOUR, "FREQ=DAILY;BYDAY=SA,SU", True),
        (30 * HOUR, "FREQ=DAILY;BYDAY=SA", False),
        (8 * DAY, "FREQ=WEEKLY", True),
        (8 * DAY, "FREQ=WEEKLY;INTERVAL=2", False),
        (30 * DAY, "FREQ=MONTHLY", True),
        (366 * DAY, "", False),
        (367 * DAY, "", True),
        (0, "", True),
        (-HOUR, "", True),
    ],
)
def test_a_window_is_over_before_it_comes_again(length: int, rule: str, is_wrong: bool) -> None:
    starts_at = parse_iso(NOW)
    assert (fault_of(Window(starts_at, starts_at + length, rule), starts_at) is not None) is is_wrong


_RULES = st.builds(
    lambda frequency, interval, days, months: ";".join(filter(None, (f"FREQ={frequency}", interval, days, months))),
    st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]),
    st.sampled_from(["", "INTERVAL=2", "INTERVAL=3"]),
    st.sampled_from(["", "BYDAY=MO", "BYDAY=SA,SU", "BYDAY=MO,TU,WE,TH,FR"]),
    st.sampled_from(["", "BYMONTH=3", "BYMONTH=3,10"]),
)


@settings(max_examples=30, deadline=None)
@given(_RULES, st.sampled_from(["UTC", "Europe/Vienna", "America/St_Johns"]), st.integers(0, 4 * 365 * 24))
def test_wherever_one_looks_from_the_occurrences_are_the_same(rule: str, zone: str, hours: int) -> None:
    """One after the other from the beginning, or asked for in the middle: the same, in order, apart."""
    one = at_night(rule, zone)
    if fault_of(one, one.starts_at):
        return
    spans: list[Span] = []
    moment = one.starts_at
    while (span := span_at(one, moment)) is not None and len(spans) < 25:
        spans.append(span)
        moment = span.until_at
    assert all(before.until_at < after.from_at for before, after in pairwise(spans))
    asked = one.starts_at + hours * HOUR
    if spans and asked < spans[-1].until_at:
        assert span_at(one, asked) == next(span for span in spans if asked < span.until_at)
