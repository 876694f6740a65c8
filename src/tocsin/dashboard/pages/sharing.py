"""Badges and status pages: what of the workspace anybody may see who has the link."""

from starlette.responses import Response

from tocsin.application.errors import Refused, invalid
from tocsin.dashboard.page import Page
from tocsin.dashboard.router import Pages
from tocsin.store import views_public as views
from tocsin.store.paging import Page as ListPage

pages = Pages()
_MOST = 100


@pages.get("/sharing")
def show_sharing(page: Page) -> Response:
    with page.read() as connection:
        links = {
            kind: views.list_links(connection, page.workspace_id, kind, page.public_url, ListPage(1, _MOST))
            for kind in ("status", "badge")
        }
    return page.render("sharing.html", statuses=links["status"], badges=links["badge"])


@pages.post("/sharing", again=show_sharing)
def share(page: Page) -> Response:
    form = page.form
    target = {"kind": form.text("target"), "value": form.text_or_none("value")}
    try:
        page.ask("POST", "/public-links", {"kind": form.text("kind"), "target": target, "title": form.text("title")})
    except Refused as refused:
        if refused.status == 404:
            raise invalid(f"value is the name of no {target['kind']} here.") from None
        raise
    return page.go("/sharing")


@pages.post("/sharing/{link}/remove")
def stop_sharing(page: Page, link: str) -> Response:
    page.ask("DELETE", f"/public-links/{link}")
    return page.go("/sharing", "Switched off. Whoever has the link sees nothing any more.")
