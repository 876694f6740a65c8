"""The tables, the same on both engines.

Instants are integer microseconds since 1970 UTC and end in `_at`; durations are integer microseconds. Ids are 63-bit
integers made by the application (`domain.ids`), except where the database counts. Every table that holds a workspace's
data carries `workspace_id`, and the keys that serve it begin with it or with something that belongs to one workspace.
"""

from tocsin.store.schema.accounts import (
    absences,
    api_keys,
    facts,
    idempotency_keys,
    log_entries,
    members,
    nodes,
    refresh_tokens,
    rejections,
    users,
    workspaces,
)
from tocsin.store.schema.alerting import (
    alerts,
    channels,
    deliveries,
    delivery_attempts,
    gatherings,
    incident_tenants,
    incidents,
    reminders,
    transitions,
)
from tocsin.store.schema.columns import metadata
from tocsin.store.schema.integrations import events, integration_patterns, patterns
from tocsin.store.schema.people import (
    audit_entries,
    invitations,
    login_failures,
    password_resets,
    rate_buckets,
    recovery_codes,
    sessions,
)
from tocsin.store.schema.protocols import places, run_details, run_notes
from tocsin.store.schema.public import public_links
from tocsin.store.schema.quiet import holds, incident_actions, incident_care, quiets
from tocsin.store.schema.statistics import failures, intake, job_days, tally_notes, tally_progress, tenant_days
from tocsin.store.schema.watching import job_environments, jobs, runs, streams, tenants

__all__ = [
    "absences",
    "alerts",
    "api_keys",
    "audit_entries",
    "channels",
    "deliveries",
    "delivery_attempts",
    "events",
    "facts",
    "failures",
    "gatherings",
    "holds",
    "idempotency_keys",
    "incident_actions",
    "incident_care",
    "incident_tenants",
    "incidents",
    "intake",
    "integration_patterns",
    "invitations",
    "job_days",
    "job_environments",
    "jobs",
    "log_entries",
    "login_failures",
    "members",
    "metadata",
    "nodes",
    "password_resets",
    "patterns",
    "places",
    "public_links",
    "quiets",
    "rate_buckets",
    "recovery_codes",
    "refresh_tokens",
    "rejections",
    "reminders",
    "run_details",
    "run_notes",
    "runs",
    "sessions",
    "streams",
    "tally_notes",
    "tally_progress",
    "tenant_days",
    "tenants",
    "transitions",
    "users",
    "workspaces",
]
