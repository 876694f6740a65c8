"""One job: which tenants it serves, how long it takes, when it runs next, and everything that can be done with it."""

from typing import Any
from urllib.parse import quote, urlencode

from starlette.responses import Response

from tocsin.application.errors import not_found
from tocsin.dashboard import moments, schedules
from tocsin.dashboard.durations import draw_durations
from tocsin.dashboard.grid import Grid, Line, draw_grid
from tocsin.dashboard.page import Page
from tocsin.dashboard.router import Pages
from tocsin.domain import preview
from tocsin.domain.ids import to_uuid
from tocsin.domain.model import SECOND
from tocsin.domain.schedule import Crontab
from tocsin.store import Connection, views_incident_pages, views_job_page, views_jobs, views_streams
from tocsin.store.paging import Page as ListPage
from tocsin.store.views_incidents import IncidentFilters
from tocsin.store.views_stats_job import job_stats
from tocsin.store.views_stats_strips import durations_of_jobs, tenant_grid
from tocsin.store.views_streams import RunFilters, StreamFilters
from tocsin.wire_time import iso

pages = Pages()
#: So many runs tell how long runs take; so many tenants are drawn before the rest waits to be asked for.
_RUNS, _DRAWN, _FOLDED, _DAYS, _NEXT = 3_000, 100, 150, 30, 5
_SNIPPETS = {
    "curl": "curl",
    "exec": "tocsin exec",
    "crontab": "crontab",
    "python": "Python",
    "sentry": "Sentry DSN",
    "healthchecks": "Healthchecks URL",
    "pingguard": "PingGuard",
}
_OUTCOMES = ("in_progress", "ok", "error", "missed", "timeout", "unknown")
_MUTES = (
    ("3600", "For an hour"),
    ("14400", "For 4 hours"),
    ("86400", "For a day"),
    ("604800", "For a week"),
    (moments.OWN, "Until a time of your own"),
)


def path_of(job_key: str, tab: str = "") -> str:
    return f"/jobs/{quote(job_key, safe='')}" + (f"/{tab}" if tab else "")


@pages.get("/jobs/{job_key}")
def show_job(page: Page, job_key: str) -> Response:
    with page.read() as connection:
        found = head_of(page, connection, job_key)
        job = found["whole"]
        environments = views_job_page.environments(connection, page.workspace_id, job.job_id)
        environment = page.query.text("environment") or next(iter(environments), "production")
        rows = tenant_grid(connection, page.workspace_id, job.job_id, environment)
        late = views_job_page.late_streams(connection, job.job_id, page.now)
        runs = durations_of_jobs(connection, page.workspace_id, [job.job_id], _RUNS)[job.job_id]
        stats = job_stats(connection, page.workspace_id, job.job_id, page.now, _DAYS)
    grid = draw_grid(rows, job.schedule, page.now, late)
    how = page.query.text("how")
    return page.render(
        "job.html",
        **found,
        environments=environments,
        environment=environment,
        grid=grid,
        **_shown(page, grid),
        chart=draw_durations(runs),
        stats=stats,
        next_times=_next_times(page, job),
        snippets=_SNIPPETS,
        how=how if how in _SNIPPETS else "curl",
    )


def head_of(page: Page, connection: Connection, job_key: str) -> dict[str, Any]:
    """What stands above every tab of a job."""
    found = views_jobs.job_object(connection, page.workspace_id, job_key, page.now, page.public_url)
    whole = views_job_page.job_row(connection, page.workspace_id, job_key)
    if found is None or whole is None:
        raise not_found("Job")
    filters = IncidentFilters("active", job_key=job_key)
    live = views_incident_pages.list_shown(connection, page.workspace_id, filters, ListPage(1, 1))
    mute = views_job_page.mute_of(connection, page.workspace_id, job_key, page.now)
    return {
        "job": found,
        "whole": whole,
        "words": schedules.in_words(whole.schedule),
        "incident": live["items"][0] if live["items"] else None,
        "mute": mute,
        "mutes": _MUTES,
        "here": path_of(job_key),
    }


def _shown(page: Page, grid: Grid) -> dict[str, Any]:
    """Which tenants are drawn: a few of each group and a fold, or a page of those that were asked for."""
    show, text = page.query.text("show"), page.query.text("q").lower()
    if show not in {"affected", "all"} and not text:
        folded = grid.calm if len(grid.calm) <= _FOLDED and grid.total <= 2 * _FOLDED else []
        groups = {
            "Affected": grid.affected,
            "Late or in progress": grid.busy,
            "Up, with a failure in view": grid.failed,
        }
        return {"show": "", "find": "", "groups": groups, "most": _DRAWN, "folded": folded, "listed": None}
    lines = [line for line in (grid.affected if show == "affected" else grid.lines) if _is_called(line, text)]
    at = page.query.list_page(_DRAWN)
    first = (at.number - 1) * at.size
    listed = {
        "items": lines[first : first + at.size],
        "page": at.number,
        "pageSize": at.size,
        "total": len(lines),
    }
    return {"show": show or "all", "find": text, "groups": {}, "most": _DRAWN, "folded": [], "listed": listed}


def _is_called(line: Line, text: str) -> bool:
    return text in line.name.lower() or text in line.external_id.lower()


