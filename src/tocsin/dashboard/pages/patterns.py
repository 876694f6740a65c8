"""Patterns: how events are classified, what threshold each has, your own, and trying one with an event."""

import re
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from tocsin.application.errors import Refused, not_found
from tocsin.dashboard.page import Page
from tocsin.dashboard.router import Pages

pages = Pages()

#: Words stand a line or a comma apart.
_BETWEEN = re.compile(r"[\n,]+")


@pages.get("/patterns")
def list_patterns(page: Page) -> Response:
    found = page.ask("GET", "/patterns").data["items"]
    return page.render("patterns.html", patterns=found, tried=_tried(page))


@pages.get("/patterns/new-pattern")
def show_new(page: Page) -> Response:
    return page.render("pattern.html", pattern=None)


@pages.post("/patterns/new-pattern", again=show_new)
def create_pattern(page: Page) -> Response:
    pattern_id = page.form.text_or_none("id")
    body = {**({"id": pattern_id} if pattern_id else {}), **_own(page), **_threshold(page)}
    made = page.ask("POST", "/patterns", body).data
    return page.go(_address(made["id"]))


@pages.get("/patterns/{pattern}")
def show_pattern(page: Page, pattern: str) -> Response:
    found = next((one for one in page.ask("GET", "/patterns").data["items"] if one["id"] == pattern), None)
    if found is None:
        raise not_found("Pattern")
    return page.render("pattern.html", pattern=found)


@pages.post("/patterns/{pattern}", again=show_pattern)
def change_pattern(page: Page, pattern: str) -> Response:
    changes = _own(page) if "eventTypes" in page.form else {}
    page.ask("PATCH", _address(pattern), {**changes, **_threshold(page)})
    return page.go(_address(pattern), "Saved. It holds for the events that come from now on.")


@pages.post("/patterns/{pattern}/restore", again=show_pattern)
def restore_threshold(page: Page, pattern: str) -> Response:
    page.ask("PATCH", _address(pattern), {"thresholdCount": None, "thresholdWindowSeconds": None})
    return page.go(_address(pattern))


@pages.post("/patterns/{pattern}/switch", again=show_pattern)
def switch_pattern(page: Page, pattern: str) -> Response:
    page.ask("PATCH", _address(pattern), {"isEnabled": page.form.text("isEnabled") == "true"})
    return page.go("/patterns" if page.form.text("from") == "list" else _address(pattern))


@pages.post("/patterns/{pattern}/delete", again=show_pattern)
def delete_pattern(page: Page, pattern: str) -> Response:
    page.ask("DELETE", _address(pattern))
    return page.go("/patterns", "Deleted. Events that it matched keep its name.")


def _address(pattern: str) -> str:
    return f"/patterns/{quote(pattern, safe='')}"


def _own(page: Page) -> dict[str, Any]:
    """What only one's own patterns have."""
    priority = page.form.whole("priority")
    return {
        "name": page.form.text("name"),
        **({} if priority is None else {"priority": priority}),
        "eventTypes": _words(page, "eventTypes"),
        "errorCodes": _words(page, "errorCodes"),
    }


def _threshold(page: Page) -> dict[str, Any]:
    """Without a number: every event counts, or of a built-in pattern what it came with."""
    names = ("thresholdCount", "thresholdWindowSeconds")
    return {name: page.form.whole(name) for name in names}


def _words(page: Page, name: str) -> list[str]:
    return [word.strip() for word in _BETWEEN.split(page.form.text(name)) if word.strip()]


def _tried(page: Page) -> dict[str, Any] | None:
    """How the event that the address names would be classified; nothing is recorded."""
    if not page.query.text("eventType"):
        return None
    code = page.query.text_or_none("errorCode")
    try:
        found: dict[str, Any] = page.ask(
            "POST", "/patterns/test", {"eventType": page.query.text("eventType"), "errorCode": code}
        ).data
    except Refused as refused:
        page.refusal = refused
        return None
    return found
