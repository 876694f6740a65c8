"""Tenants who join an incident that people know of: channels of their own hear of it at once.

The rule of the blast radius holds back who joins, so that nobody is told of one growing incident again and again. But a
channel that takes certain tenants only was told nothing so far: for whoever reads it, the incident opens just now.
"""

from collections.abc import Sequence
from typing import Any

from tocsin.application.lives import Lives
from tocsin.domain import incident as life
from tocsin.domain.ids import IdMaker
from tocsin.domain.model import IncidentStatus, Membership
from tocsin.store import customers
from tocsin.store.engine import Connection


def tell_their_channels(connection: Connection, ids: IdMaker, now: int, book: Lives[Any]) -> None:
    """An alert for each incident that a tenant has joined who has a channel; what that was told already, the wording
    looks at."""
    untold = _untold(book)
    theirs = customers.with_channels(connection, {(m.workspace_id, m.tenant_id) for m in untold}) if untold else set()
    latest: dict[int, Membership] = {}
    for member in sorted(untold, key=lambda m: m.cycle_seen_at):
        if member.tenant_id in theirs:
            latest[member.incident_id] = member
    customers.add_alerts(connection, ids, now, latest.values())


def _untold(book: Lives[Any]) -> Sequence[Membership]:
    """Who is in no alert of theirs yet."""
    told_until: dict[int, int] = {}
    for _, alert in book.alerts:
        told_until[alert.incident_id] = max(told_until.get(alert.incident_id, 0), alert.moment_at)
    incidents = book.changed_incidents | book.new_incidents
    open_now = {one.id for one in incidents.values() if one.status == IncidentStatus.OPEN and life.is_told(one)}
    return [m for m in book.joined if m.incident_id in open_now and m.cycle_seen_at > told_until.get(m.incident_id, 0)]