def _next_times(page: Page, job: views_job_page.JobRow) -> dict[str, Any] | None:
    """The next times on the clock, each with when it is missed; None where they are counted from what was heard."""
    if not isinstance(job.schedule, Crontab) or not job.is_active:
        return None
    grace = job.grace or 0
    times = preview.upcoming(job.schedule, page.now, _NEXT)
    shown = [(at, preview.local(at, job.schedule.zone), at + grace, iso(at)[11:16]) for at in times]
    return {
        "zone": job.schedule.zone,
        "expression": job.schedule.expression,
        "times": shown,
        "warnings": preview.warnings(job.schedule, job.grace, page.now),
    }


@pages.get("/jobs/{job_key}/runs")
def list_runs(page: Page, job_key: str) -> Response:
    query = page.query
    since, until, problem = moments.between(query)
    outcome = query.text("outcome") if query.text("outcome") in _OUTCOMES else None
    tenant, environment, host = (query.text_or_none(name) for name in ("tenant", "environment", "host"))
    filters = RunFilters(tenant, environment, outcome, since, until, host)
    with page.read() as connection:
        found = head_of(page, connection, job_key)
        job_id = found["whole"].job_id
        runs = views_streams.list_runs(connection, job_id, filters, query.list_page())
        environments = views_job_page.environments(connection, page.workspace_id, job_id)
        hosts = views_job_page.hosts(connection, page.workspace_id, job_id)
        names = views_job_page.tenant_names(connection, page.workspace_id, {run["tenantId"] for run in runs["items"]})
    return page.render(
        "job-runs.html",
        **found,
        runs=runs,
        filters=filters,
        outcomes=_OUTCOMES,
        environments=environments,
        hosts=hosts,
        names=names,
        problem=problem,
        is_filtered=any(value is not None for value in filters),
    )


@pages.get("/jobs/{job_key}/slot")
def find_slot(page: Page, job_key: str) -> Response:
    """From a cell of the grid to its run."""
    at, tenant = page.query.whole("at"), page.query.text("tenant")
    if isinstance(at, int) and 0 <= at < 1 << 33 and tenant:
        with page.read() as connection:
            run_id = views_job_page.run_at(connection, page.workspace_id, job_key, tenant, at * SECOND)
        if run_id is not None:
            return page.go(f"/runs/{to_uuid(run_id)}")
    return page.go(path_of(job_key, "runs") + (f"?{urlencode({'tenant': tenant})}" if tenant else ""))


@pages.get("/jobs/{job_key}/incidents")
def list_incidents(page: Page, job_key: str) -> Response:
    with page.read() as connection:
        found = head_of(page, connection, job_key)
        filters = IncidentFilters("all", job_key=job_key)
        listed = views_incident_pages.list_shown(connection, page.workspace_id, filters, page.query.list_page())
    return page.render("job-incidents.html", **found, incidents=listed)


@pages.get("/jobs/{job_key}/tenants")
def list_streams(page: Page, job_key: str) -> Response:
    filters = StreamFilters(page.query.text_or_none("tenant"), page.query.text_or_none("environment"))
    with page.read() as connection:
        found = head_of(page, connection, job_key)
        job_id = found["whole"].job_id
        streams = views_streams.list_streams(connection, job_id, page.now, filters, page.query.list_page())
        named = {one["tenantId"] for one in streams["items"]}
        ids = views_job_page.tenant_ids(connection, page.workspace_id, named)
    return page.render("job-tenants.html", **found, streams=streams, ids=ids, filters=filters)


# --- what can be done with it -----------------------------------------------------------------------------------------


@pages.post("/jobs/{job_key}/pause", again=show_job)
def pause(page: Page, job_key: str) -> Response:
    page.ask("PATCH", path_of(job_key), {"isActive": False})
    return page.go(path_of(job_key), "Paused: nothing is expected of it until it is resumed.")


@pages.post("/jobs/{job_key}/resume", again=show_job)
def resume(page: Page, job_key: str) -> Response:
    page.ask("PATCH", path_of(job_key), {"isActive": True})
    return page.go(path_of(job_key), "Resumed: it is expected from now on.")


@pages.post("/jobs/{job_key}/mute", again=show_job)
def mute(page: Page, job_key: str) -> Response:
    until = moments.ahead(page.form, page.now, page.zone)
    target = {"kind": "job", "value": job_key}
    page.ask("POST", "/mutes", {"target": target, "until": until, "reason": page.form.text("reason")})
    return page.go(path_of(job_key), "Muted: what happens meanwhile is recorded, and nobody is told.")


@pages.post("/jobs/{job_key}/unmute", again=show_job)
def unmute(page: Page, job_key: str) -> Response:
    page.ask("DELETE", f"/mutes/{quote(page.form.text('mute'), safe='')}")
    return page.go(path_of(job_key), "Unmuted: what is still wrong is told.")


@pages.post("/jobs/{job_key}/delete", again=show_job)
def delete(page: Page, job_key: str) -> Response:
    page.ask("DELETE", path_of(job_key))
    return page.go("/jobs", f"{job_key} is deleted, with its runs.")


@pages.post("/jobs/{job_key}/forget", again=list_streams)
def forget(page: Page, job_key: str) -> Response:
    page.ask("DELETE", f"{path_of(job_key)}/streams/{quote(page.form.text('stream'), safe='')}")
    return page.go(path_of(job_key, "tenants"), "It is watched no more, until it is heard again.")


# --- one run ----------------------------------------------------------------------------------------------------------


@pages.get("/runs/{run_id}")
def show_run(page: Page, run_id: str) -> Response:
    with page.read() as connection:
        run = views_job_page.whole_run(connection, page.workspace_id, run_id)
        if run is None:
            raise not_found("Run")
        found = head_of(page, connection, run["jobKey"])
    return page.render("run.html", **found, run=run)
