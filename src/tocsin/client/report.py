"""What is said about a run: its start and its result, as the native API takes them."""

import json
import os
from typing import Any, NamedTuple
from urllib.parse import quote

from tocsin.wire_time import iso


class Subject(NamedTuple):
    """What the reports of one run have in common. `environment` may be empty: then it is the server's default."""

    job: str
    tenant: str
    environment: str
    run_id: str


class Result(NamedTuple):
    """How a command ended. `exit_code`: as a shell would show it; `duration` in microseconds."""

    exit_code: int
    duration: int
    output: str


class Report(NamedTuple):
    """One request that is yet to be made. `body` is kept as it is sent: under its `key` (`Idempotency-Key`) the server
    knows exactly this text again, so however often it comes it counts once. `occurred_at`: microseconds since 1970."""

    job: str
    status: str
    occurred_at: int
    key: str
    body: str

    @property
    def path(self) -> str:
        return f"/api/v1/jobs/{quote(self.job, safe='')}/ping"

    def as_of_now(self) -> "Report":
        """The same without its moment, which is then the receipt's: for a machine whose clock is wrong."""
        fields = json.loads(self.body)
        del fields["occurredAt"]
        return self._replace(body=json.dumps(fields), key=f"{self.key}-now")


def new_run_id() -> str:
    return os.urandom(16).hex()


def started(subject: Subject, now: int) -> Report:
    return _report(subject, "start", now, {})


def ended(subject: Subject, result: Result, now: int) -> Report:
    fields: dict[str, Any] = {"exitCode": result.exit_code, "durationMs": result.duration // 1000}
    if result.output:
        fields["message"] = result.output
    return _report(subject, "failure" if result.exit_code else "success", now, fields)


def _report(subject: Subject, status: str, now: int, fields: dict[str, Any]) -> Report:
    body = {"tenantId": subject.tenant, "status": status, "runId": subject.run_id, "occurredAt": iso(now), **fields}
    if subject.environment:
        body["environment"] = subject.environment
    return Report(subject.job, status, now, os.urandom(16).hex(), json.dumps(body))


def to_text(report: Report) -> str:
    return json.dumps(report._asdict())


def from_text(text: str) -> Report:
    """Raises ValueError where the text is no report."""
    try:
        fields = json.loads(text)
        report = Report(**fields)
        json.loads(report.body)
    except (TypeError, AttributeError) as error:
        raise ValueError("is no report") from error
    if [type(field) for field in report] != [str, str, int, str, str]:
        raise ValueError("is no report")
    return report
