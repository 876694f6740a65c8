"""Incidents: what is and was wrong, and one incident with everything about it."""

from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from tocsin.application.errors import not_found
from tocsin.dashboard import incident_chart, moments, words
from tocsin.dashboard.delivery_words import told
from tocsin.dashboard.incident_chart import Turn
from tocsin.dashboard.incident_steps import steps
from tocsin.dashboard.page import Page
from tocsin.dashboard.router import Pages
from tocsin.domain.ids import from_uuid
from tocsin.store import Connection, views_activity, views_deliveries, views_events, views_people
from tocsin.store import views_incident_pages as views
from tocsin.store import views_incidents as objects
from tocsin.store.paging import Page as ListPage
from tocsin.store.patterns import rulebook

pages = Pages()

_STATUSES = {"active": "Active", "open": "Open", "recovering": "Recovering", "closed": "Closed", "all": "All"}
_FEW_TENANTS, _FEW_DELIVERIES, _FEW_EVENTS, _MOST_SHOWN, _STEPS = 8, 6, 5, 100, 100


@pages.get("/incidents")
def list_incidents(page: Page) -> Response:
    query = page.query
    status = query.text("status") if query.text("status") in _STATUSES else "active"
    filters = objects.IncidentFilters(
        status,
        query.text_or_none("integrationKey"),
        query.text_or_none("jobKey"),
        query.text_or_none("patternId"),
        query.text_or_none("tenantId"),
        True if query.text("chronic") == "true" else None,
    )
    with page.read() as connection:
        found = views.list_shown(connection, page.workspace_id, filters, query.list_page())
        patterns = {one.id: one.name for one in rulebook(connection, page.workspace_id).patterns}
    return page.render(
        "incidents.html",
        incidents=found,
        chosen=status,
        statuses=_STATUSES,
        filters=filters,
        patterns=patterns,
        is_narrowed=any(filters[1:]),
    )


@pages.get("/incidents/{incident_id}")
def show_incident(page: Page, incident_id: str) -> Response:
    number = from_uuid(incident_id)
    with page.read() as connection:
        head = views.head_of(connection, page.workspace_id, number) if number is not None else None
        if head is None:
            raise not_found("Incident")
        return page.render("incident.html", **_whole(page, connection, head))


@pages.post("/incidents/{incident_id}/acknowledge", again=show_incident)
def acknowledge(page: Page, incident_id: str) -> Response:
    body = {"note": page.form.text_or_none("note"), "ownerId": page.form.text_or_none("ownerId")}
    done = _do(page, incident_id, "acknowledge", {name: value for name, value in body.items() if value})
    return page.go("/") if page.form.text("from") == "overview" else done


@pages.post("/incidents/{incident_id}/snooze", again=show_incident)
def snooze(page: Page, incident_id: str) -> Response:
    return _do(page, incident_id, "snooze", {"until": moments.ahead(page.form, page.now, page.zone)})


@pages.post("/incidents/{incident_id}/unsnooze", again=show_incident)
def unsnooze(page: Page, incident_id: str) -> Response:
    return _do(page, incident_id, "unsnooze")


@pages.post("/incidents/{incident_id}/notes", again=show_incident)
def add_note(page: Page, incident_id: str) -> Response:
    return _do(page, incident_id, "notes", {"text": page.form.text("text")})


@pages.post("/incidents/{incident_id}/resolve", again=show_incident)
def resolve(page: Page, incident_id: str) -> Response:
    return _do(page, incident_id, "resolve", notice="Resolved. The channels that were told hear of it.")


@pages.post("/incidents/{incident_id}/deliveries/{delivery_id}/resend", again=show_incident)
def resend(page: Page, incident_id: str, delivery_id: str) -> Response:
    page.ask("POST", f"/deliveries/{quote(delivery_id, safe='')}/resend")
    return page.go(_address(incident_id) + "#alerts", "It is being sent again.")


def _do(page: Page, incident_id: str, what: str, body: Any = None, notice: str = "") -> Response:
    page.ask("POST", f"/incidents/{quote(incident_id, safe='')}/{what}", body)
    return page.go(_address(incident_id), notice)


def _address(incident_id: str) -> str:
    return f"/incidents/{quote(incident_id, safe='')}"


def _whole(page: Page, connection: Connection, head: dict[str, Any]) -> dict[str, Any]:
    """Everything that the page of one incident shows. Long lists begin short; `?tenants=all` unfolds one."""
    mine, number = page.workspace_id, head["number"]
    course = views.course_of(connection, mine, number)
    happened = views_activity.list_activity(connection, mine, number, ListPage(1, _STEPS)) or {}
    sent = views_deliveries.DeliveryFilters(incident_id=number)
    members = views_people.list_members(connection, mine, ListPage(1, _MOST_SHOWN))["items"]
    activity = _by_name(happened.get("items", []), members)
    behind = None
    if head["kind"] == "integration":
        filters = views_events.EventFilters(incident_id=number)
        behind = views_events.list_events(connection, mine, filters, ListPage(1, _FEW_EVENTS), None)
    return {
        "head": head,
        "verdict": _verdict(head),
        "incident": objects.whole_incident(connection, mine, number),
        "chart": _chart(page, course, activity),
        "held_words": words.HELD,
        "steps": steps(activity),
        "tick_word": lambda at: words.clock(at, page.zone, page.now),
        "tenants": objects.list_incident_tenants(connection, mine, number, _some(page, "tenants", _FEW_TENANTS)),
        "deliveries": views_deliveries.list_deliveries(
            connection, mine, sent, _some(page, "deliveries", _FEW_DELIVERIES)
        ),
        "events": behind,
        "members": members,
        "owners": [("", "Nobody in particular"), *((one["userId"], one["name"] or one["email"]) for one in members)],
    }


def _by_name(activity: list[dict[str, Any]], members: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Members are called as their colleagues call them; the activity knows their addresses."""
    names = {one["email"]: one["name"] for one in members if one["name"]}
    return [{**one, "by": names.get(one["by"], one["by"])} if one["kind"] == "person" else one for one in activity]


def _some(page: Page, name: str, few: int) -> ListPage:
    return ListPage(1, _MOST_SHOWN if page.query.text(name) == "all" else few)


def _verdict(head: dict[str, Any]) -> str:
    """The answer in one sentence."""
    name, tenants = head["name"], words.plural(head["affected"], "tenant")
    if head["is_over"]:
        hit = words.plural(head["tenant_count"], "tenant")
        return f"{name} is well again; {hit} {'was' if head['tenant_count'] == 1 else 'were'} hit"
    if not head["is_open"]:
        return f"{name} is recovering"
    if head["kind"] == "integration":
        return f"{name} fails for {tenants}: {head['pattern']}"
    return f"{tenants} {'misses' if head['affected'] == 1 else 'miss'} {name}"


def _chart(page: Page, course: dict[str, Any], activity: list[dict[str, Any]]) -> incident_chart.Chart:
    people = [
        (words.micros_of(step["at"]), step["by"] or "somebody")
        for step in activity
        if step["kind"] == "person" and step["what"] == "acknowledged"
    ]
    return incident_chart.draw(
        [Turn(at, status) for at, status in course["turns"]],
        course["joined"],
        [(at, told(kind)) for at, kind in course["alerts"]],
        people[-1:],
        page.now,
        page.zone,
    )
