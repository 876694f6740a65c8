"""What was sent and what became of it; and check-ins that were not taken."""

from urllib.parse import quote

from starlette.responses import Response

from tocsin.dashboard.channel_words import KINDS
from tocsin.dashboard.page import Page
from tocsin.dashboard.router import Pages
from tocsin.dashboard.visitors import safe_next
from tocsin.domain.ids import from_uuid
from tocsin.store import views_channels
from tocsin.store import views_deliveries as views
from tocsin.store.views_jobs import known_keys

pages = Pages()
_STATES = {"": "All", "pending": "Waiting", "delivered": "Delivered", "failed": "Gave up", "dropped": "Dropped"}


@pages.get("/deliveries")
def list_deliveries(page: Page) -> Response:
    query = page.query
    incident = query.text("incidentId")
    filters = views.DeliveryFilters(
        query.text("state") if query.text("state") in _STATES and query.text("state") else None,
        (from_uuid(incident) or 0) if incident else None,
        query.text_or_none("provider"),
        query.text_or_none("channelName"),
    )
    with page.read() as connection:
        found = views.list_deliveries(connection, page.workspace_id, filters, query.list_page())
        about = [one["incidentId"] for one in found["items"] if one["incidentId"]]
        names = views_channels.names_of_incidents(connection, page.workspace_id, about)
        channels = sorted({row["name"] for row in views.list_channels(connection, page.workspace_id)})
    return page.render(
        "deliveries.html",
        deliveries=found,
        names=names,
        states=_STATES,
        chosen=filters.state or "",
        kinds=KINDS,
        channels=channels,
        is_narrowed=any(one is not None for one in filters),
    )


@pages.post("/deliveries/{delivery_id}/resend")
def resend(page: Page, delivery_id: str) -> Response:
    message = page.ask("POST", f"/deliveries/{quote(delivery_id, safe='')}/resend").message
    return page.go(safe_next(page.form.text("next") or "/deliveries"), message)


@pages.get("/rejections")
def list_rejections(page: Page) -> Response:
    query = page.query
    filters = views.RejectionFilters(*map(query.text_or_none, ("reason", "protocol", "jobKey", "environment")))
    with page.read() as connection:
        found = views.list_rejections(connection, page.workspace_id, query.list_page(), filters)
        kinds = views.rejection_kinds(connection, page.workspace_id)
        known = known_keys(connection, page.workspace_id, {one["jobKey"] for one in found["items"] if one["jobKey"]})
    return page.render("rejections.html", rejections=found, kinds=kinds, known=known, is_narrowed=any(filters))
