"""Search: jobs, tenants and incidents by what they are called."""

from starlette.responses import Response

from tocsin.dashboard.page import Page
from tocsin.dashboard.router import Pages
from tocsin.store.views_search import search

pages = Pages()
_MOST = 20
_LONGEST = 200


@pages.get("/search")
def show_search(page: Page) -> Response:
    text = page.query.text("q")[:_LONGEST]
    found = None
    if text:
        with page.read() as connection:
            found = search(connection, page.workspace_id, text, _MOST)
    return page.render("search.html", text=text, found=found, most=_MOST)
