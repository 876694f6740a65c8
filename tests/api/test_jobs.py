from typing import Any

import pytest

from tests.api.conftest import Api

DAILY = {"jobKey": "daily-report", "name": "Daily Report", "expectedIntervalSeconds": 86400}


def test_a_job_is_answered_whole(api: Api) -> None:
    made = api.ok("POST", "/jobs", {**DAILY, "gracePeriodSeconds": 300, "unknownField": 1})
    assert made["pingUrl"] == "https://tocsin.test/api/v1/jobs/daily-report/ping"
    expected = {
        "jobKey": "daily-report",
        "name": "Daily Report",
        "expectedIntervalSeconds": 86400,
        "schedule": {"type": "interval", "seconds": 86400},
        "gracePeriodSeconds": 300,
        "tenantImpactThreshold": 3,
        "consecutiveMissThreshold": 3,
        "thresholdMode": "any",
        "failureThreshold": None,
        "recoveryThreshold": 1,
        "maxRuntimeSeconds": None,
        "tenantScope": "seen",
        "tags": [],
        "description": "",
        "runbookUrl": None,
        "isActive": True,
        "status": "new",
        "watchedTenantCount": 0,
        "affectedTenantCount": 0,
        "nextDueAt": None,
    }
    assert {name: made[name] for name in expected} == expected
    assert api.ok("GET", "/jobs/daily-report") == made
    assert api.ok("GET", "/jobs") == {"items": [made], "page": 1, "pageSize": 25, "total": 1}


def test_every_field_can_be_set_and_changed(api: Api) -> None:
    fields: dict[str, Any] = {
        "name": "Weekly",
        "gracePeriodSeconds": 0,
        "tenantImpactThreshold": 1,
        "consecutiveMissThreshold": 2,
        "thresholdMode": "all",
        "failureThreshold": 4,
        "recoveryThreshold": 5,
        "maxRuntimeSeconds": 600,
        "tenantScope": "all",
        "tags": ["billing", "eu"],
        "description": "What it does",
        "runbookUrl": "https://wiki.test/runbook",
    }
    made = api.ok("POST", "/jobs", {"jobKey": "a", "schedule": {"type": "interval", "seconds": 60}, **fields})
    assert {name: made[name] for name in fields} == fields
    api.ok("POST", "/jobs", DAILY)
    changed = api.ok("PATCH", "/jobs/daily-report", {**fields, "expectedIntervalSeconds": 60})
    assert {name: changed[name] for name in fields} == fields
    assert changed["expectedIntervalSeconds"] == 60
    cleared = api.ok("PATCH", "/jobs/a", {"failureThreshold": None, "maxRuntimeSeconds": None, "runbookUrl": None})
    assert (cleared["failureThreshold"], cleared["maxRuntimeSeconds"], cleared["runbookUrl"]) == (None, None, None)
    assert cleared["tags"] == fields["tags"]


def test_a_job_without_a_schedule_only_hears_failures(api: Api) -> None:
    made = api.ok("POST", "/jobs", {"jobKey": "a", "name": "A", "schedule": {"type": "none"}})
    assert (made["schedule"], made["expectedIntervalSeconds"], made["nextDueAt"]) == ({"type": "none"}, None, None)


def test_tenant_scope_all_expects_every_active_tenant(api: Api) -> None:
    api.ok("POST", "/tenants", {"externalId": "acme"})
    made = api.ok("POST", "/jobs", {**DAILY, "gracePeriodSeconds": 60, "tenantScope": "all"})
    assert (made["watchedTenantCount"], made["status"], made["nextDueAt"]) == (1, "new", "2026-01-06T12:00:00Z")
    streams = api.ok("GET", "/jobs/daily-report/streams")["items"]
    assert [(s["tenantId"], s["status"], s["missedRuns"]) for s in streams] == [("acme", "new", 0)]
    assert api.ok("GET", "/jobs/daily-report/streams?tenantId=nobody")["items"] == []
    tenants = api.ok("GET", "/jobs/daily-report/tenants")["items"]
    assert [(t["tenantId"], t["status"], t["nextDueAt"]) for t in tenants] == [("acme", "new", "2026-01-06T12:00:00Z")]
    api.clock.moment += 86_400_000_000 + 1
    assert api.ok("GET", "/jobs/daily-report")["status"] == "late"
    api.ok("DELETE", f"/jobs/daily-report/streams/{streams[0]['id']}")
    assert api.ok("GET", "/jobs/daily-report")["watchedTenantCount"] == 0
    assert api.ok("GET", "/jobs/daily-report/tenants")["items"] == []


