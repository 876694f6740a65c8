"""Other ways to read and to go about: the keyboard, and a browser without scripts."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.pages import PAGES, Look
from tests.browser.place import Place
from tests.browser.visit import context

pytestmark = pytest.mark.acceptance


@pytest.fixture(scope="module")
def page(browser: Browser, northwind: Place) -> Iterator[Page]:
    with context(browser, northwind.url, northwind.owner) as window:
        yield window.new_page()


def test_a_slash_leads_to_the_search(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("searchbox")).not_to_be_focused()


def test_j_and_k_go_through_the_lines_of_a_list(page: Page) -> None:
    page.goto("/")
    rows = page.locator("[data-row]")
    page.keyboard.press("j")
    expect(rows.nth(0).get_by_role("link").first).to_be_focused()
    page.keyboard.press("j")
    expect(rows.nth(1).get_by_role("link").first).to_be_focused()
    page.keyboard.press("k")
    expect(rows.nth(0).get_by_role("link").first).to_be_focused()


def test_a_question_mark_tells_the_keys(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_the_first_stop_of_the_tabulator_skips_to_the_content(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


@pytest.mark.parametrize("look", PAGES, ids=lambda look: look.name)
def test_a_page_reads_well_without_scripts(browser: Browser, northwind: Place, look: Look) -> None:
    state = northwind.owner if look.is_signed_in else None
    with context(browser, northwind.url, state, java_script_enabled=False) as window:
        page = window.new_page()
        answer = page.goto(look.on(northwind.remote))
        assert answer is not None
        assert answer.status == look.status
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        buttons = page.locator("form[method=post] button[type=submit], form[method=post] button:not([type])")
        assert [one for one in buttons.all() if one.is_disabled()] == []
