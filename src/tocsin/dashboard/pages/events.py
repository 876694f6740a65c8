"""Events: what integrations reported, with its payload."""

from typing import NamedTuple

from starlette.responses import Response

from tocsin.dashboard import moments
from tocsin.dashboard.page import Page
from tocsin.dashboard.router import Pages
from tocsin.domain.ids import from_uuid
from tocsin.domain.model import SECOND
from tocsin.store import patterns as rows
from tocsin.store import views_events as views
from tocsin.store.paging import Page as ListPage

pages = Pages()

_SIZE = 25
#: Newer than any event: lists are turned by what they end with, so that none is counted from its beginning.
_NEWEST = (1 << 63) - 1
#: An id that no event has.
_NOBODY = -1
_HOUR = 3_600 * SECOND
PERIODS = {"1h": ("1 h", _HOUR), "24h": ("24 h", 24 * _HOUR), "7d": ("7 days", 168 * _HOUR), "": ("All", None)}


class _Asked(NamedTuple):
    """What the address asks for, as texts."""

    integrationKey: str  # noqa: N815 -- the names of the API, which addresses share
    tenantId: str  # noqa: N815
    patternId: str  # noqa: N815
    incidentId: str  # noqa: N815
    key: str
    value: str
    within: str


@pages.get("/events")
def list_events(page: Page) -> Response:
    since, until, problem = moments.between(page.query)
    asked = _Asked(*(page.query.text(name) for name in _Asked._fields))
    before = from_uuid(page.query.text("cursor"))
    with page.read() as connection:
        found = views.list_events(
            connection,
            page.workspace_id,
            _filters(asked, since, until, page.now),
            ListPage(1, _SIZE),
            before or _NEWEST,
        )
        book = rows.rulebook(connection, page.workspace_id)
    return page.render(
        "events.html",
        events=found,
        asked=asked,
        problem=problem,
        is_narrowed=any((*asked, since, until)),
        is_later=before is not None,
        periods=PERIODS,
        patterns={pattern.id: pattern.name for pattern in book.patterns},
    )


def _filters(asked: _Asked, since: int | None, until: int | None, now: int) -> views.EventFilters:
    _, length = PERIODS.get(asked.within, PERIODS[""])
    return views.EventFilters(
        (from_uuid(asked.incidentId) or _NOBODY) if asked.incidentId else None,
        asked.integrationKey or None,
        asked.tenantId or None,
        asked.patternId or None,
        since if length is None else max(since or 0, now - length),
        until,
        {asked.key: asked.value} if asked.key else {},
    )
