"""Quiet over the API: what people set, what is shown of it, and what is refused."""

import json
from typing import Any

import pytest
from sqlalchemy import select

from tests.api.conftest import Api, in_workspace
from tests.support.house import House, micros
from tocsin.domain.ids import to_uuid
from tocsin.domain.model import SECOND
from tocsin.store import schema

JOB = {"kind": "job", "value": "the-job"}
NOON = "2026-01-05T12:00:00Z"
ONE = "2026-01-05T13:00:00Z"


class Quarters:
    """A workspace with the API and a house in it: people act through the one, jobs through the other."""

    def __init__(self, api: Api) -> None:
        self.house = House(api.services.store, api.services.ids)
        self.api = api.as_(X_Api_Key=self.house.api_key)
        self.api.workspace_id = self.house.workspace_id
        self.house.make_job(schedule_type="none", schedule_interval=None, failure_threshold=1)

    def at(self, seconds: float) -> None:
        """Let time pass until then."""
        self.house.pass_time(seconds)
        self.api.clock.moment = micros(seconds)

    def fail(self, tenant: str = "acme", **fields: Any) -> str:
        """A failure now; the id of the newest incident."""
        self.house.check_in("failure", tenant, **fields)
        self.at(self.house.now)
        return str(self.api.ok("GET", "/incidents")["items"][0]["id"])

    def heard(self) -> list[tuple[str, float]]:
        """What the channel was due: (kind, seconds)."""
        with self.house.store.read() as connection:
            query = select(schema.deliveries.c.kind, schema.alerts.c.moment_at).join(
                schema.alerts, schema.alerts.c.id == schema.deliveries.c.alert_id
            )
            mine = query.where(schema.deliveries.c.workspace_id == self.house.workspace_id)
            rows = connection.execute(mine.order_by(schema.deliveries.c.id))
            return [(kind, (moment - micros(0)) / SECOND) for kind, moment in rows]


@pytest.fixture
def quarters(api: Api) -> Quarters:
    return Quarters(api)


def test_an_acknowledgement_names_who_and_holds_until_it_reopens(quarters: Quarters) -> None:
    api = quarters.api
    incident = quarters.fail()
    known = api.ok("POST", f"/incidents/{incident}/acknowledge", {"note": "On it."})
    assert (known["acknowledgedAt"], known["acknowledgementNote"], known["ownerId"]) == (NOON, "On it.", None)
    assert known["acknowledgedBy"]
    assert api.ok("GET", "/incidents")["items"][0]["acknowledgedAt"] == NOON
    quarters.at(5)
    quarters.house.check_in("success")
    quarters.at(310)
    quarters.fail()
    shown = api.ok("GET", f"/incidents/{incident}")
    assert (shown["status"], shown["reopenCount"], shown["acknowledgedAt"], shown["ownerId"]) == ("Open", 1, None, None)


def test_an_owner_is_a_member(quarters: Quarters, stranger: Api) -> None:
    incident = quarters.fail()
    for owner in ("nobody", to_uuid(7)):
        message = quarters.api.refused(422, "POST", f"/incidents/{incident}/acknowledge", {"ownerId": owner})
        assert message == "ownerId must be the id of a member of this workspace."
    assert stranger.refused(404, "POST", f"/incidents/{incident}/acknowledge", {}) == "Incident not found."


def test_what_is_closed_is_neither_acknowledged_nor_snoozed_but_may_be_noted(quarters: Quarters) -> None:
    api, incident = quarters.api, quarters.fail()
    api.ok("POST", f"/incidents/{incident}/resolve")
    assert "closed" in api.refused(409, "POST", f"/incidents/{incident}/acknowledge", {})
    assert "closed" in api.refused(409, "POST", f"/incidents/{incident}/snooze", {"seconds": 5})
    api.ok("POST", f"/incidents/{incident}/notes", {"text": "It was the mail server."})
    people = [one for one in api.ok("GET", f"/incidents/{incident}/activity")["items"] if one["kind"] == "person"]
    assert [(one["what"], one["text"]) for one in people] == [
        ("resolved", None),
        ("note", "It was the mail server."),
    ]


