"""What is wrong now: the page that somebody woken at night reads first."""

from typing import Any

from starlette.responses import Response

from tocsin.application.access import Right
from tocsin.dashboard import words
from tocsin.dashboard.field import draw_field
from tocsin.dashboard.page import Page
from tocsin.dashboard.router import Pages
from tocsin.store import views_overview as views
from tocsin.store.views_stats_strips import check_ins_per_minute

pages = Pages()
_MOST_WRONG = 8


@pages.get("/")
def overview(page: Page) -> Response:
    with page.read() as connection:
        if views.is_empty(connection, page.workspace_id):
            return _first_steps(page, "")
        wrong = views.wrong_now(connection, page.workspace_id, _MOST_WRONG)
        late = views.late_now(connection, page.workspace_id, page.now)
        running = views.in_progress(connection, page.workspace_id, page.now)
        tenants = views.tenant_states(connection, page.workspace_id, page.now)
        traffic = [one.check_ins for one in check_ins_per_minute(connection, page.workspace_id, page.now)][:-1]
        own = views.own_state(connection, page.workspace_id, page.now)
    return page.render(
        "overview.html",
        wrong=wrong,
        held_words=words.HELD,
        late=late,
        running=running,
        tenants=tenants,
        field=draw_field(tenants["counts"]),
        own=own,
        traffic=traffic,
        tick_lag=page.site.tick_lag() if page.site.tick_lag is not None else None,
        verdict=_verdict(tenants, wrong),
    )


@pages.post("/first-key", right=Right.ADMINISTER, again=overview)
def make_first_key(page: Page) -> Response:
    """A key to begin with, shown this once in the lines to paste."""
    name = f"first steps {words.when(page.now, page.zone, page.now, 'full').striptags()}"
    made = page.ask("POST", "/keys", {"name": name, "scopes": ["admin"]}).data
    return _first_steps(page, made["apiKey"])


def _first_steps(page: Page, api_key: str) -> Response:
    return page.render("first-steps.html", api_key=api_key)


def _verdict(tenants: dict[str, Any], wrong: dict[str, Any]) -> str:
    """The answer in one sentence."""
    unserved, total = tenants["unserved"], tenants["total"]
    if unserved:
        be = "is" if unserved == 1 else "are"
        return f"{words.number(unserved)} of {words.plural(total, 'tenant')} {be} not being served"
    if wrong["open"]:
        return f"{words.plural(wrong['open'], 'incident')} {'is' if wrong['open'] == 1 else 'are'} open"
    if total == 0:
        return "No tenant has reported yet"
    return "Every tenant is being served" if total > 1 else "All is well"
