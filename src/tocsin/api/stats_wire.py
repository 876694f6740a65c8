"""Figures as the API shows them."""

from typing import Any

from tocsin.domain.days import name_of
from tocsin.domain.ids import to_uuid
from tocsin.store.views_stats import WorkspaceStats
from tocsin.store.views_stats_job import Durations, JobStats
from tocsin.store.views_stats_tenant import IncidentOfTenant, TenantHealth
from tocsin.store.views_stats_trends import Series, Trends
from tocsin.wire_time import iso, iso_or_none

Object = dict[str, Any]


def _period(of: WorkspaceStats | Trends | JobStats | TenantHealth) -> Object:
    return {"days": of.days, "timezone": of.timezone, "from": iso(of.from_at), "to": iso(of.until_at)}


def workspace_stats(stats: WorkspaceStats) -> Object:
    return {
        **_period(stats),
        "open": stats.open,
        "recovering": stats.recovering,
        "closed": stats.closed,
        "chronic": stats.chronic,
        "mttrSeconds": stats.recovery._asdict(),
        "reopenRate": stats.reopen_rate,
        "topPatterns": [
            {
                "patternId": one.pattern_id,
                "patternName": one.name,
                "incidentCount": one.incidents,
                "eventCount": one.events,
            }
            for one in stats.patterns
        ],
        "topJobs": [
            {"jobKey": one.job_key, "jobName": one.name, "incidentCount": one.incidents, "failedRuns": one.failed}
            for one in stats.jobs
        ],
        "topTenants": [
            {
                "tenantId": to_uuid(one.id),
                "externalId": one.external_id,
                "tenantName": one.name,
                "incidentCount": one.incidents,
            }
            for one in stats.tenants
        ],
        "checkInCount": stats.check_ins,
        "eventCount": stats.events,
    }


def trends(found: Trends) -> Object:
    starts = [iso(one) for one in found.starts]
    return {
        **_period(found),
        "bucket": found.bucket,
        "patterns": [{"patternId": one.key, "patternName": one.name, **_series(one, starts)} for one in found.patterns],
        "jobs": [{"jobKey": one.key, "jobName": one.name, **_series(one, starts)} for one in found.jobs],
    }


def _series(series: Series, starts: list[str]) -> Object:
    return {
        "direction": series.trend.direction,
        "slope": round(series.trend.slope, 6),
        "incidentCount": sum(series.incidents),
        "eventCount": sum(series.failures),
        "buckets": [
            {"start": start, "incidentCount": incidents, "eventCount": failures}
            for start, incidents, failures in zip(starts, series.incidents, series.failures, strict=True)
        ],
    }


def job_stats(job_key: str, stats: JobStats) -> Object:
    return {
        "jobKey": job_key,
        **_period(stats),
        "runCount": stats.outcomes.runs,
        "successRate": stats.outcomes.success_rate,
        "outcomes": stats.outcomes._asdict(),
        "durationMs": _milliseconds(stats.durations),
        "byDay": [
            {
                "day": name_of(one.day),
                "start": iso(one.start_at),
                "runCount": one.outcomes.runs,
                "successRate": one.outcomes.success_rate,
                "outcomes": one.outcomes._asdict(),
                "durationMs": _milliseconds(one.durations),
            }
            for one in stats.by_day
        ],
    }


def tenant_health(health: TenantHealth) -> Object:
    return {
        "tenantId": to_uuid(health.tenant.id),
        "externalId": health.tenant.external_id,
        "tenantName": health.tenant.name,
        "isActive": health.tenant.is_active,
        "status": health.status,
        **_period(health),
        "uptimeRatio": health.outcomes.success_rate,
        "runCount": health.outcomes.runs,
        "jobs": _jobs(health),
        "jobCount": health.job_count,
        "integrations": [
            {
                "integrationKey": one.integration_key,
                "status": one.status,
                "lastEventAt": iso_or_none(one.last_event_at),
                "incidentId": None if one.incident_id is None else to_uuid(one.incident_id),
            }
            for one in health.integrations
        ],
        "incidents": [_incident(one) for one in health.incidents],
        "incidentCount": health.incident_count,
        "history": [
            {
                "day": name_of(one.day),
                "start": iso(one.start_at),
                "state": one.state,
                "outcomes": one.outcomes._asdict(),
                "incidentCount": one.incidents,
            }
            for one in health.history
        ],
    }


def _jobs(health: TenantHealth) -> list[Object]:
    return [
        {
            "jobKey": one.job_key,
            "jobName": one.name,
            "environment": one.environment,
            "status": one.status,
            "missedRuns": one.missed_runs,
            "consecutiveFailures": one.consecutive_failures,
            "lastSuccessAt": iso_or_none(one.last_success_at),
            "lastCheckInAt": iso_or_none(one.last_check_in_at),
            "nextDueAt": iso_or_none(one.next_due_at),
        }
        for one in health.jobs
    ]


def _incident(one: IncidentOfTenant) -> Object:
    return {
        "id": to_uuid(one.id),
        "kind": one.kind,
        "jobKey": one.job_key,
        "jobName": one.subject if one.kind == "job" else None,
        "integrationKey": one.integration_key,
        "patternId": one.pattern_id,
        "status": one.status,
        "openedAt": iso(one.opened_at),
        "closedAt": iso_or_none(one.closed_at),
        "firstSeenAt": iso(one.first_seen_at),
        "lastSeenAt": iso(one.last_seen_at),
        "tenantCount": one.tenant_count,
    }


def _milliseconds(durations: Durations) -> Object:
    return {name: None if one is None else round(one / 1000) for name, one in durations._asdict().items()}
