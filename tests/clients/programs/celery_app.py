"""What somebody's Celery application looks like whose periodic tasks are monitored by the Python SDK."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sentry_sdk
from celery import Celery
from celery.schedules import crontab
from sentry_sdk.integrations.celery import CeleryIntegration

sentry_sdk.init(environment="celery", integrations=[CeleryIntegration(monitor_beat_tasks=True)])

folder = Path(os.environ["BROKER_FOLDER"])
app = Celery("celery_app", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": str(folder),
    "data_folder_out": str(folder),
    "control_folder": str(folder),
}
#: So that each is due at once.
LONG_AGO = datetime.now(UTC) - timedelta(days=1)  # noqa: TID251 -- a program of somebody else's
app.conf.beat_schedule = {
    "tidy-up": {"task": "celery_app.tidy_up", "schedule": timedelta(minutes=2), "last_run_at": LONG_AGO},
    "Fails Always": {"task": "celery_app.fail", "schedule": crontab(minute="*/10"), "last_run_at": LONG_AGO},
}
app.conf.timezone = "Europe/Vienna"


@app.task  # type: ignore[untyped-decorator]
def tidy_up() -> None:
    """Has nothing to do."""


@app.task  # type: ignore[untyped-decorator]
def fail() -> None:
    raise RuntimeError("it always does")