def test_a_snooze_is_shown_and_its_end_rings(quarters: Quarters) -> None:
    api, incident = quarters.api, quarters.fail()
    snoozed = api.ok("POST", f"/incidents/{incident}/snooze", {"until": ONE})
    assert (snoozed["snoozedUntil"], snoozed["held"]) == (ONE, None)
    quarters.at(60)
    quarters.fail("globex")
    held = api.ok("GET", f"/incidents/{incident}")["held"]
    assert held == {
        "reason": "snoozed",
        "since": "2026-01-05T12:01:00Z",
        "until": ONE,
        "quietId": None,
        "incidentId": None,
    }
    quarters.at(3600)
    assert quarters.heard() == [("opened", 0), ("reminder", 3600)]
    shown = api.ok("GET", f"/incidents/{incident}")
    assert (shown["snoozedUntil"], shown["held"]) == (None, None)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "Give until or seconds: one of them."),
        ({"until": ONE, "seconds": 5}, "Give until or seconds: one of them."),
        ({"until": NOON}, "until must lie in the future"),
        ({"until": "2030-01-01T00:00:00Z"}, "until must lie in the future, at most 366 days"),
        ({"until": "tomorrow"}, "until must be a moment like"),
        ({"until": 5}, "until must be a moment like"),
        ({"seconds": 0}, "seconds must be at least 1."),
    ],
)
def test_a_snooze_that_cannot_be_is_refused(quarters: Quarters, body: dict[str, Any], sentence: str) -> None:
    incident = quarters.fail()
    assert quarters.api.refused(422, "POST", f"/incidents/{incident}/snooze", body).startswith(sentence)
    assert quarters.api.refused(409, "POST", f"/incidents/{incident}/unsnooze") == "The incident is not snoozed."


def test_a_mute_holds_is_shown_and_ends(quarters: Quarters) -> None:
    api = quarters.api
    mute = api.ok("POST", "/mutes", {"target": JOB, "until": ONE, "reason": "The bank migrates."})
    assert (mute["target"], mute["until"], mute["reason"], mute["isActive"]) == (JOB, ONE, "The bank migrates.", True)
    assert api.ok("GET", "/mutes")["items"] == [mute]
    quarters.at(10)
    incident = quarters.fail()
    held = api.ok("GET", f"/incidents/{incident}")["held"]
    assert (held["reason"], held["until"], held["quietId"]) == ("muted", ONE, mute["id"])
    alerts = [one for one in api.ok("GET", f"/incidents/{incident}/activity")["items"] if one["kind"] == "alert"]
    assert [(one["what"], one["heldBy"], one["deliveries"]) for one in alerts] == [("opened", "muted", [])]
    quarters.at(100)
    api.ok("DELETE", f"/mutes/{mute['id']}")
    quarters.at(101)
    assert quarters.heard() == [("opened", 100)]
    assert api.ok("GET", f"/incidents/{incident}")["held"] is None
    assert api.refused(404, "DELETE", f"/mutes/{mute['id']}") == "Mute not found."


def test_what_is_over_is_listed_if_asked_for(quarters: Quarters) -> None:
    mute = quarters.api.ok("POST", "/mutes", {"target": {"kind": "workspace"}, "until": ONE})
    quarters.at(3600)
    assert quarters.api.ok("GET", "/mutes")["total"] == 0
    listed = quarters.api.ok("GET", "/mutes?all=true")["items"]
    assert [(one["id"], one["isActive"]) for one in listed] == [(mute["id"], False)]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"target": JOB}, "until is required."),
        ({"until": ONE}, "target is required."),
        ({"target": JOB, "until": NOON}, "until must be in the future"),
        ({"target": JOB, "until": "2027-01-07T00:00:00Z"}, "until must be in the future, at most 366 days"),
        ({"target": {"kind": "job"}, "until": ONE}, "target of kind job must have a value."),
        ({"target": {"kind": "workspace", "value": "x"}, "until": ONE}, "target of kind workspace must have no value"),
        ({"target": {"kind": "planet", "value": "x"}, "until": ONE}, "target.kind must be 'job', 'tenant', "),
        ({"target": "job", "until": ONE}, "target must be an object."),
    ],
)
def test_a_mute_that_cannot_be_is_refused(api: Api, body: dict[str, Any], sentence: str) -> None:
    assert api.refused(422, "POST", "/mutes", body).startswith(sentence)
    assert api.ok("GET", "/mutes?all=true")["total"] == 0


WEEKLY = {
    "target": {"kind": "workspace"},
    "startsAt": NOON,
    "endsAt": ONE,
    "rrule": "FREQ=WEEKLY;BYDAY=MO",
    "timezone": "Europe/Vienna",
}


