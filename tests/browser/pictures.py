"""`make pictures`: those of README.md, of Northwind Cloud as a real browser shows it, into docs/pictures/."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.browser import chromium
from tests.browser.place import Place, northwind_cloud
from tests.browser.visit import visiting
from tests.support.northwind import INVOICES

_FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
#: A README is read by everybody: what makes it slow to load is not worth it.
_MOST_BYTES = 200_000


class Picture(NamedTuple):
    """What is seen of the page at `path` when it is opened in a window this tall (pixels; 1,440 wide)."""

    name: str
    path: str
    height: int


def _pictures(place: Place) -> list[Picture]:
    [incident] = place.remote.incidents(INVOICES)
    return [
        Picture("overview", "/", 980),
        Picture("tenants-of-a-job", f"/jobs/{INVOICES}", 1_100),
        Picture("incident", f"/incidents/{incident['id']}", 1_100),
    ]


def main() -> None:
    _FOLDER.mkdir(exist_ok=True)
    with (
        TemporaryDirectory() as folder,
        chromium.launched() as browser,
        northwind_cloud(browser, Path(folder), trying={}) as place,
    ):
        for picture in _pictures(place):
            with visiting(browser, place.url, picture.path, place.owner) as visit:
                visit.look((1_440, picture.height), "light")
                taken = visit.page.screenshot(animations="disabled")
            assert len(taken) <= _MOST_BYTES, f"{picture.name} takes {len(taken):,} bytes"
            (_FOLDER / f"{picture.name}.png").write_bytes(taken)


if __name__ == "__main__":
    main()
