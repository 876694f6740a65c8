"""What answers are made of: every object of the API, for the OpenAPI document.

Nothing is serialized through these: the views make the objects, and the tests hold both together.
"""

from tocsin.api.answers.accounts import (
    Channel,
    Membership,
    NewKey,
    Registered,
    Routes,
    SentryDsn,
    Session,
    Tenant,
    TestOutcome,
    Token,
    TokenOfWorkspace,
    User,
    WholeWorkspace,
    Workspace,
)
from tocsin.api.answers.alerting import AffectedTenant, Attempt, Delivery, Incident, Rejection, StateChange
from tocsin.api.answers.integrations import Classification, Event, EventReceipt, EventReceipts, Events, Pattern
from tocsin.api.answers.shapes import Answer, Items, Nothing
from tocsin.api.answers.topology import Topology
from tocsin.api.answers.watching import (
    Job,
    Receipt,
    Run,
    RunEntry,
    Schedule,
    SchedulePreview,
    Stream,
    WatchedTenant,
    WholeRun,
)

__all__ = [
    "AffectedTenant",
    "Answer",
    "Attempt",
    "Channel",
    "Classification",
    "Delivery",
    "Event",
    "EventReceipt",
    "EventReceipts",
    "Events",
    "Incident",
    "Items",
    "Job",
    "Membership",
    "NewKey",
    "Nothing",
    "Pattern",
    "Receipt",
    "Registered",
    "Rejection",
    "Routes",
    "Run",
    "RunEntry",
    "Schedule",
    "SchedulePreview",
    "SentryDsn",
    "Session",
    "StateChange",
    "Stream",
    "Tenant",
    "TestOutcome",
    "Token",
    "TokenOfWorkspace",
    "Topology",
    "User",
    "WatchedTenant",
    "WholeRun",
    "WholeWorkspace",
    "Workspace",
]
