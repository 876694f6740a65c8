"""Tenants: every customer with how they fare, and one of them with all that belongs to them."""

from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from tocsin.application.errors import not_found
from tocsin.dashboard import strips
from tocsin.dashboard.page import Page
from tocsin.dashboard.router import Pages
from tocsin.domain.ids import to_uuid
from tocsin.store import views_accounts, views_stats_strips, views_stats_tenant
from tocsin.store import views_tenant_pages as views
from tocsin.store.views_stats_tenant import TenantHealth

pages = Pages()

DAYS = 90
_FEW_JOBS = 12
#: state → (how it is marked, what it is called)
STATES = {
    "missed": ("missed", "Missed"),
    "error": ("error", "Failing"),
    "late": ("late", "Late"),
    "progress": ("progress", "In progress"),
    "ok": ("ok", "Ok"),
    "none": ("new", "Without jobs"),
    "inactive": ("paused", "Inactive"),
}
_SERVED = {"down": "Not served", "late": "Late", "up": "Served", "new": "Nothing heard yet", "paused": "Paused"}


@pages.get("/tenants")
def list_tenants(page: Page) -> Response:
    state = page.query.text("state")
    filters = views.TenantFilters(state if state in {*STATES, "unserved"} else "", page.query.text("q"))
    with page.read() as connection:
        found = views.list_shown(connection, page.workspace_id, page.now, filters, page.query.list_page())
    unserved = found["counts"]["missed"] + found["counts"]["error"]
    return page.render(
        "tenants.html", tenants=found, filters=filters, states=STATES, unserved=unserved, strip_told=strips.told
    )


@pages.post("/tenants", again=list_tenants)
def create_tenant(page: Page) -> Response:
    body = {"externalId": page.form.text("externalId"), "name": page.form.text_or_none("name")}
    made = page.ask("POST", "/tenants", body).data
    return page.go(_address(made["id"]))


@pages.get("/tenants/{tenant}")
def show_tenant(page: Page, tenant: str) -> Response:
    mine = page.workspace_id
    with page.read() as connection:
        found = views_stats_tenant.find_tenant(connection, mine, tenant)
        if found is None:
            raise not_found("Tenant")
        health = views_stats_tenant.tenant_health(connection, mine, found, page.now, DAYS)
        shown = health.jobs if page.query.text("jobs") == "all" else health.jobs[:_FEW_JOBS]
        slots = views_stats_strips.latest_slots(connection, mine, [job.stream_id for job in shown])
        reported = views.failures_by_hour(connection, mine, found.id, page.now)
        known = views_accounts.tenant_object(connection, mine, found.id)
    return page.render(
        "tenant.html",
        known=known,
        health=health,
        here=_address(to_uuid(found.id)),
        served=_SERVED[health.status],
        troubles=_troubles(health),
        shown=[(job, strips.padded([slot.state for slot in slots[job.stream_id]], 30)) for job in shown],
        days=[day.state for day in health.history],
        reported=reported,
        strip_told=strips.told,
        uuid=to_uuid,
    )


@pages.post("/tenants/{tenant}/rename", again=show_tenant)
def rename_tenant(page: Page, tenant: str) -> Response:
    page.ask("PATCH", _address(tenant), {"name": page.form.text("name")})
    return page.go(_address(tenant))


@pages.post("/tenants/{tenant}/deactivate", again=show_tenant)
def deactivate_tenant(page: Page, tenant: str) -> Response:
    page.ask("DELETE", _address(tenant))
    return page.go(_address(tenant), "Deactivated. Nothing is expected of it any more.")


@pages.post("/tenants/{tenant}/activate", again=show_tenant)
def activate_tenant(page: Page, tenant: str) -> Response:
    page.ask("POST", f"{_address(tenant)}/activate")
    return page.go(_address(tenant), "Activated. It is watched again from now on.")


def _address(tenant: str) -> str:
    return f"/tenants/{quote(tenant, safe='')}"


def _troubles(health: TenantHealth) -> dict[str, Any]:
    """How many jobs and integrations there are, and how many of them have a problem."""
    return {
        "jobs": sum(job.status == "down" for job in health.jobs),
        "all_jobs": health.job_count,
        "integrations": sum(one.status == "down" for one in health.integrations),
        "all_integrations": len(health.integrations),
    }
