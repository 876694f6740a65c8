"""Native events: `POST /api/v1/events` and `/events/batch`. Bytes to events, and their receipts back to bytes."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import to_json

from tocsin.api import answers
from tocsin.api.answers import Answer
from tocsin.api.envelope import failure_body
from tocsin.application.errors import Refused, invalid
from tocsin.application.record_events import EventReceipt, EventSubmission, Recorded
from tocsin.domain.event import Event
from tocsin.domain.ids import to_uuid
from tocsin.ingest import reading
from tocsin.ingest.described import operation

MOST_EVENTS = 1_000
PAYLOAD_BYTES = 64 * 1024
_EXAMPLE = {
    "integrationKey": "payments-service",
    "eventType": "webhook_failed",
    "tenantId": "acme-corp",
    "errorCode": "503",
    "rawPayload": {"endpoint": "/v2/webhooks/deliver", "durationMs": 12043, "attemptNumber": 3},
}


class NewEvent(BaseModel):
    """One event; unknown fields are ignored."""

    model_config = ConfigDict(strict=True)

    integrationKey: str = Field(min_length=1, max_length=200)  # noqa: N815 -- the wire's own names: no alias to look up
    eventType: str = Field(min_length=1, max_length=200)  # noqa: N815
    tenantId: str = Field(min_length=1, max_length=200)  # noqa: N815
    errorCode: str | None = Field(None, max_length=200)  # noqa: N815
    rawPayload: dict[str, Any] | None = None  # noqa: N815
    occurredAt: str | None = Field(  # noqa: N815
        None, max_length=64, json_schema_extra={"format": "date-time"}
    )


def _some(events: list[NewEvent]) -> list[NewEvent]:
    if not events:
        raise ValueError("must hold at least 1 event.")
    return events


class NewEvents(BaseModel):
    """Several events in one request."""

    model_config = ConfigDict(strict=True)

    events: Annotated[list[NewEvent], Field(max_length=MOST_EVENTS), AfterValidator(_some)]


def decode(body: bytes) -> NewEvent:
    """Raises `Refused` with a sentence that names the field and what was expected."""
    return reading.decode(NewEvent, body)


def decode_batch(body: bytes) -> list[NewEvent]:
    """From `{"events": [...]}` or the bare list; raises `Refused`, naming the event too."""
    return reading.decode_list(NewEvents, "events", body).events


def to_event(told: NewEvent, workspace_id: int, now: int, where: str = "") -> Event:
    """`now`: what `occurredAt` is judged by; the receipt moment is given later. `where`: which one of a batch."""
    return Event(
        workspace_id,
        told.integrationKey,
        told.eventType,
        told.tenantId,
        0,
        told.errorCode or None,
        reading.moment(f"{where}occurredAt", told.occurredAt, now),
        None if told.rawPayload is None else _payload(told.rawPayload, where),
    )


def _payload(raw: dict[str, Any], where: str) -> str:
    text = to_json(raw)
    if len(text) > PAYLOAD_BYTES:
        raise invalid(f"{where}rawPayload must be at most 64 KB of JSON.")
    return text.decode()


def encode(report: EventSubmission, outcome: Recorded | Refused) -> bytes:
    """The answer's body."""
    if isinstance(outcome, Refused):
        return failure_body(outcome)
    told = [_receipt(receipt) for receipt in outcome.receipts]
    data: object = {"results": told} if report.is_batch else told[0]
    return to_json({"isSuccess": True, "errorCode": 0, "message": "Recorded.", "data": data})


def _receipt(receipt: EventReceipt) -> dict[str, Any]:
    return {
        "eventId": to_uuid(receipt.event_id),
        "incidentId": None if receipt.incident_id is None else to_uuid(receipt.incident_id),
        "incidentStatus": receipt.incident_status,
        "patternId": receipt.pattern_id,
        "confidence": receipt.confidence,
        "isNewIncident": receipt.is_new_incident,
        "affectedTenants": receipt.affected,
        "tenantCount": receipt.tenant_count,
    }


def answer_text(report: EventSubmission, outcome: Recorded | Refused) -> str:
    """What an `Idempotency-Key` repeats."""
    return encode(report, outcome).decode()


def openapi_operation(*, is_batch: bool) -> dict[str, Any]:
    """`POST /events`, or `/events/batch`, as OpenAPI 3.1 describes it."""
    what = "Say that an integration failed for a tenant: it is classified, and opens or joins an incident."
    if is_batch:
        several = f"{what} Up to {MOST_EVENTS:,} of them: all are recorded, or none. A 201 means: on disk."
        taken, given = {"events": [_EXAMPLE]}, Answer[answers.EventReceipts]
        return operation("report_events", "Report several events", several, NewEvents, taken, 201, given)
    one = f"{what} A 201 means: on disk."
    return operation("report_event", "Report an event", one, NewEvent, _EXAMPLE, 201, Answer[answers.EventReceipt])
