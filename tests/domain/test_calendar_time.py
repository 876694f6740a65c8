"""Adding units of the calendar."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.test_crontab import CHANGES, micros
from tocsin.domain.calendar_time import Unit, add
from tocsin.domain.model import SECOND
from tocsin.domain.zones import wall, zone

NEAR = st.tuples(st.sampled_from(CHANGES), st.integers(-5 * 86_400, 5 * 86_400)).map(
    lambda drawn: (drawn[0][0], micros(datetime.fromisoformat(drawn[0][1])) + drawn[1] * SECOND)
)


@pytest.mark.parametrize(
    ("moment", "count", "unit", "place", "expected"),
    [
        ("2027-01-31T10:00:00Z", 1, "month", "UTC", "2027-02-28T10:00:00Z"),
        ("2027-01-31T10:00:00Z", 2, "month", "UTC", "2027-03-31T10:00:00Z"),
        ("2028-02-29T10:00:00Z", 1, "year", "UTC", "2029-02-28T10:00:00Z"),
        ("2028-02-29T10:00:00Z", 4, "year", "UTC", "2032-02-29T10:00:00Z"),
        ("2027-03-31T10:00:00Z", -1, "month", "UTC", "2027-02-28T10:00:00Z"),
        ("2027-03-27T01:30:00Z", 1, "day", "Europe/Vienna", "2027-03-28T01:00:00Z"),  # 02:30 is skipped
        ("2026-10-24T00:30:00Z", 1, "day", "Europe/Vienna", "2026-10-25T00:30:00Z"),  # the first 02:30
        ("2026-10-02T15:45:00Z", 1, "day", "Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
        ("2027-03-28T00:30:00Z", 6, "hour", "Europe/Vienna", "2027-03-28T06:30:00Z"),
        ("2027-03-27T08:00:00Z", 1, "week", "Europe/Vienna", "2027-04-03T07:00:00Z"),
    ],
)
def test_by_the_calendar(moment: str, count: int, unit: Unit, place: str, expected: str) -> None:
    assert add(micros(datetime.fromisoformat(moment)), count, unit, place) == micros(datetime.fromisoformat(expected))


@given(NEAR, st.integers(1, 60))
def test_days_keep_the_time_on_the_wall_unless_it_is_skipped(near: tuple[str, int], days: int) -> None:
    name, moment = near
    later = wall(add(moment, days, "day", name), zone(name))
    wanted = wall(moment, zone(name)) + timedelta(days=days)
    exists = wanted.replace(tzinfo=zone(name)).astimezone(UTC).astimezone(zone(name)).replace(tzinfo=None) == wanted
    assert (later == wanted) if exists else (later > wanted)


@given(NEAR, st.sampled_from(["day", "week", "month", "year"]), st.integers(1, 24))
def test_later_is_later(near: tuple[str, int], unit: Unit, count: int) -> None:
    name, moment = near
    assert moment < add(moment, count, unit, name) < add(moment, count + 1, unit, name)


@given(NEAR, st.integers(1, 1000))
def test_hours_are_real_time(near: tuple[str, int], hours: int) -> None:
    name, moment = near
    assert add(moment, hours, "hour", name) - moment == hours * 3600 * SECOND
