"""The statements that every batch of events pays for, as text on the raw cursor: see `store.hot_sqlite` for why."""

import json
from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from tocsin.domain.event import StoredEvent
from tocsin.store import raw

#: (workspace id, externalId)
TenantKey = tuple[int, str]

_TENANTS_SQLITE = """
SELECT t.workspace_id, t.external_id, t.id, t.is_active FROM json_each(?) AS p
JOIN tenants AS t ON t.workspace_id = p.value ->> 0 AND t.external_id = p.value ->> 1
"""
_TENANTS_POSTGRES = """
SELECT t.workspace_id, t.external_id, t.id, t.is_active
FROM unnest(%s::bigint[], %s::text[]) AS p (workspace_id, external_id)
JOIN LATERAL (SELECT * FROM tenants AS t
    WHERE t.workspace_id = p.workspace_id AND t.external_id = p.external_id OFFSET 0) AS t ON true
"""

_NEWEST_SQLITE = """
SELECT p.value, t.external_id FROM json_each(?1) AS p
JOIN incident_tenants AS m ON m.incident_id = p.value AND m.tenant_id IN (
    SELECT n.tenant_id FROM incident_tenants AS n WHERE n.incident_id = p.value
    ORDER BY n.last_seen_at DESC, n.tenant_id DESC LIMIT ?2)
JOIN tenants AS t ON t.id = m.tenant_id
ORDER BY m.last_seen_at, m.tenant_id
"""
_NEWEST_POSTGRES = """
SELECT p.id, t.external_id FROM unnest(%s::bigint[]) AS p (id)
JOIN LATERAL (
    SELECT n.tenant_id, n.last_seen_at FROM incident_tenants AS n WHERE n.incident_id = p.id
    ORDER BY n.last_seen_at DESC, n.tenant_id DESC LIMIT %s) AS m ON true
JOIN tenants AS t ON t.id = m.tenant_id
ORDER BY m.last_seen_at, m.tenant_id
"""

_EVENT = StoredEvent._fields
_INSERT_SQLITE = f"INSERT INTO events ({', '.join(_EVENT)}) VALUES ({', '.join('?' * len(_EVENT))})"
_NUMBERS = {"id", "workspace_id", "tenant_id", "incident_id", "occurred_at", "received_at"}
_ARRAYS = ", ".join("%s::bigint[]" if name in _NUMBERS else "%s::text[]" for name in _EVENT)
_INSERT_POSTGRES = f"""
INSERT INTO events ({", ".join(_EVENT)})
SELECT {", ".join("v.payload::jsonb" if name == "payload" else f"v.{name}" for name in _EVENT)}
FROM unnest({_ARRAYS}) AS v ({", ".join(_EVENT)})
"""


class KnownTenant(NamedTuple):
    id: int
    is_active: bool


def tenants(connection: Connection, keys: Collection[TenantKey]) -> dict[TenantKey, KnownTenant]:
    """Those of these tenants that exist."""
    if raw.is_sqlite(connection):
        rows = raw.select(connection, _TENANTS_SQLITE, "", json.dumps(list(keys)))
    else:
        workspaces, names = zip(*keys, strict=True)
        rows = raw.select(connection, "", _TENANTS_POSTGRES, raw.numbers(workspaces), raw.texts(names))
    return {(row[0], row[1]): KnownTenant(row[2], bool(row[3])) for row in rows}


def newest_tenants(connection: Connection, incident_ids: Collection[int], limit: int) -> dict[int, list[str]]:
    """The externalIds of each incident's newest tenants, the newest last."""
    found: dict[int, list[str]] = {incident_id: [] for incident_id in incident_ids}
    ids = list(incident_ids)
    asked = json.dumps(ids) if raw.is_sqlite(connection) else raw.numbers(ids)
    for incident_id, name in raw.select(connection, _NEWEST_SQLITE, _NEWEST_POSTGRES, asked, limit):
        found[incident_id].append(name)
    return found


def insert_events(connection: Connection, rows: Sequence[StoredEvent]) -> None:
    if not rows:
        return
    if raw.is_sqlite(connection):
        raw.cursor(connection).executemany(_INSERT_SQLITE, rows)
        return
    columns = zip(_EVENT, zip(*rows, strict=True), strict=True)
    literals = [raw.numbers(c) if name in _NUMBERS else raw.texts(c) for name, c in columns]
    raw.cursor(connection).execute(_INSERT_POSTGRES, literals, prepare=True)