def test_a_window_is_planned_changed_and_removed(quarters: Quarters) -> None:
    api = quarters.api
    planned = api.ok("POST", "/maintenance", WEEKLY)
    assert planned["occurrence"] == {"startsAt": NOON, "endsAt": ONE}
    assert planned["isActive"] is True
    quarters.at(60)
    incident = quarters.fail()
    assert api.ok("GET", f"/incidents/{incident}")["held"]["reason"] == "in_maintenance"
    longer = {"endsAt": "2026-01-05T14:00:00Z", "rrule": None, "reason": "It takes longer."}
    changed = api.ok("PATCH", f"/maintenance/{planned['id']}", longer)
    assert (changed["endsAt"], changed["rrule"], changed["reason"]) == (longer["endsAt"], None, "It takes longer.")
    quarters.at(3700)
    assert quarters.heard() == []
    api.ok("DELETE", f"/maintenance/{planned['id']}")
    quarters.at(3701)
    assert quarters.heard() == [("opened", 3700)]
    assert api.refused(404, "PATCH", f"/maintenance/{planned['id']}", {}) == "Maintenance window not found."


def test_a_window_comes_again_and_is_listed_between(quarters: Quarters) -> None:
    quarters.api.ok("POST", "/maintenance", WEEKLY)
    quarters.at(7200)
    (listed,) = quarters.api.ok("GET", "/maintenance")["items"]
    again = {"startsAt": "2026-01-12T12:00:00Z", "endsAt": "2026-01-12T13:00:00Z"}
    assert (listed["isActive"], listed["occurrence"], listed["startsAt"]) == (False, again, NOON)


def test_a_window_that_began_years_ago_comes_again(quarters: Quarters) -> None:
    old = {**WEEKLY, "startsAt": "2019-01-07T12:00:00Z", "endsAt": "2019-01-07T13:00:00Z"}
    made = quarters.api.ok("POST", "/maintenance", old)
    assert made["occurrence"] == {"startsAt": NOON, "endsAt": ONE}
    assert quarters.api.ok("PATCH", f"/maintenance/{made['id']}", old)["startsAt"] == old["startsAt"]


PAST = "2026-01-01T12:00:00Z"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"endsAt": NOON}, "endsAt must be after the start."),
        ({"endsAt": "2028-01-05T12:00:00Z", "rrule": None}, "endsAt must be at most 366 days after the start"),
        ({"rrule": "FREQ=SECONDLY"}, "rrule must have a FREQ"),
        ({"rrule": "FREQ=DAILY;COUNT=99999999"}, "rrule must have a COUNT of 1 to 1000."),
        ({"rrule": "FREQ=DAILY", "endsAt": "2026-01-07T12:00:00Z"}, "The window comes again before it is over"),
        ({"startsAt": "2020-01-05T12:00:00Z"}, "endsAt must be at most 366 days after the start"),
        ({"rrule": "FREQ=DAILY;INTERVAL=0"}, "rrule must have an INTERVAL of 1 to 1000."),
        ({"startsAt": PAST, "endsAt": "2026-01-01T13:00:00Z", "rrule": None}, "The window would never"),
        ({"timezone": "Mars/Olympus"}, "timezone must be a time zone"),
        ({"rrule": "F" * 501}, "rrule must be at most 500 characters long."),
    ],
)
def test_a_window_that_cannot_be_is_refused(api: Api, changes: dict[str, Any], sentence: str) -> None:
    assert api.refused(422, "POST", "/maintenance", {**WEEKLY, **changes}).startswith(sentence)
    assert api.ok("GET", "/maintenance?all=true")["total"] == 0
    known = api.ok("POST", "/maintenance", WEEKLY)
    assert api.refused(422, "PATCH", f"/maintenance/{known['id']}", changes)
    assert api.ok("GET", "/maintenance")["items"] == [known]


def test_a_child_is_held_and_listed_under_its_parent(quarters: Quarters) -> None:
    api, house = quarters.api, quarters.house
    new = {"schedule": {"type": "none"}, "dependsOn": JOB}
    child = api.ok("POST", "/jobs", {"jobKey": "child", "name": "Child", **new})
    assert child["dependsOn"] == JOB
    parent = quarters.fail()
    quarters.at(10)
    held = quarters.fail(job="child")
    listed = api.ok("GET", f"/incidents/{parent}")["heldIncidents"]
    assert [(one["id"], one["jobKey"]) for one in listed] == [(held, "child")]
    why = api.ok("GET", f"/incidents/{held}")["held"]
    assert (why["reason"], why["until"], why["incidentId"]) == ("parent_open", None, parent)
    api.ok("POST", f"/incidents/{parent}/resolve")
    house.now = 11
    quarters.at(12)
    assert [kind for kind, _ in quarters.heard()] == ["opened", "resolved", "opened"]
    assert api.ok("PATCH", "/jobs/child", {"dependsOn": None})["dependsOn"] is None
    integration = {"kind": "integration", "value": "payments"}
    assert api.ok("PATCH", "/jobs/child", {"dependsOn": integration})["dependsOn"] == integration


