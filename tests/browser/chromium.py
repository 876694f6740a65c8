"""The real browser: Debian's Chromium, driven by Playwright."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def executable() -> str:
    """Where the browser is: what the variable CHROMIUM names, else the first that is installed."""
    named = os.environ.get("CHROMIUM", "")
    found = shutil.which(named) if named else next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        raise AssertionError(
            "The pages are tested in a real browser, and there is none. On Debian: apt-get install chromium. "
            "Elsewhere install Chromium or Chrome, and set CHROMIUM to its executable if it is not on the PATH."
        )
    return found


@contextmanager
def launched() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # Root may not use the sandbox in containers; /dev/shm may be small in them.
        flags = ["--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=executable(), args=flags, chromium_sandbox=False)
        try:
            yield browser
        finally:
            browser.close()
