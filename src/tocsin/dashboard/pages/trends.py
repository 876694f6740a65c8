"""Trends and statistics: what goes wrong more often, what less, and how soon it is mended."""

from typing import NamedTuple

from starlette.responses import Response

from tocsin.dashboard import columns, words
from tocsin.dashboard.page import Page
from tocsin.dashboard.router import Pages
from tocsin.domain.ids import to_uuid
from tocsin.domain.model import SECOND
from tocsin.store import views_stats, views_stats_trends
from tocsin.store.views_stats import WorkspaceStats
from tocsin.store.views_stats_trends import IncidentDay, Series, Trends

pages = Pages()

PERIODS = {7: "7 days", 30: "30 days", 90: "90 days", 365: "A year"}
_USUAL = 30
_FEW = 6


class Moving(NamedTuple):
    """A pattern or a job whose incidents become more or fewer."""

    name: str
    address: str
    series: Series

    @property
    def incidents(self) -> int:
        return sum(self.series.incidents)


@pages.get("/trends")
def show_trends(page: Page) -> Response:
    asked = page.query.whole("days")
    days = asked if isinstance(asked, int) and asked in PERIODS else _USUAL
    with page.read() as connection:
        stats = views_stats.workspace_stats(connection, page.workspace_id, page.now, days)
        found = views_stats_trends.trends(connection, page.workspace_id, page.now, days, "day")
        by_day = views_stats_trends.incidents_by_day(connection, page.workspace_id, page.now, days)
    return page.render(
        "trends.html",
        stats=stats,
        days=days,
        periods=PERIODS,
        story=_story(stats, by_day, days),
        chart=columns.draw([day.incidents for day in by_day], [day.start_at for day in by_day]),
        opened=sum(day.incidents for day in by_day),
        rising=_moving(found, "rising"),
        falling=_moving(found, "falling"),
        seconds=lambda value: words.span(round(value * SECOND)),
        uuid=to_uuid,
    )


def _moving(found: Trends, direction: str) -> list[Moving]:
    """Those that move fastest first."""
    all_of_them = [Moving(one.name, f"/patterns/{one.key}", one) for one in found.patterns]
    all_of_them += [Moving(one.name, f"/incidents?status=all&jobKey={one.key}", one) for one in found.jobs]
    moving = [one for one in all_of_them if one.series.trend.direction == direction]
    return sorted(moving, key=lambda one: -abs(one.series.trend.slope))[:_FEW]


def _story(stats: WorkspaceStats, by_day: list[IncidentDay], days: int) -> str:
    """What the figures say, in a sentence or two."""
    opened = sum(day.incidents for day in by_day)
    if not opened:
        return f"No incident was opened in {words.plural(days, 'day')}."
    said = f"{words.plural(opened, 'incident')} in {words.plural(days, 'day')}"
    if stats.recovery.median is not None:
        said += f"; half of those that ended were over within {words.span(round(stats.recovery.median * SECOND))}"
    return f"{said}."
