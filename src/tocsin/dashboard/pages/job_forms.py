"""Making a job, and changing one: the form, and what its schedule will do."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from tocsin.application.access import Right
from tocsin.application.errors import Refused, not_found
from tocsin.dashboard.forms import Fields
from tocsin.dashboard.page import Page
from tocsin.dashboard.pages.job import head_of, path_of
from tocsin.dashboard.router import Pages
from tocsin.domain import zones
from tocsin.domain.zones import UTC
from tocsin.store import views_jobs

pages = Pages()
_SHOWN = 5
_SCHEDULES = {
    "interval": "Every so often after the last success",
    "crontab": "At set times, as a crontab line says",
    "calendar": "So many days, weeks or months after the last check-in",
    "learned": "Learned from its runs",
    "none": "Never: only failures and timeouts matter",
}
#: Field of the form → where an empty one means "none".
_NUMBERS = (
    "tenantImpactThreshold",
    "consecutiveMissThreshold",
    "recoveryThreshold",
)
_OPTIONAL_NUMBERS = ("gracePeriodSeconds", "failureThreshold", "maxRuntimeSeconds")
_DEFAULTS: dict[str, Any] = {
    "jobKey": "",
    "name": "",
    "schedule.type": "crontab",
    "schedule.seconds": 3_600,
    "schedule.value": "0 3 * * *",
    "schedule.every": 1,
    "schedule.unit": "day",
    "gracePeriodSeconds": 900,
    "maxRuntimeSeconds": "",
    "tenantScope": "seen",
    "thresholdMode": "any",
    "tenantImpactThreshold": 3,
    "consecutiveMissThreshold": 3,
    "failureThreshold": "",
    "recoveryThreshold": 1,
    "tags": "",
    "description": "",
    "runbookUrl": "",
    "dependsOn.kind": "",
    "dependsOn.value": "",
}


# Not below /jobs: any word that could stand there is somebody's jobKey.
@pages.get("/new-job", right=Right.WRITE)
def new_job(page: Page) -> Response:
    values = {**_DEFAULTS, "schedule.timezone": page.zone}
    if like := page.query.text("like"):
        values |= {**_values_of(_found(page, like)), "jobKey": "", "name": ""}
    return _form(page, "job-new.html", values)


@pages.post("/new-job", again=new_job)
def make_job(page: Page) -> Response:
    if page.form.is_on("preview"):
        return new_job(page)
    body = _body(page.form)
    page.ask("POST", "/jobs", body)
    return page.go(path_of(body["jobKey"]), "The job is made. It is watched from its first check-in on.")


@pages.get("/jobs/{job_key}/settings")
def show_settings(page: Page, job_key: str) -> Response:
    with page.read() as connection:
        head = head_of(page, connection, job_key)
    return _form(page, "job-settings.html", _values_of(head["job"]), **head)


@pages.post("/jobs/{job_key}/settings", again=show_settings)
def change_job(page: Page, job_key: str) -> Response:
    if page.form.is_on("preview"):
        return show_settings(page, job_key)
    body = _body(page.form)
    page.ask("PATCH", path_of(job_key), body)
    return page.go(path_of(body["jobKey"], "settings"), "Saved.")


@pages.post("/new-job/preview", right=Right.READ)
def preview_schedule(page: Page) -> Response:
    """What the script shows beside the form while it is filled in."""
    return page.render("job-preview.html", preview=_preview(page, page.form))


def _form(page: Page, template: str, values: Mapping[str, Any], **more: Any) -> Response:
    """What was typed stands in the form again, after a look at the schedule too."""
    if page.form:
        values = {**values, **page.form}
    shown = _preview(page, values)
    return page.render(
        template, **more, values=values, preview=shown, schedules=_SCHEDULES, zones=sorted(zones.names())
    )


def _found(page: Page, job_key: str) -> dict[str, Any]:
    with page.read() as connection:
        job = views_jobs.job_object(connection, page.workspace_id, job_key, page.now, page.public_url)
    if job is None:
        raise not_found("Job")
    return job


def _values_of(job: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the form, as the job has them."""
    schedule = job["schedule"]
    values = {name: "" if job.get(name) is None else job[name] for name in _DEFAULTS if name in job}
    values |= {name: _DEFAULTS[name] for name in _DEFAULTS if name.startswith("schedule.")}
    values |= {"schedule.type": schedule["type"], "schedule.timezone": schedule.get("timezone", UTC)}
    if schedule["type"] == "calendar":
        values |= {"schedule.every": schedule["value"], "schedule.unit": schedule["unit"]}
    else:
        values |= {f"schedule.{name}": schedule[name] for name in ("seconds", "value") if name in schedule}
    depends_on = job.get("dependsOn") or {}
    values |= {f"dependsOn.{name}": depends_on.get(name, "") for name in ("kind", "value")}
    return {**values, "tags": ", ".join(job["tags"])}


def _body(form: Fields) -> dict[str, Any]:
    """What the API is asked to make of it."""
    texts = {name: form.text(name) for name in ("jobKey", "name", "tenantScope", "thresholdMode", "description")}
    body: dict[str, Any] = {name: text for name, text in texts.items() if text or name in {"name", "description"}}
    body |= {name: value for name in _NUMBERS if (value := form.whole(name)) is not None}
    body |= {name: form.whole(name) for name in _OPTIONAL_NUMBERS}
    body["schedule"] = _schedule(form)
    body["jobKey"] = form.text("jobKey")
    body["tags"] = [tag for one in form.text("tags").split(",") if (tag := one.strip())]
    body["runbookUrl"] = form.text_or_none("runbookUrl")
    kind, value = form.text("dependsOn.kind"), form.text("dependsOn.value")
    body["dependsOn"] = {"kind": kind, "value": value} if kind and value else None
    return body


def _schedule(form: Fields) -> dict[str, Any]:
    kind = form.text("schedule.type")
    zone = form.text("schedule.timezone") or UTC
    if kind == "interval":
        return {"type": kind, "seconds": form.whole("schedule.seconds")}
    if kind == "crontab":
        return {"type": kind, "value": form.text("schedule.value"), "timezone": zone}
    if kind == "calendar":
        every, unit = form.whole("schedule.every"), form.text("schedule.unit")
        return {"type": kind, "value": every, "unit": unit, "timezone": zone}
    return {"type": kind}


def _preview(page: Page, values: Mapping[str, Any]) -> dict[str, Any]:
    """`{description, occurrences, warnings}` of the schedule, or `{problem}` as the API says it."""
    form = Fields([(name, str(value)) for name, value in values.items()])
    asked: dict[str, Any] = {"schedule": _schedule(form), "count": _SHOWN}
    if isinstance(grace := form.whole("gracePeriodSeconds"), int):
        asked["gracePeriodSeconds"] = grace
    try:
        found = page.ask("POST", "/schedules/preview", asked).data
    except Refused as refused:
        return {"problem": refused.message}
    return {"problem": "", **found}
