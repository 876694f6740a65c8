"""Where jobs run: project → service → job, and the hosts."""

from typing import Any

from starlette.responses import Response

from tocsin.dashboard import words
from tocsin.dashboard.page import Page
from tocsin.dashboard.router import Pages
from tocsin.store.views_topology import topology

pages = Pages()


@pages.get("/topology")
def show_topology(page: Page) -> Response:
    with page.read() as connection:
        projects = topology(connection, page.workspace_id, page.now)["projects"]
    jobs = [job for project in projects for service in project["services"] for job in service["jobs"]]
    return page.render("topology.html", projects=projects, verdict=_verdict(jobs), hosts=_hosts(jobs))


def _verdict(jobs: list[dict[str, Any]]) -> str:
    hosts = {host["host"] for job in jobs for host in job["hosts"] if host["host"]}
    down = {job["jobKey"] for job in jobs if job["status"] == "down"}
    known = {job["jobKey"] for job in jobs}
    whole = f"{words.plural(len(known), 'job')} on {words.plural(len(hosts), 'host')}"
    return f"{whole}; {len(down)} down" if down else whole


def _hosts(jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The other way round: each host with the jobs whose last run on it failed, those with the most first."""
    found: dict[str, dict[str, Any]] = {}
    for job in jobs:
        for host in job["hosts"]:
            one = found.setdefault(host["host"] or "", {"name": host["host"] or "", "jobs": 0, "failed": [], "at": ""})
            one["jobs"] += 1
            one["at"] = max(one["at"], host["lastSeenAt"])
            if host["status"] == "down":
                one["failed"].append(job)
    return sorted(found.values(), key=lambda one: (-len(one["failed"]), one["name"]))
