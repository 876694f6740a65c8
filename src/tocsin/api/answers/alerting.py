"""Incidents, alerts on their way, and what was refused."""

from typing import Literal

from tocsin.api.answers.shapes import Count, Id, Moment, Shape


class AffectedTenant(Shape):
    """`tenantId` is our id, `tenantName` the name or, without one, the externalId."""

    tenant_id: Id
    tenant_name: str
    external_id: str
    event_count: Count
    missed_runs: Count
    first_seen_at: Moment
    last_seen_at: Moment


class Held(Shape):
    """Why alerts are held: `muted`, `in_maintenance`, `snoozed` or `parent_open`; because of which mute or window, or
    which incident."""

    reason: Literal["muted", "in_maintenance", "snoozed", "parent_open"]
    since: Moment
    until: Moment | None
    quiet_id: Id | None
    incident_id: Id | None


class Incident(Shape):
    """`eventCount` is, of a job, its missed runs. `affectedTenants` are the newest 100, `tenantCount` is complete."""

    id: Id
    workspace_id: Id
    kind: Literal["job", "integration"]
    integration_key: str | None
    job_key: str | None
    job_name: str | None
    environment: str | None
    pattern_id: str | None
    pattern_name: str | None
    status: Literal["Open", "Recovering", "Closed"]
    confidence: str | None
    opened_at: Moment
    recovering_at: Moment | None
    closed_at: Moment | None
    reopened_at: Moment | None
    reopen_count: Count
    event_count: Count
    missed_runs: Count
    tenant_count: Count
    is_chronic: bool
    acknowledged_at: Moment | None
    acknowledged_by: str | None
    acknowledgement_note: str | None
    owner_id: Id | None
    snoozed_until: Moment | None
    snoozed_by: str | None
    held: Held | None
    affected_tenants: list[AffectedTenant]


class HeldIncident(Shape):
    """One whose alerts are held because what its job depends on has an open incident."""

    id: Id
    job_key: str | None
    job_name: str | None
    environment: str | None
    status: Literal["Open", "Recovering", "Closed"]
    opened_at: Moment
    tenant_count: Count
    missed_runs: Count


class WholeIncident(Incident):
    """`heldIncidents`: the newest 100 that are held because of this one."""

    held_incidents: list[HeldIncident]


class AlertDelivery(Shape):
    """Where an alert went, and what became of it there."""

    id: Id
    provider: str
    channel_name: str
    kind: str
    state: Literal["pending", "delivered", "failed", "dropped"]
    reason: str


class Activity(Shape):
    """One thing that happened. `what`: the new status of a `transition`; the kind of an `alert`; `joined` of a
    `tenant`; `acknowledged`, `snoozed`, `unsnoozed`, `note` or `resolved` of a `person`. `text`: its reason, their
    name, what they said. `heldBy`: why an alert was not told."""

    id: Id
    at: Moment
    kind: Literal["transition", "alert", "tenant", "person"]
    what: str
    text: str | None
    by: str | None
    until: Moment | None
    held_by: str | None
    deliveries: list[AlertDelivery]


class StateChange(Shape):
    from_status: Literal["Open", "Recovering", "Closed"] | None
    to_status: Literal["Open", "Recovering", "Closed"]
    reason: str
    occurred_at: Moment


class Attempt(Shape):
    """`arrival`: whether the receiver got it, `maybe` where it was sent and no answer came."""

    at: Moment
    duration_ms: Count
    outcome: Literal["sending", "delivered", "retry", "refused"]
    arrival: Literal["yes", "no", "maybe"]
    status_code: int | None
    detail: str


class Delivery(Shape):
    """A shared one has no `incidentId`, and each of its incidents a delivery of its own with `sharedIn`."""

    id: Id
    alert_id: Id
    incident_id: Id | None
    incident_count: Count
    incident_ids: list[Id]
    shared_in: Id | None
    kind: Literal["opened", "reopened", "resolved", "blastRadiusExpanded", "reminder", "acknowledged", "test"]
    provider: str
    channel_name: str
    state: Literal["pending", "delivered", "failed", "dropped"]
    reason: str
    due_at: Moment
    created_at: Moment
    next_attempt_at: Moment | None
    settled_at: Moment | None
    attempts: list[Attempt]


class Rejection(Shape):
    """What was dropped without its sender being told; `count` alike ones, the latest `at`."""

    id: Id
    at: Moment
    first_at: Moment
    count: Count
    reason: str
    detail: str
    protocol: str | None
    job_key: str | None
    environment: str | None
