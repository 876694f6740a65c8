"""Where alerts go: every channel, its form, and what its receiver said last."""

import re
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from tocsin.api.masking import channel_object
from tocsin.api.routes.channels import NAME
from tocsin.application.access import Right
from tocsin.application.errors import conflict, invalid, not_found
from tocsin.dashboard import channel_words as words
from tocsin.dashboard.channel_words import KINDS
from tocsin.dashboard.page import Page
from tocsin.dashboard.router import Pages
from tocsin.domain.ids import from_uuid
from tocsin.store import views_channels, views_deliveries

pages = Pages()
_LATEST = 5


@pages.get("/channels")
def list_channels(page: Page) -> Response:
    secrets = page.site.services.secrets
    with page.read() as connection:
        rows = views_deliveries.list_channels(connection, page.workspace_id)
        results = views_channels.last_results(connection, page.workspace_id)
    channels = [_shown(channel_object(secrets, row), results) for row in rows]
    return page.render("channels.html", channels=channels, kinds=KINDS)


def _shown(channel: dict[str, Any], results: dict[int, dict[str, Any]]) -> dict[str, Any]:
    return {
        **channel,
        "title": words.title_of(channel),
        "routed": words.route_words(channel),
        "last": results.get(from_uuid(channel["id"]) or 0),
        "address": f"/channels/{channel['provider']}/{quote(channel['name'], safe='')}",
    }


@pages.get("/channels/new", right=Right.ADMINISTER)
def choose_kind(page: Page) -> Response:
    return page.render("channel-kinds.html", kinds=KINDS)


@pages.get("/channels/new/{provider}", right=Right.ADMINISTER)
def new_channel(page: Page, provider: str) -> Response:
    if provider not in KINDS:
        raise not_found("Channel")
    with page.read() as connection:
        is_first = views_deliveries.find_channel(connection, page.workspace_id, provider, "default") is None
    return _form(page, provider, None, is_first=is_first)


@pages.post("/channels/new/{provider}", right=Right.ADMINISTER, again=new_channel)
def make_channel(page: Page, provider: str) -> Response:
    if provider not in KINDS:
        raise not_found("Channel")
    name = page.form.text("name") or "default"
    if not re.fullmatch(NAME, name) or name in {".", ".."}:
        raise invalid("name must be letters, digits and . _ - only, 50 at most.")
    with page.read() as connection:
        taken = views_deliveries.find_channel(connection, page.workspace_id, provider, name)
    if taken is not None:
        raise conflict(f"name is taken: there is another {KINDS[provider].word} channel called {name}.")
    return _saved(page, provider, name, None)


@pages.get("/channels/{provider}/{channel}", right=Right.ADMINISTER)
def show_channel(page: Page, provider: str, channel: str) -> Response:
    return _form(page, provider, _found(page, provider, channel), is_first=False)


@pages.post("/channels/{provider}/{channel}", right=Right.ADMINISTER, again=show_channel)
def change_channel(page: Page, provider: str, channel: str) -> Response:
    return _saved(page, provider, channel, _found(page, provider, channel))


@pages.post("/channels/{provider}/{channel}/switch", right=Right.ADMINISTER)
def switch_channel(page: Page, provider: str, channel: str) -> Response:
    """On or off, and nothing else of it changed."""
    found = _found(page, provider, channel)
    kept = {name: found[name] for name in ("routes", "delaySeconds", "remindEverySeconds")}
    page.ask("PUT", _address(provider, channel), {**kept, "isEnabled": page.form.text("on") == "yes"})
    return page.go("/channels")


@pages.post("/channels/{provider}/{channel}/test", right=Right.ADMINISTER)
def test_channel(page: Page, provider: str, channel: str) -> Response:
    return page.go(f"/channels/{provider}/{quote(channel, safe='')}", _test(page, provider, channel))


@pages.post("/channels/{provider}/{channel}/remove", right=Right.ADMINISTER)
def remove_channel(page: Page, provider: str, channel: str) -> Response:
    page.ask("DELETE", _address(provider, channel))
    return page.go("/channels", "Removed. Nothing more is sent there.")


def _found(page: Page, provider: str, name: str) -> dict[str, Any]:
    with page.read() as connection:
        row = views_deliveries.find_channel(connection, page.workspace_id, provider, name)
    if row is None:
        raise not_found("Channel")
    return channel_object(page.site.services.secrets, row)


def _form(page: Page, provider: str, channel: dict[str, Any] | None, *, is_first: bool) -> Response:
    latest, names = None, {}
    if channel is not None:
        filters = views_deliveries.DeliveryFilters(provider=provider, channel_name=channel["name"])
        with page.read() as connection:
            latest = views_deliveries.list_deliveries(
                connection, page.workspace_id, filters, page.query.list_page(_LATEST)
            )
            about = [one["incidentId"] for one in latest["items"] if one["incidentId"]]
            names = views_channels.names_of_incidents(connection, page.workspace_id, about)
    return page.render(
        "channel.html",
        provider=provider,
        kind=KINDS[provider],
        channel=channel,
        title=words.title_of(channel) if channel else f"New {KINDS[provider].word} channel",
        is_first=is_first,
        latest=latest,
        names=names,
        lists=words.LISTS,
        news=words.NEWS,
        regions=words.REGIONS,
        delays=words.choices(words.DELAYS, channel["delaySeconds"] if channel else None, "At once"),
        reminders=words.choices(words.REMINDERS, channel["remindEverySeconds"] if channel else None, "Never"),
    )


def _saved(page: Page, provider: str, name: str, saved: dict[str, Any] | None) -> Response:
    body = words.body_of(KINDS[provider], page.form, saved)
    kept = page.ask("PUT", _address(provider, name), body).data
    said = _test(page, provider, name) if page.form.is_on("test") else ""
    secret = kept["config"].get("secret", "")
    if saved is None and secret and "…" not in secret:
        return page.render("channel-secret.html", channel=kept, secret=secret, said=said)
    return page.go(f"/channels/{provider}/{quote(name, safe='')}" if said else "/channels", said or "Saved.")


def _test(page: Page, provider: str, name: str) -> str:
    """Send a test alert: what the receiver answered, in a sentence."""
    outcome = page.ask("POST", f"{_address(provider, name)}/test").data
    took = "took the test alert" if outcome["delivered"] else "did not take the test alert"
    return f"{KINDS[provider].word} {took}: {outcome['detail']}"


def _address(provider: str, name: str) -> str:
    return f"/workspaces/me/channels/{quote(provider, safe='')}/{quote(name, safe='')}"
