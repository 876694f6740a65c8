"""Events: what integrations report, and what is kept of it. Plain values, as in `domain.model`."""

from enum import StrEnum
from typing import NamedTuple


class Confidence(StrEnum):
    """How sure a pattern is of an event: both its type and its code match, or one of them."""

    HIGH = "High"
    MEDIUM = "Medium"


class Event(NamedTuple):
    """One failure report from an integration, as it is handed on. `payload`: the text of a JSON object."""

    workspace_id: int
    integration_key: str
    event_type: str
    tenant: str
    received_at: int
    error_code: str | None = None
    occurred_at: int | None = None
    payload: str | None = None

    @property
    def moment(self) -> int:
        """When it happened: `occurredAt`, never ahead of the receipt; else the receipt."""
        return self.received_at if self.occurred_at is None else min(self.occurred_at, self.received_at)


class StoredEvent(NamedTuple):
    """An event as it is kept; see `store.schema.events`."""

    id: int
    workspace_id: int
    tenant_id: int
    integration_key: str
    event_type: str
    error_code: str | None
    pattern_id: str | None
    confidence: str | None
    incident_id: int | None
    occurred_at: int
    received_at: int
    payload: str | None


class IntegrationPattern(NamedTuple):
    """One integration under one pattern: what its incidents are about.

    `counted`: a JSON list of the moments that count towards the pattern's threshold in the present cycle, until it is
    met; NULL where nothing is counted.
    """

    id: int
    workspace_id: int
    integration_key: str
    pattern_id: str
    counted: str | None = None