def test_a_job_is_paused_renamed_and_deleted(api: Api) -> None:
    api.ok("POST", "/jobs", DAILY)
    assert api.ok("PATCH", "/jobs/daily-report", {"isActive": False})["status"] == "paused"
    assert api.ok("PATCH", "/jobs/daily-report", {"jobKey": "nightly"})["jobKey"] == "nightly"
    api.ok("POST", "/jobs", DAILY)
    assert "exists already" in api.refused(409, "PATCH", "/jobs/nightly", {"jobKey": "daily-report"})
    assert api.ok("DELETE", "/jobs/nightly") is None
    assert api.refused(404, "GET", "/jobs/nightly") == "Job not found."
    assert api.refused(404, "DELETE", "/jobs/nightly") == "Job not found."


_LISTS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["daily-report", "Nightly", "archive"]),
    ({"sort": "newest"}, ["archive", "Nightly", "daily-report"]),
    ({"sort": "name"}, ["archive", "daily-report", "Nightly"]),
    ({"sort": "due"}, ["daily-report", "archive", "Nightly"]),
    ({"sort": "worst", "pageSize": 1, "page": 2}, ["Nightly"]),
    ({"status": "paused"}, ["archive"]),
    ({"status": "new", "q": "NIGHT"}, ["Nightly"]),
    ({"isActive": "true", "protocol": "native"}, ["daily-report", "Nightly"]),
    ({"protocol": "sentry"}, []),
    ({"tag": "billing"}, ["Nightly"]),
    ({"tenantId": "acme"}, ["daily-report"]),
]


def test_a_list_is_narrowed_and_ordered(api: Api) -> None:
    api.ok("POST", "/tenants", {"externalId": "acme"})
    api.ok("POST", "/jobs", {**DAILY, "tenantScope": "all"})
    api.ok("POST", "/jobs", {**DAILY, "jobKey": "Nightly", "name": "Nightly", "tags": ["billing"]})
    api.ok("POST", "/jobs", {**DAILY, "jobKey": "archive", "name": "Archive", "isActive": False})
    for asked, expected in _LISTS:
        listed = api.ok("GET", "/jobs", params=asked)
        assert [job["jobKey"] for job in listed["items"]] == expected, asked


def test_a_job_key_is_taken_once(api: Api) -> None:
    api.ok("POST", "/jobs", DAILY)
    assert "daily-report exists already" in api.refused(409, "POST", "/jobs", DAILY)


