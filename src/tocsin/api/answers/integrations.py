"""Events of integrations, and the patterns that classify them."""

from typing import Any, Literal

from tocsin.api.answers.shapes import Count, Id, Moment, Shape

_Confidence = Literal["High", "Medium"]


class Event(Shape):
    """One report of a failure; `tenantId` is the externalId."""

    id: Id
    integration_key: str
    event_type: str
    error_code: str | None
    tenant_id: str
    tenant_name: str
    pattern_id: str | None
    confidence: _Confidence | None
    incident_id: Id | None
    occurred_at: Moment
    received_at: Moment
    raw_payload: dict[str, Any] | None


class Events(Shape):
    """A page of events; `nextCursor` leads to the next, and `page` is null where a cursor was followed."""

    items: list[Event]
    page: int | None
    page_size: int
    total: Count | None
    next_cursor: str | None


class EventReceipt(Shape):
    """What became of an event. Without a pattern that matches it is kept, and all else is null."""

    event_id: Id
    incident_id: Id | None
    incident_status: Literal["Open", "Recovering", "Closed"] | None
    pattern_id: str | None
    confidence: _Confidence | None
    is_new_incident: bool
    affected_tenants: list[str]
    tenant_count: Count


class EventReceipts(Shape):
    """One receipt for each event, in the order in which they were sent."""

    results: list[EventReceipt]


class Pattern(Shape):
    """A threshold of null means none. `hasOwnThreshold`: it is not the built-in one."""

    id: str
    name: str
    priority: int
    event_types: list[str]
    error_codes: list[str]
    is_built_in: bool
    is_enabled: bool
    threshold_count: int | None
    threshold_window_seconds: int | None
    has_own_threshold: bool


class PassedOver(Shape):
    pattern_id: str
    reason: str


class Classification(Shape):
    """How an event would be classified; `passedOver`: the patterns before, and why they did not match."""

    matched: bool
    pattern_id: str | None
    confidence: _Confidence | None
    pattern: Pattern | None
    passed_over: list[PassedOver]
