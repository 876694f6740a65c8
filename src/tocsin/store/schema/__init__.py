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
    incident_tenants,
    incidents,
    transitions,
)
from tocsin.store.schema.columns import metadata
from tocsin.store.schema.people import (
    audit_entries,
    invitations,
    login_failures,
    password_resets,
    rate_buckets,
    recovery_codes,
    sessions,
)
from tocsin.store.schema.watching import job_environments, jobs, runs, streams, tenants

__all__ = [
    "absences",
    "alerts",
    "api_keys",
    "audit_entries",
    "channels",
    "deliveries",
    "delivery_attempts",
    "facts",
    "idempotency_keys",
    "incident_tenants",
    "incidents",
    "invitations",
    "job_environments",
    "jobs",
    "log_entries",
    "login_failures",
    "members",
    "metadata",
    "nodes",
    "password_resets",
    "rate_buckets",
    "recovery_codes",
    "refresh_tokens",
    "rejections",
    "runs",
    "sessions",
    "streams",
    "tenants",
    "transitions",
    "users",
    "workspaces",
]