def test_nobody_sees_another_workspaces_job(api: Api, stranger: Api) -> None:
    api.ok("POST", "/tenants", {"externalId": "acme"})
    api.ok("POST", "/jobs", {**DAILY, "tenantScope": "all"})
    stream = api.ok("GET", "/jobs/daily-report/streams")["items"][0]["id"]
    for path in ("", "/runs", "/streams", "/tenants"):
        assert stranger.refused(404, "GET", f"/jobs/daily-report{path}") == "Job not found."
    assert stranger.refused(404, "PATCH", "/jobs/daily-report", {"name": "x"}) == "Job not found."
    stranger.ok("POST", "/jobs", DAILY)
    assert stranger.refused(404, "DELETE", f"/jobs/daily-report/streams/{stream}") == "Stream not found."
    assert stranger.refused(404, "GET", f"/runs/{stream}") == "Run not found."


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"jobKey": None}, "jobKey must be a string."),
        ({"jobKey": "a b"}, "jobKey must be 1 to 100 characters"),
        ({"jobKey": ".."}, "jobKey must be 1 to 100 characters"),
        ({"expectedIntervalSeconds": 0}, "expectedIntervalSeconds must be at least 1."),
        ({"expectedIntervalSeconds": 366 * 86400 + 1}, "expectedIntervalSeconds must be at most 31622400."),
        ({"expectedIntervalSeconds": "3600"}, "expectedIntervalSeconds must be a whole number."),
        ({"expectedIntervalSeconds": 1.5}, "expectedIntervalSeconds must be a whole number."),
        ({"expectedIntervalSeconds": True}, "expectedIntervalSeconds must be a whole number."),
        ({"schedule": {"type": "none"}}, "Give expectedIntervalSeconds or schedule, not both."),
        ({"gracePeriodSeconds": -1}, "gracePeriodSeconds must be at least 0."),
        ({"thresholdMode": "some"}, "thresholdMode must be 'any' or 'all'."),
        ({"tags": "x"}, "tags must be a list."),
        ({"tags": ["x", 1]}, "tags[1] must be a string."),
        ({"runbookUrl": "javascript:alert(1)"}, "runbookUrl must be a URL"),
        ({"isActive": "yes"}, "isActive must be true or false."),
    ],
)
def test_a_wrong_field_is_named(api: Api, change: dict[str, Any], message: str) -> None:
    assert message in api.refused(422, "POST", "/jobs", {**DAILY, **change})


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (None, "expectedIntervalSeconds is required"),
        ({"type": "crontab"}, "schedule.value is required."),
        ({"type": "crontab", "value": "0 3 * *"}, "schedule.value must be five crontab fields"),
        ({"type": "crontab", "value": "0 0 3 * * *"}, "schedule.value must be five crontab fields"),
        ({"type": "crontab", "value": "61 3 * * *"}, "schedule.value must be five crontab fields"),
        ({"type": "crontab", "value": "@reboot"}, "schedule.value must be five crontab fields"),
        ({"type": "crontab", "value": ""}, "schedule.value must be five crontab fields"),
        ({"type": "crontab", "value": "0 0 31 2,4 *"}, "schedule.value would never fire"),
        ({"type": "crontab", "value": "0 0 30 2 *"}, "schedule.value would never fire"),
        ({"type": "crontab", "value": "0 3 * * *", "timezone": "Wien"}, "schedule.timezone must be a time zone"),
        ({"type": "crontab", "value": "0 3 * * *", "timezone": "../UTC"}, "schedule.timezone must be a time zone"),
        ({"type": "calendar", "value": 0, "unit": "month"}, "schedule.value must be at least 1."),
        ({"type": "calendar", "value": 1, "unit": "second"}, "schedule.unit must be"),
        ({"type": "calendar", "value": 500, "unit": "year"}, "schedule must be at most 100 years."),
        ({"type": "interval"}, "schedule.seconds is required."),
        ({"type": "hourly"}, "schedule type must be one of"),
        ({}, "schedule must have a type"),
        ("daily", "schedule must be an object."),
    ],
)
def test_a_wrong_schedule_is_explained(api: Api, schedule: object, message: str) -> None:
    assert message in api.refused(422, "POST", "/jobs", {"jobKey": "a", "name": "A", "schedule": schedule})
    assert api.ok("GET", "/jobs")["total"] == 0


@pytest.mark.parametrize(
    ("schedule", "shown", "every", "grace"),
    [
        (
            {"type": "crontab", "value": " 0 3 * * * ", "timezone": "Europe/Vienna"},
            {"type": "crontab", "value": "0 3 * * *", "timezone": "Europe/Vienna"},
            86_400,
            60,
        ),
        ({"type": "crontab", "value": "@hourly"}, {"type": "crontab", "value": "@hourly", "timezone": "UTC"}, 3600, 60),
        (
            {"type": "calendar", "value": 2, "unit": "hour"},
            {"type": "calendar", "value": 2, "unit": "hour", "timezone": "UTC"},
            7200,
            60,
        ),
        ({"type": "learned"}, {"type": "learned"}, None, None),
        ({"type": "none"}, {"type": "none"}, None, 60),
    ],
)
def test_every_kind_of_schedule(
    api: Api, schedule: dict[str, Any], shown: dict[str, Any], every: int | None, grace: int | None
) -> None:
    job = api.ok("POST", "/jobs", {"jobKey": "a", "name": "A", "schedule": schedule})
    assert (job["schedule"], job["expectedIntervalSeconds"], job["gracePeriodSeconds"]) == (shown, every, grace)
    assert api.ok("GET", "/jobs/a") == job


def test_a_learned_grace_is_not_kept_over_a_change_of_type(api: Api) -> None:
    api.ok("POST", "/jobs", {"jobKey": "a", "name": "A", "schedule": {"type": "learned"}})
    daily = {"type": "crontab", "value": "0 3 * * *"}
    assert api.ok("PATCH", "/jobs/a", {"schedule": daily})["gracePeriodSeconds"] == 60
    assert api.ok("PATCH", "/jobs/a", {"schedule": {"type": "learned"}})["gracePeriodSeconds"] is None
    assert api.ok("PATCH", "/jobs/a", {"gracePeriodSeconds": 90})["gracePeriodSeconds"] == 90
    assert api.ok("PATCH", "/jobs/a", {"gracePeriodSeconds": None})["gracePeriodSeconds"] is None


def test_what_is_missing_is_named_as_the_seed_does(api: Api) -> None:
    assert api.refused(422, "POST", "/jobs", {}) == "jobKey is required."
    assert api.refused(422, "POST", "/jobs") == "A JSON body is required."
