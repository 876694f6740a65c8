"""The native ping: `POST /api/v1/jobs/{jobKey}/ping`. Bytes to a check-in, and its receipt back to bytes."""

from math import isfinite
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import to_json

from tocsin.api import answers
from tocsin.api.answers import Answer
from tocsin.api.envelope import failure_body
from tocsin.application.errors import Refused
from tocsin.application.record_check_ins import Receipt, Submission
from tocsin.domain.ids import to_uuid
from tocsin.domain.message import tail
from tocsin.domain.model import DEFAULT_ENVIRONMENT, CheckIn, CheckInKind
from tocsin.ingest import reading
from tocsin.ingest.described import operation
from tocsin.wire_time import iso, iso_or_none

_LONGEST_MS = 366 * 86_400 * 1000


def _flat_numbers(metrics: dict[str, float]) -> dict[str, float]:
    if any(len(name) > 100 or not isfinite(value) for name, value in metrics.items()):
        raise ValueError("must have names of at most 100 characters, and finite numbers.")
    return metrics


class Ping(BaseModel):
    """The body of a ping; unknown fields are ignored."""

    model_config = ConfigDict(strict=True)

    tenantId: str = Field(min_length=1, max_length=200)  # noqa: N815 -- the wire's own names: no alias to look up
    status: Literal["success", "failure", "start"]
    environment: str | None = Field(None, min_length=1, max_length=64)
    runId: str | None = Field(None, min_length=1, max_length=200)  # noqa: N815
    durationMs: int | None = Field(None, ge=0, le=_LONGEST_MS)  # noqa: N815
    exitCode: int | None = Field(None, ge=-(1 << 31), le=(1 << 32) - 1)  # noqa: N815
    message: str | None = None
    occurredAt: str | None = Field(  # noqa: N815
        None, max_length=64, json_schema_extra={"format": "date-time"}
    )
    metrics: Annotated[dict[str, float], Field(max_length=100), AfterValidator(_flat_numbers)] | None = None


def decode(body: bytes) -> Ping:
    """Raises `Refused` with a sentence that names the field and what was expected."""
    return reading.decode(Ping, body)


def occurred_at(ping: Ping, now: int) -> int | None:
    """When it happened, where the ping says so: at most seven days back and five minutes ahead of `now`."""
    return reading.moment("occurredAt", ping.occurredAt, now)


def to_check_in(ping: Ping, workspace_id: int, job_key: str, occurred: int | None, received_at: int) -> CheckIn:
    return CheckIn(
        workspace_id,
        job_key,
        ping.tenantId,
        ping.environment or DEFAULT_ENVIRONMENT,
        CheckInKind(ping.status),
        received_at,
        ping.runId,
        occurred,
        None if ping.durationMs is None else ping.durationMs * 1000,
        ping.exitCode,
        None if ping.message is None else tail(ping.message),
        None if ping.metrics is None else to_json(ping.metrics).decode(),
    )


def encode(submission: Submission, outcome: Receipt | Refused) -> bytes:
    """The answer's body."""
    if isinstance(outcome, Refused):
        return failure_body(outcome)
    check_in = submission.check_in
    return to_json(
        {
            "isSuccess": True,
            "errorCode": 0,
            "message": "Duplicate of the success before." if outcome.is_duplicate else "Recorded.",
            "data": {
                "pingId": to_uuid(outcome.ping_id),
                "jobKey": check_in.job_key,
                "tenantId": check_in.tenant,
                "status": check_in.kind,
                "receivedAt": iso(check_in.received_at),
                "deduplicated": outcome.is_duplicate,
                "missedRuns": outcome.missed_runs,
                "runId": outcome.run_id,
                "nextDueAt": iso_or_none(outcome.next_due_at),
            },
        }
    )


def answer_text(submission: Submission, outcome: Receipt | Refused) -> str:
    """What an `Idempotency-Key` repeats."""
    return encode(submission, outcome).decode()


def openapi_operation() -> dict[str, Any]:
    """The ping as OpenAPI 3.1 describes it."""
    return operation(
        "ping",
        "Ping",
        "Say that a run of the job started, succeeded or failed for a tenant. A 200 means: on disk.",
        Ping,
        {"tenantId": "acme-corp", "status": "success"},
        200,
        Answer[answers.Receipt],
        "jobKey",
    )
