"""Photographs of pages, left in build/screens/ for whoever wants to see what the tests saw."""

from pathlib import Path

from playwright.sync_api import Page

SCREENS = Path(__file__).parents[2] / "build" / "screens"


def photograph(page: Page, name: str, size: str, scheme: str) -> None:
    """The whole page, from top to bottom."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENS / f"{name}-{size}-{scheme}.png", full_page=True, animations="disabled")
