"""The native ping: `POST /api/v1/jobs/{jobKey}/ping`. Bytes to a check-in, and its receipt back to bytes."""

from math import isfinite
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import to_json

from tocsin import strict_json
from tocsin.api.envelope import failure_body
from tocsin.api.sentences import sentence
from tocsin.application.errors import Refused, invalid, not_json
from tocsin.application.record_check_ins import Receipt, Submission
from tocsin.domain.ids import to_uuid
from tocsin.domain.model import DEFAULT_ENVIRONMENT, SECOND, CheckIn, CheckInKind
from tocsin.wire_time import iso, iso_or_none, parse_iso

MESSAGE_BYTES = 10 * 1024
_OLDEST = 7 * 86_400 * SECOND
_AHEAD = 300 * SECOND
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
    occurredAt: str | None = Field(None, max_length=64)  # noqa: N815
    metrics: Annotated[dict[str, float], Field(max_length=100), AfterValidator(_flat_numbers)] | None = None


def decode(body: bytes) -> Ping:
    """Raises `Refused` with a sentence that names the field and what was expected."""
    try:
        strict_json.check_json(body)
        return Ping.model_validate_json(body)
    except strict_json.NotJsonError as error:
        raise not_json(str(error)) from None
    except strict_json.UnacceptableJsonError as error:
        raise invalid(str(error)) from None
    except ValidationError as error:
        raise _refusal(error, body) from None


def _refusal(error: ValidationError, body: bytes) -> Refused:
    first: Any = error.errors(include_url=False)[0]
    if first["type"] == "json_invalid":
        return _syntax(body)
    return invalid(sentence({**first, "loc": ("body", *first["loc"])}))


def _syntax(body: bytes) -> Refused:
    """What is wrong with a text that is no JSON, in the words of the rest of the API."""
    if not body:
        return invalid("A JSON body is required.")
    try:
        strict_json.parse(body)
    except strict_json.NotJsonError as error:
        return not_json(str(error))
    return not_json()


def occurred_at(ping: Ping, now: int) -> int | None:
    """When it happened, where the ping says so: at most seven days back and five minutes ahead of `now`."""
    if ping.occurredAt is None:
        return None
    try:
        moment = parse_iso(ping.occurredAt)
    except ValueError as error:
        raise invalid(f"occurredAt {error}.") from None
    if not now - _OLDEST <= moment <= now + _AHEAD:
        raise invalid("occurredAt must be at most 7 days back and 5 minutes ahead.")
    return moment


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
        None if ping.message is None else _tail(ping.message),
        None if ping.metrics is None else to_json(ping.metrics).decode(),
    )


def _tail(message: str) -> str:
    """The last 10 KB: what a job says at its end is what explains it."""
    encoded = message.encode()
    return message if len(encoded) <= MESSAGE_BYTES else encoded[-MESSAGE_BYTES:].decode(errors="ignore")


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
    schema = Ping.model_json_schema()
    example = {"tenantId": "acme-corp", "status": "success"}
    refusals = {
        "400": "Not JSON.",
        "401": "No valid key.",
        "404": "Job or tenant not found.",
        "413": "The body is larger than 100 KB.",
        "415": "The body is not declared as JSON.",
        "422": "A field is wrong, or the tenant is deactivated.",
        "429": "This key has sent too many; try again after Retry-After.",
        "503": "Too many check-ins are waiting; try again after Retry-After.",
    }
    return {
        "operationId": "ping",
        "summary": "Ping",
        "description": "Say that a run of the job started, succeeded or failed for a tenant. A 200 means: on disk.",
        "parameters": [
            {"name": "jobKey", "in": "path", "required": True, "schema": {"type": "string"}},
            {"name": "Idempotency-Key", "in": "header", "required": False, "schema": {"type": "string"}},
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema, "example": example}}},
        "responses": {"200": {"description": "Recorded."}, **{s: {"description": d} for s, d in refusals.items()}},
    }
