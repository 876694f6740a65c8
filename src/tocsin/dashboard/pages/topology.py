"""Where jobs run: project → service → job, and the hosts.

A few hundred jobs are drawn each. Of more, nobody looks for one here: each service says how many it has, leads to them,
and shows those that need a look; the worst comes first.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from tocsin.dashboard import words
from tocsin.dashboard.page import Page
from tocsin.dashboard.router import Pages
from tocsin.store.views_job_states import STATUSES
from tocsin.store.views_topology import Leaf, count_leaves, groups, leaves, worst

pages = Pages()
Object = dict[str, Any]
_MOST_JOBS = 300
#: Where there are more: services that are drawn, and jobs of each.
_MOST_SERVICES, _MOST_OF_SERVICE = 200, 3
_NEEDS_A_LOOK = {"down", "late"}


@pages.get("/topology")
def show_topology(page: Page) -> Response:
    with page.read() as connection:
        found = leaves(connection, page.workspace_id, page.now)
        total = count_leaves(connection, page.workspace_id)
    services = [
        _service(project, name, group)
        for project, some in groups(found, "project")
        for name, group in groups(some, "service")
    ]
    is_crowded = sum(one["count"] for one in services) > _MOST_JOBS
    shown = _narrowed(services) if is_crowded else services
    return page.render(
        "topology.html",
        projects=_projects(shown),
        services_left=len(services) - len(shown),
        verdict=_verdict(found, total),
        hosts=_hosts(found),
    )


def _service(project: str, name: str, found: Sequence[Leaf]) -> Object:
    """Its jobs, each as its leaves."""
    jobs = [hosts for _, hosts in groups(found, "job_key")]
    wanted = {"project": project, "service": name}
    return {
        "project": project,
        "name": name,
        "status": worst(leaf.status for leaf in found),
        "jobs": jobs,
        "count": len(jobs),
        "address": f"/jobs?{urlencode({key: text for key, text in wanted.items() if text})}",
    }


def _narrowed(services: list[Object]) -> list[Object]:
    """The worst services, each with the worst of those of its jobs that need a look."""
    first = sorted(services, key=lambda one: STATUSES.index(one["status"]))[:_MOST_SERVICES]
    return [{**one, "jobs": _worst_jobs(one["jobs"])} for one in first]


def _worst_jobs(jobs: list[list[Leaf]]) -> list[list[Leaf]]:
    found = [hosts for hosts in jobs if hosts[0].status in _NEEDS_A_LOOK]
    return sorted(found, key=lambda hosts: STATUSES.index(hosts[0].status))[:_MOST_OF_SERVICE]


def _projects(services: Sequence[Object]) -> list[Object]:
    """By name, in the order of the first service of each."""
    found: dict[str, list[Object]] = {}
    for service in services:
        found.setdefault(service["project"], []).append(service)
    return [
        {"name": name, "status": worst(one["status"] for one in some), "services": some} for name, some in found.items()
    ]


def _verdict(found: Sequence[Leaf], total: int) -> str:
    hosts = {leaf.host for leaf in found if leaf.host}
    down = {leaf.job_key for leaf in found if leaf.status == "down"}
    known = {leaf.job_key for leaf in found}
    whole = f"{words.plural(len(known), 'job')} on {words.plural(len(hosts), 'host')}"
    if total > len(found):
        whole += f", at the {words.number(len(found))} of {words.number(total)} places heard last"
    return f"{whole}; {words.number(len(down))} down" if down else whole


def _hosts(found: Sequence[Leaf]) -> list[Object]:
    """The other way round: each host with the jobs whose last run on it failed, those with the most first."""
    hosts: dict[str, Object] = {}
    for leaf in found:
        one = hosts.setdefault(leaf.host, {"name": leaf.host, "jobs": 0, "failed": [], "at": 0})
        one["jobs"] += 1
        one["at"] = max(one["at"], leaf.last_at)
        if leaf.is_failing:
            one["failed"].append(leaf)
    return sorted(hosts.values(), key=lambda one: (-len(one["failed"]), one["name"]))
