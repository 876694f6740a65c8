"""/schedules: what a schedule will do."""

from cron_descriptor import Options, get_description
from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from tocsin.api import answers
from tocsin.api.calls import Reading
from tocsin.api.job_wire import Schedule, schedule_columns
from tocsin.api.wire import LONGEST, Wire, moment
from tocsin.application.errors import invalid
from tocsin.domain import crontab, preview
from tocsin.domain.model import SECOND
from tocsin.domain.schedule import Calendar, Crontab, Interval, Learned
from tocsin.domain.schedule import Schedule as DomainSchedule
from tocsin.store.hot import schedule_of
from tocsin.wire_time import iso

router = APIRouter(tags=["jobs"])
#: A look at times further ahead than this tells nobody anything.
_LATEST = 4_102_444_800 * SECOND  # 2100-01-01


class PreviewRequest(Wire):
    """`POST /schedules/preview`."""

    schedule: Schedule
    grace_period_seconds: int | None = Field(None, ge=0, le=LONGEST)
    since: str | None = Field(None, alias="from", max_length=40, json_schema_extra={"format": "date-time"})
    count: int = Field(5, ge=1, le=100)


@router.post("/schedules/preview", response_model=answers.Answer[answers.SchedulePreview])
def preview_schedule(call: Reading, body: PreviewRequest) -> Response:
    """The next times of a schedule, in words and in its zone, and what may surprise about them."""
    since_at = moment("from", body.since)
    since_at = call.now if since_at is None else since_at
    if not 0 <= since_at < _LATEST:
        raise invalid("from must lie between 1970 and 2100.")
    columns = schedule_columns(body.schedule)
    schedule = schedule_of(*columns.values(), None)
    grace = None if body.grace_period_seconds is None else body.grace_period_seconds * SECOND
    return call.read(lambda _: _preview(schedule, grace, since_at, body.count))


def _preview(schedule: DomainSchedule, grace: int | None, since_at: int, count: int) -> dict[str, object]:
    zone = preview.zone_of(schedule)
    return {
        "description": describe(schedule),
        "occurrences": [
            {"local": preview.local(at, zone).isoformat(), "utc": iso(at)}
            for at in preview.upcoming(schedule, since_at, count)
        ],
        "warnings": preview.warnings(schedule, grace, since_at),
    }


def describe(schedule: DomainSchedule) -> str:
    """The schedule as a person would say it."""
    if isinstance(schedule, Crontab):
        options = Options()
        options.use_24hour_time_format = True
        expression = crontab.NAMES.get(schedule.expression.lower(), schedule.expression)
        return f"{get_description(expression, options)} ({schedule.zone})"
    if isinstance(schedule, Calendar):
        many = f"{schedule.every} {schedule.unit}s" if schedule.every > 1 else schedule.unit
        return f"Every {many} after the last check-in"
    if isinstance(schedule, Interval):
        return f"Every {schedule.every // SECOND} s after the last success"
    return "As its runs have come until now" if isinstance(schedule, Learned) else "Never expected"
