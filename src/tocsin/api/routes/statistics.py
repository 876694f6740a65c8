"""Figures: /workspaces/stats, /workspaces/trends, /tenants/{tenant}/health, /jobs/{jobKey}/stats."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from tocsin.api import answers, stats_wire
from tocsin.api.calls import Reading
from tocsin.application.errors import invalid
from tocsin.store import Connection, views_jobs
from tocsin.store.views_stats import workspace_stats
from tocsin.store.views_stats_job import job_stats
from tocsin.store.views_stats_tenant import find_tenant, tenant_health
from tocsin.store.views_stats_trends import trends

router = APIRouter(tags=["statistics"])

#: Failures by the hour are kept for 40 days.
_MOST_DAYS_BY_HOUR = 31
Days = Annotated[int, Query(ge=1, le=366)]


@router.get("/workspaces/stats", response_model=answers.Answer[answers.WorkspaceStats])
def get_workspace_stats(call: Reading, days: Days = 30) -> Response:
    """The workspace in figures: incidents, how soon they end, and who has most of them."""
    return call.read(
        lambda connection: stats_wire.workspace_stats(workspace_stats(connection, call.workspace_id, call.now, days))
    )


@router.get("/workspaces/trends", response_model=answers.Answer[answers.Trends])
def get_workspace_trends(call: Reading, days: Days = 30, bucket: Literal["hour", "day"] = "day") -> Response:
    """Incidents and what failed, per pattern and per job, with the direction they take."""
    if bucket == "hour" and days > _MOST_DAYS_BY_HOUR:
        raise invalid(f"days must be at most {_MOST_DAYS_BY_HOUR} where bucket is hour.")
    return call.read(
        lambda connection: stats_wire.trends(trends(connection, call.workspace_id, call.now, days, bucket))
    )


@router.get("/tenants/{tenant}/health", response_model=answers.Answer[answers.TenantHealth])
def get_tenant_health(call: Reading, tenant: str, days: Days = 90) -> Response:
    """How every job and integration is for one tenant, by our id or its externalId, and how each day was."""

    def work(connection: Connection) -> object:
        found = find_tenant(connection, call.workspace_id, tenant)
        if found is None:
            return None
        return stats_wire.tenant_health(tenant_health(connection, call.workspace_id, found, call.now, days))

    return call.read(work, "Tenant")


@router.get("/jobs/{jobKey}/stats", response_model=answers.Answer[answers.JobStats])
def get_job_stats(call: Reading, jobKey: str, days: Days = 30) -> Response:  # noqa: N803
    """How the runs of a job ended, and how long they took, day by day."""

    def work(connection: Connection) -> object:
        job_id = views_jobs.find_job_id(connection, call.workspace_id, jobKey)
        if job_id is None:
            return None
        return stats_wire.job_stats(jobKey, job_stats(connection, call.workspace_id, job_id, call.now, days))

    return call.read(work, "Job")
