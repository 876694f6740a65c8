"""Tenants that an event names for the first time: made where the workspace wants that, all of a batch at once."""

from collections.abc import Collection, Iterable, Mapping

from tocsin.application import watching
from tocsin.domain.ids import IdMaker, is_external_id
from tocsin.store import hot_events, tenants
from tocsin.store import watching as rows
from tocsin.store.engine import Connection
from tocsin.store.hot_events import KnownTenant, TenantKey

_WANTED = frozenset({"events", "all"})


def wanted(connection: Connection, unknown: Iterable[TenantKey]) -> set[TenantKey]:
    """Those of these unknown tenants that may be made."""
    named = [key for key in unknown if is_external_id(key[1])]
    policies = {ws: rows.auto_create_tenants(connection, ws) for ws in sorted({key[0] for key in named})}
    return {key for key in named if policies[key[0]] in _WANTED}


def make(
    connection: Connection, ids: IdMaker, now: int, keys: Collection[TenantKey]
) -> Mapping[TenantKey, KnownTenant]:
    """Make these tenants, in key order, unless another node just did; all of them as they are now."""
    if not keys:
        return {}
    new = {ids.new(now): key for key in sorted(keys)}
    tenants.insert_tenants(connection, [(tenant_id, *key, now) for tenant_id, key in new.items()])
    known = hot_events.tenants(connection, keys)
    ours = {tenant.id: key[0] for key, tenant in known.items() if tenant.id in new}
    for workspace_id in sorted(set(ours.values())):
        made = [tenant_id for tenant_id, workspace in ours.items() if workspace == workspace_id]
        watching.tenants_made(connection, ids, now, workspace_id, sorted(made))
    return known
