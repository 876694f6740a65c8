"""What somebody's program looks like who reports with the Python SDK. The DSN is in the environment."""

import time

import sentry_sdk
from sentry_sdk.crons import MonitorStatus, capture_checkin, monitor
from sentry_sdk.types import MonitorConfig

sentry_sdk.init(environment="staging", release="app@1.2.3", server_name="job-host")

CONFIG: MonitorConfig = {
    "schedule": {"type": "crontab", "value": "*/5 * * * *"},
    "timezone": "Europe/Vienna",
    "checkin_margin": 5,
    "max_runtime": 10,
    "failure_issue_threshold": 2,
    "recovery_threshold": 3,
}


@monitor(monitor_slug="decorated", monitor_config=CONFIG)
def decorated() -> None:
    time.sleep(0.1)


decorated()

try:
    with monitor(monitor_slug="Context Manager", monitor_config={"schedule": {"type": "crontab", "value": "@daily"}}):
        int("the job fails")
except ValueError:
    pass

interval: MonitorConfig = {"schedule": {"type": "interval", "value": 2, "unit": "hour"}, "timezone": "America/New_York"}
check_in_id = capture_checkin(monitor_slug="manual", status=MonitorStatus.IN_PROGRESS, monitor_config=interval)
capture_checkin(monitor_slug="manual", check_in_id=check_in_id, status=MonitorStatus.OK, duration=12.5)

capture_checkin(monitor_slug="manual", status=MonitorStatus.IN_PROGRESS)  # and never heard of again

capture_checkin(monitor_slug="nobody-knows", status=MonitorStatus.OK)
sentry_sdk.flush(timeout=20)
