"""What need not ring: maintenance windows, planned once or again and again, and mutes."""

from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from tocsin.application.access import Right
from tocsin.application.errors import invalid, not_found
from tocsin.dashboard import moments
from tocsin.dashboard.forms import Fields
from tocsin.dashboard.page import Page
from tocsin.dashboard.router import Pages
from tocsin.domain import zones
from tocsin.domain.ids import from_uuid
from tocsin.domain.maintenance import Span, Window, fault_of, span_at
from tocsin.store import views_quiet as views
from tocsin.wire_time import parse_iso

pages = Pages()
_TARGETS = (
    ("job", "Job"),
    ("tenant", "Tenant"),
    ("tag", "Jobs with the tag"),
    ("integration", "Integration"),
    ("environment", "Environment"),
    ("workspace", "Everything"),
)
_RULES = (
    ("", "Once"),
    ("FREQ=DAILY", "Every day"),
    ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "Every day from Monday to Friday"),
    ("FREQ=WEEKLY", "Every week"),
    ("FREQ=MONTHLY", "Every month"),
)
_HOUR = 3_600
_SPANS = (
    (str(_HOUR), "1 hour"),
    (str(4 * _HOUR), "4 hours"),
    (str(12 * _HOUR), "12 hours"),
    (str(24 * _HOUR), "1 day"),
    (str(7 * 24 * _HOUR), "1 week"),
    (moments.OWN, "Until a time of your own"),
)
_SHOWN = 5


@pages.get("/maintenance")
def show_maintenance(page: Page) -> Response:
    with_past = page.query.text("all") == "true"
    with page.read() as connection:
        windows = views.list_windows(
            connection, page.workspace_id, page.now, page.query.list_page(), with_past=with_past
        )
        mutes = views.list_mutes(connection, page.workspace_id, page.now, page.query.list_page(), with_past=with_past)
    return page.render(
        "maintenance.html",
        windows=windows,
        mutes=mutes,
        with_past=with_past,
        targets=_TARGETS,
        rules=dict(_RULES),
        spans=_SPANS,
    )


@pages.post("/maintenance/mutes", again=show_maintenance)
def mute(page: Page) -> Response:
    until = moments.ahead(page.form, page.now, page.zone)
    page.ask("POST", "/mutes", {"target": _target(page.form), "until": until, "reason": page.form.text("reason")})
    return page.go("/maintenance", "Muted. What is still wrong when it ends is told then.")


@pages.post("/maintenance/mutes/{mute_id}/end")
def unmute(page: Page, mute_id: str) -> Response:
    return page.go("/maintenance", page.ask("DELETE", f"/mutes/{quote(mute_id, safe='')}").message)


@pages.get("/maintenance/new", right=Right.WRITE)
def new_window(page: Page) -> Response:
    return _form(page, None)


@pages.post("/maintenance/new", again=new_window)
def plan_window(page: Page) -> Response:
    if page.form.is_on("preview"):
        return _form(page, None)
    page.ask("POST", "/maintenance", _body(page))
    return page.go("/maintenance", "Planned.")


@pages.get("/maintenance/{window_id}", right=Right.WRITE)
def show_window(page: Page, window_id: str) -> Response:
    return _form(page, _found(page, window_id))


@pages.post("/maintenance/{window_id}", again=show_window)
def change_window(page: Page, window_id: str) -> Response:
    if page.form.is_on("preview"):
        return _form(page, _found(page, window_id))
    page.ask("PATCH", f"/maintenance/{quote(window_id, safe='')}", _body(page))
    return page.go("/maintenance", "Changed.")


@pages.post("/maintenance/{window_id}/remove")
def remove_window(page: Page, window_id: str) -> Response:
    return page.go("/maintenance", page.ask("DELETE", f"/maintenance/{quote(window_id, safe='')}").message)


def _found(page: Page, window_id: str) -> dict[str, Any]:
    with page.read() as connection:
        found = views.window_object(connection, page.workspace_id, from_uuid(window_id) or 0, page.now)
    if found is None:
        raise not_found("Maintenance window")
    return found


def _form(page: Page, window: dict[str, Any] | None) -> Response:
    values = dict(page.form) if page.form else _values(page, window)
    spans = _preview(page) if page.form and page.refusal is None else []
    return page.render(
        "maintenance-window.html",
        window=window,
        values=values,
        spans=spans,
        targets=_TARGETS,
        rules=(*_RULES, (moments.OWN, "By a rule of its own")),
        zones=sorted(zones.names()),
    )


def _values(page: Page, window: dict[str, Any] | None) -> dict[str, Any]:
    """What stands in the fields at first."""
    if window is None:
        return {"target.kind": "job", "timezone": page.zone}
    place = zones.zone(window["timezone"])
    return {
        "target.kind": window["target"]["kind"],
        "target.value": window["target"]["value"] or "",
        "startsAt": f"{zones.wall(parse_iso(window['startsAt']), place):%Y-%m-%dT%H:%M}",
        "endsAt": f"{zones.wall(parse_iso(window['endsAt']), place):%Y-%m-%dT%H:%M}",
        "timezone": window["timezone"],
        **_again(window["rrule"] or ""),
        "reason": window["reason"],
    }


def _again(rule: str) -> dict[str, str]:
    """The fields that say when it comes again: one of our rules, or what was written."""
    return {"again": rule} if rule in dict(_RULES) else {"again": moments.OWN, "rrule": rule}


def _rule(form: Fields) -> str | None:
    if form.text("again") != moments.OWN:
        return form.text_or_none("again")
    if not (rule := form.text("rrule").removeprefix("RRULE:")):
        raise invalid("rrule is required: when it comes again, like FREQ=MONTHLY;BYDAY=1SU.")
    return rule


def _preview(page: Page) -> list[Span]:
    """The next times of what was typed; where something is wrong with it, none, and the page says what."""
    body = _body(page)
    typed = Window(parse_iso(body["startsAt"]), parse_iso(body["endsAt"]), body["rrule"] or "", str(body["timezone"]))
    if fault := fault_of(typed, page.now):
        page.refusal = invalid(fault)
        return []
    found: list[Span] = []
    moment = page.now
    while len(found) < _SHOWN and (span := span_at(typed, moment)) is not None:
        found.append(span)
        moment = span.until_at
    return found


def _body(page: Page) -> dict[str, Any]:
    form = page.form
    return {
        "target": _target(form),
        **{name: moments.typed(form, name, form.text("timezone")) for name in ("startsAt", "endsAt")},
        "timezone": form.text("timezone"),
        "rrule": _rule(form),
        "reason": form.text("reason"),
    }


def _target(form: Fields) -> dict[str, Any]:
    kind = form.text("target.kind")
    if kind != "workspace" and not form.text("target.value"):
        raise invalid("target.value is required: what is to be quiet.")
    return {"kind": kind, "value": None if kind == "workspace" else form.text("target.value")}
