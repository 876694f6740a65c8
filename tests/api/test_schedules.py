"""`POST /schedules/preview`, and the job whose pings look off by hours."""

from typing import Any

import pytest

from tests.api.conftest import Api


def _preview(api: Api, schedule: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = api.ok("POST", "/schedules/preview", {"schedule": schedule, **more})
    return answer


def _nightly(zone: str, value: str = "30 2 * * *") -> dict[str, Any]:
    return {"type": "crontab", "value": value, "timezone": zone}


def test_the_next_times_in_the_zone_and_in_utc(api: Api) -> None:
    shown = _preview(api, _nightly("Europe/Vienna"), **{"from": "2027-03-26T12:00:00Z", "count": 3})
    assert shown["description"] == "At 02:30 (Europe/Vienna)"
    assert shown["occurrences"] == [
        {"local": "2027-03-27T02:30:00+01:00", "utc": "2027-03-27T01:30:00Z"},
        {"local": "2027-03-28T03:00:00+02:00", "utc": "2027-03-28T01:00:00Z"},
        {"local": "2027-03-29T02:30:00+02:00", "utc": "2027-03-29T00:30:00Z"},
    ]
    assert shown["warnings"] == [
        "On 2027-03-28 clocks in Europe/Vienna skip 02:00 to 03:00: the run of 02:30 comes at 03:00.",
        "On 2027-10-31 clocks in Europe/Vienna show 02:00 to 03:00 twice: the run of 02:30 comes once, the first time.",
    ]


@pytest.mark.parametrize(
    ("schedule", "grace", "warning"),
    [
        (_nightly("Europe/Vienna", "*/30 * * * *"), 60, "skip 02:00 to 03:00: the run of 02:00 is left out."),
        (_nightly("Australia/Lord_Howe", "45 1 * * *"), 60, "show 01:30 to 02:00 twice: the run of 01:45 comes once"),
        (_nightly("UTC", "0 0 29 2 *"), 60, "It runs rarely: on 29 February 2028, and then on 29 February 2032."),
        (_nightly("UTC", "0 0 31 * *"), 60, "Months without a 31st are passed over."),
        (_nightly("UTC", "* * * * *"), 300, "The grace of 300 s is longer than the 60 s between two runs"),
        ({"type": "interval", "seconds": 60}, 61, "The grace of 61 s is longer than the 60 s between two runs"),
    ],
)
def test_what_may_surprise_is_told(api: Api, schedule: dict[str, Any], grace: int, warning: str) -> None:
    shown = _preview(api, schedule, gracePeriodSeconds=grace)
    assert any(warning in told for told in shown["warnings"]), shown["warnings"]


@pytest.mark.parametrize(
    ("schedule", "description", "times"),
    [
        (_nightly("UTC", "@hourly"), "Every hour (UTC)", 5),
        ({"type": "calendar", "value": 1, "unit": "month"}, "Every month after the last check-in", 5),
        ({"type": "calendar", "value": 2, "unit": "week"}, "Every 2 weeks after the last check-in", 5),
        ({"type": "interval", "seconds": 3600}, "Every 3600 s after the last success", 5),
        ({"type": "learned"}, "As its runs have come until now", 0),
        ({"type": "none"}, "Never expected", 0),
    ],
)
def test_every_kind_of_schedule_is_described(api: Api, schedule: dict[str, Any], description: str, times: int) -> None:
    shown = _preview(api, schedule)
    assert (shown["description"], len(shown["occurrences"]), shown["warnings"]) == (description, times, [])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "schedule is required."),
        ({"schedule": _nightly("UTC", "x")}, "schedule.value must be five crontab fields"),
        ({"schedule": _nightly("UTC"), "from": "yesterday"}, "from "),
        ({"schedule": _nightly("UTC"), "from": "9000-12-31T23:59:59Z"}, "from must lie between 1970 and 2100."),
        ({"schedule": _nightly("UTC"), "count": 101}, "count must be at most 100."),
    ],
)
def test_what_is_wrong_is_explained(api: Api, body: dict[str, Any], message: str) -> None:
    assert message in api.refused(422, "POST", "/schedules/preview", body)
