"""Tenants who have channels of their own, and the alerts that only those hear."""

import json
from collections.abc import Collection, Iterable

from sqlalchemy import Connection, insert, select

from tocsin.domain.ids import IdMaker
from tocsin.domain.model import AlertKind, Membership
from tocsin.domain.routing import CatchUp
from tocsin.store.schema import alerts, channels, tenants


def with_channels(connection: Connection, who: Collection[tuple[int, int]]) -> set[int]:
    """Of these (workspace id, tenant id), the tenants whom an enabled channel names."""
    in_question = {workspace_id for workspace_id, _ in who}
    routed = select(channels.c.workspace_id, channels.c.routes).where(
        channels.c.workspace_id.in_(in_question), channels.c.is_for_tenants, channels.c.is_enabled
    )
    named = {
        (row.workspace_id, name) for row in connection.execute(routed) for name in json.loads(row.routes)["tenants"]
    }
    if not named:
        return set()
    columns = select(tenants.c.id, tenants.c.workspace_id, tenants.c.external_id)
    theirs = columns.where(tenants.c.id.in_({tenant_id for _, tenant_id in who}))
    return {row.id for row in connection.execute(theirs) if (row.workspace_id, row.external_id) in named}


def add_alerts(connection: Connection, ids: IdMaker, now: int, joined: Iterable[Membership]) -> None:
    """One for each of these members, as of the moment at which they joined."""
    rows = [
        {
            "id": ids.new(now),
            "workspace_id": member.workspace_id,
            "incident_id": member.incident_id,
            "kind": AlertKind.BLAST_RADIUS_EXPANDED,
            "cycle": member.cycle,
            "moment_at": member.cycle_seen_at,
            "created_at": now,
            "catch_up": CatchUp.JOINED,
        }
        for member in joined
    ]
    if rows:
        connection.execute(insert(alerts), rows)