def test_nobody_is_his_own_ancestor(quarters: Quarters) -> None:
    api = quarters.api
    for key, parent in (("b", "the-job"), ("c", "b")):
        body = {"jobKey": key, "name": key, "schedule": {"type": "none"}}
        api.ok("POST", "/jobs", {**body, "dependsOn": {"kind": "job", "value": parent}})
    for value in ("c", "b", "the-job"):
        message = api.refused(422, "PATCH", "/jobs/the-job", {"dependsOn": {"kind": "job", "value": value}})
        assert message == "dependsOn must not lead back to the job itself: it would be its own ancestor."
    wish = {"jobKey": "d", "name": "d", "schedule": {"type": "none"}, "dependsOn": {"kind": "job", "value": "who"}}
    assert "there is none called who" in api.refused(422, "POST", "/jobs", wish)
    assert api.refused(404, "GET", "/jobs/d") == "Job not found."
    api.ok("DELETE", "/jobs/the-job")
    assert api.ok("GET", "/jobs/b")["dependsOn"] is None


def test_the_activity_tells_everything_in_order(quarters: Quarters) -> None:
    api, incident = quarters.api, quarters.fail()
    quarters.at(60)
    api.ok("POST", f"/incidents/{incident}/acknowledge", {"note": "On it."})
    quarters.at(120)
    quarters.fail("globex")
    quarters.at(180)
    api.ok("POST", f"/incidents/{incident}/resolve")
    quarters.at(181)
    told = api.ok("GET", f"/incidents/{incident}/activity?pageSize=100")
    assert [(one["kind"], one["what"]) for one in told["items"]] == [
        ("transition", "Open"),
        ("tenant", "joined"),
        ("alert", "opened"),
        ("alert", "acknowledged"),
        ("person", "acknowledged"),
        ("tenant", "joined"),
        ("alert", "blastRadiusExpanded"),
        ("transition", "Closed"),
        ("alert", "resolved"),
        ("person", "resolved"),
    ]
    opened = told["items"][2]
    assert [(one["provider"], one["state"]) for one in opened["deliveries"]] == [("webhook", "pending")]
    second = api.ok("GET", f"/incidents/{incident}/activity?page=2&pageSize=4")
    assert second["items"] == told["items"][4:8]
    assert second["total"] == 10


def test_foreign_quiets_are_not_there(quarters: Quarters, stranger: Api) -> None:
    mute = quarters.api.ok("POST", "/mutes", {"target": JOB, "until": ONE})["id"]
    window = quarters.api.ok("POST", "/maintenance", WEEKLY)["id"]
    incident = quarters.fail()
    for method, path in (
        ("DELETE", f"/mutes/{mute}"),
        ("DELETE", f"/maintenance/{window}"),
        ("DELETE", f"/mutes/{window}"),
        ("PATCH", f"/maintenance/{window}"),
        ("GET", f"/incidents/{incident}/activity"),
        ("POST", f"/incidents/{incident}/unsnooze"),
    ):
        stranger.refused(404, method, path, {} if method == "PATCH" else None)
    assert stranger.ok("GET", "/mutes?all=true")["total"] == 0


def test_a_muted_workspace_is_no_business_of_another(quarters: Quarters) -> None:
    other = Quarters(in_workspace(quarters.api, "Other"))
    other.api.ok("POST", "/mutes", {"target": {"kind": "workspace"}, "until": ONE})
    quarters.fail()
    assert quarters.heard() == [("opened", 0)]


def test_what_is_told_marks_who_is_muted(quarters: Quarters) -> None:
    quarters.api.ok("POST", "/mutes", {"target": {"kind": "tenant", "value": "acme"}, "until": ONE})
    quarters.fail("acme")
    quarters.at(10)
    quarters.fail("globex")
    (row,) = (one for one in quarters.house.rows(schema.alerts) if one.content)
    marks = {one["externalId"]: one.get("isMuted") for one in json.loads(row.content)["affectedTenants"]}
    assert marks == {"acme": True, "globex": None}
