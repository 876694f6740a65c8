"""When an expression fires: told by cronsim and kept by us, against every minute looked at through zoneinfo."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.domain import crontab
from tocsin.domain.crontab import BadCrontab, Timetable
from tocsin.domain.model import SECOND
from tocsin.domain.zones import zone

#: (zone, a moment near which its clocks change), among them half an hour, two hours and a change at midnight.
CHANGES = [
    ("UTC", "2026-03-29T01:00:00Z"),
    ("Europe/Vienna", "2026-03-29T01:00:00Z"),
    ("Europe/Vienna", "2026-10-25T01:00:00Z"),
    ("America/New_York", "2026-03-08T07:00:00Z"),
    ("America/New_York", "2026-11-01T06:00:00Z"),
    ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
    ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
    ("Antarctica/Troll", "2026-03-29T01:00:00Z"),
    ("Antarctica/Troll", "2026-10-25T01:00:00Z"),
    ("Asia/Kathmandu", "2026-03-29T01:00:00Z"),
    ("Africa/Cairo", "2026-04-23T22:00:00Z"),
    ("Africa/Cairo", "2026-10-29T21:00:00Z"),
    ("America/Havana", "2024-11-03T05:00:00Z"),
    ("Pacific/Chatham", "2026-09-26T14:00:00Z"),
    ("America/St_Johns", "2026-11-01T04:30:00Z"),
]
MINUTE = timedelta(minutes=1)


def _list(low: int, high: int) -> st.SearchStrategy[str]:
    return st.lists(st.integers(low, high), min_size=1, max_size=3, unique=True).map(
        lambda numbers: ",".join(map(str, sorted(numbers)))
    )


MINUTES = st.one_of(
    st.just("*"), _list(0, 59), st.sampled_from(["*/5", "*/7", "*/30", "0-59/10", "5-50/15", "0", "30", "59"])
)
HOURS = st.one_of(st.just("*"), _list(0, 23), _list(0, 4), st.sampled_from(["*/2", "0-6", "1-3", "0-23/3", "23,0"]))
DAYS = st.one_of(st.just("*"), st.just("*"), _list(1, 31), st.sampled_from(["*/2", "25-31", "L"]))
MONTHS = st.one_of(st.just("*"), st.just("*"), st.sampled_from(["3,4,9,10,11", "*/2"]))
WEEKDAYS = st.one_of(st.just("*"), st.just("*"), st.sampled_from(["0", "7", "SUN", "1-5", "SAT,SUN", "*/2", "0L"]))
EXPRESSIONS = st.builds(lambda *fields: " ".join(fields), MINUTES, HOURS, DAYS, MONTHS, WEEKDAYS)


def micros(moment: datetime) -> int:
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))


# --- the truth, minute by minute --------------------------------------------------------------------------------------


def _numbers(field: str, low: int, high: int, names: str = "") -> set[int]:
    """The plain part of the crontab language."""
    for number, name in enumerate(names.split()):
        field = field.replace(name, str(number))
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        start, end = (low, high) if span == "*" else (int(first), int(last or first))
        found |= set(range(start, end + 1, int(step or 1)))
    return found


def _matches_day(local: datetime, days: str, months: str, weekdays: str) -> bool:
    if local.month not in _numbers(months, 1, 12):
        return False
    is_last = (local + timedelta(days=1)).month != local.month
    is_day = is_last if days == "L" else local.day in _numbers(days, 1, 31)
    if weekdays == "0L":
        is_weekday = local.isoweekday() == 7 and (local + timedelta(days=7)).month != local.month
    else:
        numbers = {n % 7 for n in _numbers(weekdays, 0, 7, "SUN MON TUE WED THU FRI SAT")}
        is_weekday = local.isoweekday() % 7 in numbers
    if days.startswith("*") or weekdays.startswith("*"):
        return is_day and is_weekday
    return is_day or is_weekday


def _matches(local: datetime, expression: str) -> bool:
    minutes, hours, days, months, weekdays = expression.split()
    return (
        local.minute in _numbers(minutes, 0, 59)
        and local.hour in _numbers(hours, 0, 23)
        and _matches_day(local, days, months, weekdays)
    )


def _minutes(start: datetime, end: datetime) -> Iterator[datetime]:
    while start < end:
        yield start
        start += MINUTE


def truth(expression: str, place: ZoneInfo, start: datetime, end: datetime) -> list[datetime]:
    """The occurrences from `start` on and before `end`, both in UTC.

    With a wildcard in minutes or hours, every minute there is on the wall counts, both folds. Else each time of the
    calendar counts once: in the first fold where it comes twice, at the gap's end where it does not come.
    """
    minutes, hours = expression.split()[:2]
    if minutes.startswith("*") or hours.startswith("*"):
        local = (at.astimezone(place) for at in _minutes(start, end))
        return [at.astimezone(UTC) for at in local if _matches(at, expression)]
    found = set()
    wall = start.astimezone(place).replace(tzinfo=None) - timedelta(hours=3)
    for naive in _minutes(wall, wall + (end - start) + timedelta(hours=6)):
        if _matches(naive, expression):
            at = naive.replace(tzinfo=place)
            if at.astimezone(UTC).astimezone(place).replace(tzinfo=None) != naive:
                at = _end_of_gap(naive, place)
            found.add(at.astimezone(UTC))
    return sorted(at for at in found if start <= at < end)


def _end_of_gap(naive: datetime, place: ZoneInfo) -> datetime:
    while True:
        naive += MINUTE
        at = naive.replace(tzinfo=place)
        if at.astimezone(UTC).astimezone(place).replace(tzinfo=None) == naive:
            return at


# --- the laws ---------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=150)
@given(EXPRESSIONS, st.sampled_from(CHANGES), st.integers(0, 36 * 60))
def test_as_every_minute_looked_at(expression: str, change: tuple[str, str], before: int) -> None:
    name, moment = change
    try:
        crontab.check(expression, name)
    except BadCrontab:
        return
    start = datetime.fromisoformat(moment) - timedelta(minutes=before)
    end = start + timedelta(days=3)
    times = Timetable(expression, name)
    found, at = [], times.after(micros(start) - 1)
    while at < micros(end):
        found.append(at)
        at = times.after(at)
    expected = [micros(at) for at in truth(expression, zone(name), start, end)]
    assert found == expected


@settings(deadline=None, max_examples=100)
@given(EXPRESSIONS, st.sampled_from(CHANGES), st.lists(st.integers(-60 * 48, 60 * 48), min_size=2, max_size=6))
def test_the_same_wherever_one_begins(expression: str, change: tuple[str, str], offsets: list[int]) -> None:
    """What is known from earlier questions changes no answer."""
    try:
        crontab.check(expression, change[0])
    except BadCrontab:
        return
    near = micros(datetime.fromisoformat(change[1]))
    kept = Timetable(expression, change[0])
    for minutes in offsets:
        moment = near + minutes * 60 * SECOND
        fresh = Timetable(expression, change[0])
        assert kept.after(moment) == fresh.after(moment)
        assert kept.at_or_before(moment) == Timetable(expression, change[0]).at_or_before(moment)
        assert kept.at_or_before(kept.after(moment)) == kept.after(moment)
        assert kept.before(kept.after(moment)) == kept.at_or_before(moment)
        between = kept.between(moment, moment + 86_400 * SECOND)
        assert kept.count(moment - 1, moment + 86_400 * SECOND) == len(between)
        assert all(moment <= at <= moment + 86_400 * SECOND for at in between)


@given(st.one_of(st.text(max_size=30), st.text("0123456789*/,-#LW @ MONdaily", max_size=30)))
def test_any_text_is_an_expression_or_is_refused(text: str) -> None:
    refusal = ""
    try:
        crontab.check(text, "UTC")
    except BadCrontab as error:
        refusal = str(error)
    assert refusal.startswith(("must be five", "would never")) or not refusal


@pytest.mark.parametrize(
    ("expression", "after", "occurrence"),
    [
        ("@daily", "2026-11-02T00:00:00Z", "2026-11-03T00:00:00Z"),
        ("@Weekly", "2026-11-02T00:00:00Z", "2026-11-08T00:00:00Z"),
        ("@monthly", "2026-11-02T00:00:00Z", "2026-12-01T00:00:00Z"),
        ("@yearly", "2026-11-02T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("0 0 29 2 *", "2026-11-02T00:00:00Z", "2028-02-29T00:00:00Z"),
        ("0 0 29 2 *", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z"),
        ("0 0 * 2 MON#5", "2026-11-02T00:00:00Z", "2044-02-29T00:00:00Z"),
    ],
)
def test_names_and_rarities(expression: str, after: str, occurrence: str) -> None:
    moment = micros(datetime.fromisoformat(after))
    assert Timetable(expression, "UTC").after(moment) == micros(datetime.fromisoformat(occurrence))


def test_long_silence_is_counted_by_leaps() -> None:
    times = Timetable("* * * * *", "Europe/Vienna")
    start = micros(datetime(2026, 1, 1, tzinfo=UTC))
    assert times.count(start, start + 60 * 86_400 * SECOND) == 60 * 24 * 60


def test_zones_are_those_of_tzdata() -> None:
    assert str(zone("Antarctica/Troll")) == "Antarctica/Troll"
    for name in ("Wien", "", "../UTC", "/etc/passwd", "europe/vienna"):
        with pytest.raises(ValueError, match="no time zone"):
            zone(name)
