"""Whether check-ins look off by their time zone."""

from datetime import datetime

import pytest

from tests.domain.test_crontab import micros
from tocsin.domain.preview import hours_off
from tocsin.domain.schedule import Crontab, Interval, Schedule

NIGHTLY = Crontab("0 3 * * *", "Europe/Vienna")  # in winter 02:00Z


@pytest.mark.parametrize(
    ("schedule", "began", "hours"),
    [
        (NIGHTLY, "2026-01-10T02:00:20Z", 0),
        (NIGHTLY, "2026-01-10T03:00:20Z", 1),  # the host thinks in UTC
        (NIGHTLY, "2026-01-10T08:04:00Z", 6),
        (NIGHTLY, "2026-01-09T21:58:00Z", -4),
        (NIGHTLY, "2026-01-10T03:30:00Z", 0),  # half an hour more: simply late
        (Crontab("0 * * * *", "Europe/Vienna"), "2026-01-10T03:00:00Z", 0),  # an hourly job cannot tell
        (Interval(86_400_000_000), "2026-01-10T03:00:00Z", 0),
    ],
)
def test_whole_hours_off(schedule: Schedule, began: str, hours: int) -> None:
    assert hours_off(schedule, micros(datetime.fromisoformat(began))) == hours
