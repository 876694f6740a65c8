"""The workspace: its settings, keys, people, and what was changed by whom."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from starlette.responses import Response

from tocsin.application.access import ROLES, Right
from tocsin.dashboard.page import Page
from tocsin.dashboard.router import Pages
from tocsin.domain import zones
from tocsin.wire_time import iso

pages = Pages()
_WINDOWS = {
    "recoveryWindowSeconds": ("Recovery window", "So long must all be well before an incident recovers."),
    "closeWindowSeconds": ("Close window", "So long must it stay well before a recovering incident closes."),
    "cooldownWindowSeconds": ("Cool-down", "What comes back so soon opens the same incident again."),
}
_AUTO = (
    ("events", "From events"),
    ("all", "From events and check-ins"),
    ("none", "Never: they are made beforehand"),
)
_RATES = {
    "ingestRate": ("Check-ins and events a minute", "By one key. Empty: as many as this Tocsin allows."),
    "apiRate": ("Other requests a minute", "By one key or person. Empty: as many as this Tocsin allows."),
}
_KEPT = {
    "runDays": "Runs",
    "failedRunDays": "Failed and missed runs",
    "logDays": "Messages of a run",
    "eventDays": "Events",
    "deliveryDays": "Alerts and deliveries",
    "rejectionDays": "Rejected check-ins",
    "auditDays": "Audit log",
}
_SCOPES = {
    "ingest": ("Send check-ins and events", "for cron hosts and services"),
    "read": ("Look at everything", "for reports"),
    "admin": ("Do everything", "but decide about owners"),
}
_ROLES = {
    "viewer": "Viewer: looks",
    "member": "Member: changes what is watched",
    "admin": "Admin: administers",
    "owner": "Owner: decides about owners",
}
#: Of the days that the log is asked for.
_FIRST_YEAR, _LAST_YEAR = 1971, 2999


# --- the workspace ----------------------------------------------------------------------------------------------------


@pages.get("/settings")
def show_settings(page: Page) -> Response:
    return page.render(
        "settings.html",
        workspace=page.ask("GET", "/workspaces/me").data,
        windows=_WINDOWS,
        auto=_AUTO,
        rates=_RATES,
        kept=_KEPT,
        zones=sorted(zones.names()),
    )


@pages.post("/settings", right=Right.ADMINISTER, again=show_settings)
def change_settings(page: Page) -> Response:
    form = page.form
    page.ask(
        "PATCH",
        "/workspaces/me",
        {
            "name": form.text("name"),
            "timezone": form.text("timezone"),
            "autoCreateTenants": form.text("autoCreateTenants"),
            **{name: form.whole(name) for name in (*_WINDOWS, *_RATES)},
        },
    )
    return page.go("/settings", "Saved.")


@pages.post("/settings/retention", right=Right.ADMINISTER, again=show_settings)
def change_retention(page: Page) -> Response:
    """What is left empty is kept as long as the operator chose."""
    page.ask("PATCH", "/workspaces/me", {"retention": {name: page.form.whole(name) for name in _KEPT}})
    return page.go("/settings#retention", "Saved. What is too old goes within the hour.")


# --- keys -------------------------------------------------------------------------------------------------------------


@pages.get("/settings/keys", right=Right.ADMINISTER)
def show_keys(page: Page) -> Response:
    return _keys(page)


@pages.post("/settings/keys", right=Right.ADMINISTER, again=show_keys)
def make_key(page: Page) -> Response:
    made = page.ask("POST", "/keys", {"name": page.form.text("name"), "scopes": page.form.all("scopes")}).data
    return _keys(page, made["apiKey"], f"The key “{made['key']['name']}”")


@pages.post("/settings/keys/rotate", right=Right.ADMINISTER, again=show_keys)
def rotate_key(page: Page) -> Response:
    return _keys(page, page.ask("POST", "/workspaces/rotate-key").data["apiKey"], "The new primary key")


@pages.post("/settings/keys/rotate-sentry", right=Right.ADMINISTER, again=show_keys)
def rotate_sentry_key(page: Page) -> Response:
    page.ask("POST", "/workspaces/rotate-sentry-key")
    return page.go("/settings/keys", "The DSN is new, and the old one is dead.")


@pages.post("/settings/keys/{key_id}/revoke", right=Right.ADMINISTER)
def revoke_key(page: Page, key_id: str) -> Response:
    page.ask("DELETE", f"/keys/{quote(key_id, safe='')}")
    return page.go("/settings/keys", "Revoked. It is dead on every node.")


def _keys(page: Page, fresh: str = "", what: str = "") -> Response:
    return page.render(
        "settings-keys.html",
        keys=page.ask("GET", f"/keys?{urlencode({'page': page.query.list_page().number, 'pageSize': 50})}").data,
        workspace=page.ask("GET", "/workspaces/me").data,
        scopes=_SCOPES,
        fresh=fresh,
        what=what,
    )


# --- people -----------------------------------------------------------------------------------------------------------


@pages.get("/settings/people")
def show_people(page: Page) -> Response:
    return _people(page)


@pages.post("/settings/people/invite", right=Right.ADMINISTER, again=show_people)
def invite(page: Page) -> Response:
    email = page.form.text("email")
    made = page.ask("POST", "/invitations", {"email": email, "role": page.form.text("role")}).data
    return _people(page, made["url"], email)


@pages.post("/settings/people/invitations/{invitation_id}/withdraw", right=Right.ADMINISTER)
def withdraw_invitation(page: Page, invitation_id: str) -> Response:
    page.ask("DELETE", f"/invitations/{quote(invitation_id, safe='')}")
    return page.go("/settings/people", "Withdrawn. Its link is dead.")


def _people_again(page: Page, user_id: str) -> Response:
    return _people(page)


@pages.post("/settings/people/{user_id}/role", right=Right.ADMINISTER, again=_people_again)
def change_role(page: Page, user_id: str) -> Response:
    page.ask("PATCH", f"/members/{quote(user_id, safe='')}", {"role": page.form.text("role")})
    return page.go("/settings/people", "Role changed.")


@pages.post("/settings/people/{user_id}/remove", right=Right.READ, again=_people_again)
def remove_member(page: Page, user_id: str) -> Response:
    """Everybody may take themselves out; the API says who may take out whom."""
    page.ask("DELETE", f"/members/{quote(user_id, safe='')}")
    return page.go("/settings/people", "Removed.")


def _people(page: Page, link: str = "", email: str = "") -> Response:
    number = page.query.list_page().number
    invitations = page.ask("GET", "/invitations?pageSize=100").data if page.may(Right.ADMINISTER) else None
    return page.render(
        "settings-people.html",
        members=page.ask("GET", f"/members?page={number}&pageSize=50").data,
        invitations=invitations,
        roles=[(role, words) for role, words in _ROLES.items() if role != "owner" or page.may(Right.OWN)],
        all_roles=list(ROLES),
        link=link,
        invited=email,
    )


# --- the audit log ----------------------------------------------------------------------------------------------------


@pages.get("/settings/audit", right=Right.ADMINISTER)
def show_audit(page: Page) -> Response:
    query = page.query
    asked: dict[str, Any] = {
        "action": query.text("action"),
        "actorId": query.text("actorId"),
        "from": _midnight(query.text("from"), page.zone, 0),
        "to": _midnight(query.text("to"), page.zone, 1),
        "page": query.list_page().number,
        "pageSize": 50,
    }
    wanted = urlencode({name: value for name, value in asked.items() if value})
    return page.render(
        "settings-audit.html",
        entries=page.ask("GET", f"/audit?{wanted}").data,
        members=page.ask("GET", "/members?pageSize=100").data["items"],
        is_narrowed=any(query.text(name) for name in ("action", "actorId", "from", "to")),
    )


def _midnight(text: str, zone: str, days: int) -> str:
    """The moment at which a day of the viewer's begins, or the next one; empty where it is no day."""
    try:
        day = datetime.strptime(text, "%Y-%m-%d") + timedelta(days=days)  # noqa: DTZ007 -- on the viewer's wall
    except (ValueError, OverflowError):
        return ""
    return iso(zones.moment_of(day, zones.zone(zone))) if _FIRST_YEAR <= day.year <= _LAST_YEAR else ""
