"""All jobs: what is wrong with them, when they run, and how long they take."""

from statistics import median
from typing import Any

from starlette.responses import Response

from tocsin.dashboard import schedules
from tocsin.dashboard.page import Page
from tocsin.dashboard.router import Pages
from tocsin.domain.schedule import Learned, Unscheduled
from tocsin.store import views_job_list as views
from tocsin.store.views_job_list import JobFilters
from tocsin.store.views_job_states import STATUSES
from tocsin.store.views_overview import count_tenants

pages = Pages()
_DRAWN = 20
SORTS = {"worst": "Worst first", "due": "Next due", "name": "Name", "newest": "Newest", "tenants": "Most tenants"}
#: Filters that are chosen from what there is.
_CHOSEN = ("tag", "protocol", "project", "service", "host")


@pages.get("/jobs")
def list_jobs(page: Page) -> Response:
    filters = _filters(page)
    with page.read() as connection:
        found = views.job_list(connection, page.workspace_id, page.now, filters, page.query.list_page())
        choices = views.choices(connection, page.workspace_id)
        watched = views.watched_altogether(connection, page.workspace_id)
        tenants = count_tenants(connection, page.workspace_id)
    is_filtered = any(filters._replace(sort="", status=""))
    return page.render(
        "jobs.html",
        jobs=found,
        lines=[_line(item) for item in found["items"]],
        choices={name: (choices[name], getattr(filters, name)) for name in _CHOSEN},
        filters=filters,
        is_filtered=is_filtered,
        sorts=SORTS,
        watched=watched,
        tenants=tenants,
    )


def _filters(page: Page) -> JobFilters:
    asked: dict[str, Any] = {name: page.query.text(name)[:300] for name in (*_CHOSEN, "tenant")}
    status, sort = page.query.text("status"), page.query.text("sort")
    return JobFilters(
        text=page.query.text("q")[:200],
        status=status if status in STATUSES else "",
        sort=sort if sort in SORTS else "worst",
        **asked,
    )


def _line(item: dict[str, Any]) -> dict[str, Any]:
    """What the template shows of a job."""
    latest = item["latest"]
    durations = [run.duration for run in latest if run.duration is not None and run.outcome != "in_progress"][-_DRAWN:]
    running = [run.at for run in latest if run.outcome == "in_progress"]
    return {
        **item,
        "words": schedules.in_words(item["schedule"]),
        "is_learned": isinstance(item["schedule"], Learned),
        "is_unscheduled": isinstance(item["schedule"], Unscheduled),
        "durations": durations,
        "usual": round(median(durations)) if durations else None,
        "running_since": running[-1] if running else None,
    }
