"""Who may only look sees no button that they may not press, and what they send all the same is refused."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, expect
from starlette.routing import compile_path

from tests.browser.pages import PAGES, Look, example
from tests.browser.people import VIEWER, accept
from tests.browser.place import Place
from tests.browser.visit import context
from tocsin.application.access import ROLES, Right
from tocsin.dashboard.pages import AREAS

pytestmark = pytest.mark.acceptance
_FORMS = [form for pages in AREAS for form in pages.addresses("POST")]
_FORBIDDEN = [(path, right) for path, right in _FORMS if right is not None and right not in ROLES["viewer"]]


@pytest.fixture(scope="module")
def viewer(browser: Browser, northwind: Place) -> Iterator[BrowserContext]:
    """The window of somebody who was invited to look, and accepted."""
    invited = northwind.remote.ok("POST", "invitations", {"email": VIEWER.email, "role": "viewer"})
    with context(browser, northwind.url) as window:
        accept(window.new_page(), urlsplit(invited["url"])._replace(scheme="", netloc="").geturl(), VIEWER)
        yield window


def _right_of(action: str) -> Right | None:
    """The right that a form needs which leads to this address."""
    return next(right for path, right in _FORMS if compile_path(path)[0].match(urlsplit(action).path))


@pytest.mark.parametrize("look", [look for look in PAGES if look.is_signed_in], ids=lambda look: look.name)
def test_a_viewer_sees_no_button_that_they_may_not_press(viewer: BrowserContext, northwind: Place, look: Look) -> None:
    page = viewer.pages[0]
    answer = page.goto(look.on(northwind.remote))
    assert answer is not None
    if answer.status == 403:  # the whole page is not for them
        expect(page.get_by_role("heading", level=1)).to_have_text("Not for you")
    actions = page.locator("form[method=post]").evaluate_all("forms => forms.map((form) => form.action)")
    assert [action for action in actions if _right_of(action) not in {None, *ROLES["viewer"]}] == []


@pytest.mark.parametrize(("path", "right"), _FORBIDDEN, ids=[path for path, _ in _FORBIDDEN])
def test_what_a_viewer_sends_all_the_same_is_refused(
    viewer: BrowserContext, northwind: Place, path: str, right: Right
) -> None:
    page = viewer.pages[0]
    page.goto("/keyboard")
    token = page.locator("meta[name=csrf]").get_attribute("content") or ""
    answer = viewer.request.post(f"{northwind.url}{example(path, northwind.remote)}", form={"csrf": token})
    assert answer.status == 403
    assert right.value in answer.text()
