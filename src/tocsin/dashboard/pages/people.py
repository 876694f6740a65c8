"""Which workspace one is in: switching, and making another."""

from starlette.responses import Response

from tocsin.application import sessions
from tocsin.application.access import Right
from tocsin.dashboard import opening
from tocsin.dashboard.page import Page
from tocsin.dashboard.router import Pages
from tocsin.dashboard.visitors import safe_next
from tocsin.domain.ids import from_uuid
from tocsin.store.attempts import write_with_retries

pages = Pages()


@pages.post("/workspace", right=None)
def switch_workspace(page: Page) -> Response:
    return _enter(page, page.form.text("workspace"), safe_next(page.form.text("next")))


def show_new_workspace(page: Page) -> Response:
    return page.render("no-workspace.html") if page.who is not None else page.go("/sign-in")


@pages.post("/workspaces", right=None, again=show_new_workspace)
def make_workspace(page: Page) -> Response:
    made = page.ask("POST", "/workspaces", {"name": page.form.text("name")}).data
    return _enter(page, made["workspace"]["id"], "/")


@pages.get("/keyboard", right=Right.READ)
def show_keyboard(page: Page) -> Response:
    """What the keys do, for those without script too."""
    return page.render("keyboard.html")


def _enter(page: Page, workspace: str, path: str) -> Response:
    if page.who is None:
        return page.go("/sign-in")
    user_id, session_id = page.who.principal.user_id or 0, page.who.principal.session_id or 0
    workspace_id = write_with_retries(
        page.site.services.store,
        lambda connection: sessions.switch_workspace(connection, user_id, from_uuid(workspace), session_id),
    )
    return opening.sign_in(page, page.go(path), user_id, workspace_id, session_id)
