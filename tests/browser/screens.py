"""Photographs of pages, left in build/screens/ for whoever wants to see what the tests saw."""

from pathlib import Path

from playwright.sync_api import Page

_TALLEST = 8_000
SCREENS = Path(__file__).parents[2] / "build" / "screens"


def photograph(page: Page, name: str, size: str, scheme: str) -> None:
    """The whole page, from top to bottom: in a window as tall as the page, so that a bar at its foot is at the foot."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    window = page.viewport_size or {"width": 1440, "height": 900}
    tall = min(max(page.evaluate("document.documentElement.scrollHeight"), window["height"]), _TALLEST)
    page.set_viewport_size({"width": window["width"], "height": tall})
    page.screenshot(path=SCREENS / f"{name}-{size}-{scheme}.png", animations="disabled")
