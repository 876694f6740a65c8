"""A page, opened as a person would, and everything about the visit that a person would hold against us."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response, StorageState

#: Widths at which pages are laid out: the narrowest phone to a wide screen.
WIDTHS = (320, 390, 800, 1100, 1440, 1920)
WIDE, PHONE = (1440, 900), (390, 844)
_GRAVE = {"serious", "critical"}
#: The accessibility checker, as the wheel brings it.
_AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
#: In every page before its own scripts: what the browser observes and tells nobody.
_OBSERVE = """
window.observed = {shift: 0, violations: []};
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.observed.shift += entry.value;
}).observe({type: "layout-shift", buffered: true});
addEventListener("securitypolicyviolation", (event) =>
  window.observed.violations.push(`${event.violatedDirective} forbids ${event.blockedURI} ${event.sample}`));
"""
_OVERFLOWING = """() => {
  const wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= wide) return [];
  return [...document.querySelectorAll("body *")]
    .filter((one) => one.getBoundingClientRect().right > wide + 1 && getComputedStyle(one).position !== "fixed")
    .slice(0, 4).map((one) => `${one.localName}.${one.getAttribute("class") ?? ""}`);
}"""
_PAINTED = 'performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? null'


@dataclass
class Visit:
    """An open page. `faults` are sentences; `transferred` counts bytes as they came over the wire, headers and all."""

    page: Page
    faults: list[str] = field(default_factory=list)
    transferred: int = 0

    @property
    def painted(self) -> float:
        """Milliseconds until there was something to read."""
        return float(self.page.evaluate(_PAINTED))

    @property
    def shift(self) -> float:
        """How far the page jumped under its reader (Cumulative Layout Shift)."""
        return float(self.page.evaluate("window.observed.shift"))

    def violations(self) -> list[str]:
        """What the page's Content-Security-Policy had to stop."""
        return list(self.page.evaluate("window.observed.violations"))

    def too_wide(self) -> list[str]:
        """Each width at which the page scrolls sideways, with the elements that stick out."""
        found = []
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 900})
            if culprits := self.page.evaluate(_OVERFLOWING):
                found.append(f"at {width} px: {', '.join(culprits)}")
        return found

    def barriers(self) -> list[str]:
        """What axe finds serious or critical, with the first elements it is about."""
        self.page.evaluate(_AXE)
        found: list[dict[str, Any]] = self.page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
        return [
            f"{one['impact']}: {one['help']}: {', '.join(str(node['target'][0]) for node in one['nodes'][:3])}"
            for one in found
            if one["impact"] in _GRAVE
        ]

    def look(self, size: tuple[int, int], scheme: str) -> None:
        """Show the page at this size, in this colour scheme."""
        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        self.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")

    def _watch(self, origin: str) -> None:
        host = urlsplit(origin).netloc
        page = self.page
        page.on("console", lambda said: self._blame(_is_error(said), f"console: {said.text}"))
        page.on("pageerror", lambda error: self._blame(True, f"script: {error.message}"))
        page.on("response", lambda answer: self._blame(_is_lost(answer), f"{answer.status} for {answer.url}"))
        page.on("request", lambda request: self._blame(_is_foreign(request, host), f"asks another host: {request.url}"))
        wire = page.context.new_cdp_session(page)
        wire.send("Network.enable")
        wire.on("Network.loadingFinished", self._count)

    def _blame(self, is_fault: bool, sentence: str) -> None:
        if is_fault:
            self.faults.append(sentence)

    def _count(self, finished: dict[str, Any]) -> None:
        self.transferred += int(finished["encodedDataLength"])


def _is_error(said: ConsoleMessage) -> bool:
    """Warnings count. That a page answers with an error is said there too, and judged by who knows which it should."""
    return said.type in {"error", "warning"} and "Failed to load resource" not in said.text


def _is_lost(answer: Response) -> bool:
    return answer.status >= 400 and not answer.request.is_navigation_request()


def _is_foreign(request: Request, host: str) -> bool:
    address = urlsplit(request.url)
    return address.scheme not in {"data", "blob"} and address.netloc != host


@contextmanager
def context(
    browser: Browser, origin: str, state: StorageState | None = None, **options: Any
) -> Iterator[BrowserContext]:
    """A browser window of its own, signed in if `state` says so; in Vienna, where the story is told."""
    width, height = WIDE
    one = browser.new_context(
        base_url=origin,
        storage_state=state,
        viewport={"width": width, "height": height},
        locale="en-GB",
        timezone_id="Europe/Vienna",
        **options,
    )
    one.set_default_timeout(10_000)
    try:
        yield one
    finally:
        one.close()


@contextmanager
def visiting(
    browser: Browser, origin: str, path: str, state: StorageState | None = None, status: int = 200, **options: Any
) -> Iterator[Visit]:
    """The page at `path`, loaded with an empty cache; it should answer `status`."""
    with context(browser, origin, state, **options) as window:
        window.add_init_script(_OBSERVE)
        visit = Visit(window.new_page())
        visit._watch(origin)
        answer = visit.page.goto(path, wait_until="load")
        assert answer is not None
        visit._blame(answer.status != status, f"answers {answer.status}")
        yield visit
