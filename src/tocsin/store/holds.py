"""Incidents of which something is yet to be told: held, looked at again, and told."""

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, case, delete, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from tocsin.domain.ids import IdMaker
from tocsin.domain.model import AlertKind
from tocsin.domain.quiet import Hold
from tocsin.domain.routing import OPENINGS, CatchUp
from tocsin.store import raw
from tocsin.store.alerts import NEVER_SENT, Unworded
from tocsin.store.quieting import RECHECK, lock_workspaces
from tocsin.store.schema import alerts, deliveries, holds, incident_care, incidents, workspaces

_STIRRED = "SELECT incident_id FROM holds WHERE {condition} IN (SELECT c0 FROM v)"
_STIR = "UPDATE holds SET check_at = {now} WHERE incident_id IN ({chosen})"


class Held(NamedTuple):
    """One that is to be looked at, with its incident as it stands. `is_told`: the incident's cycle is one that people
    are told of."""

    incident_id: int
    workspace_id: int
    held_cycle: int
    has_opening: bool
    rings: bool
    check_at: int
    status: str
    cycle: int
    is_told: bool


def hold(connection: Connection, alert: Unworded, held: Hold, now: int, *, is_opening: bool) -> None:
    """Something about the incident is not told for now."""
    row = _row(alert.incident_id, alert.workspace_id, held, now)
    row |= {"cycle": alert.cycle, "since_at": now, "has_opening": is_opening}
    new = _dialect(connection).insert(holds).values(row)
    kept = {"since_at", "has_opening", "incident_id", "workspace_id"}
    changed: dict[str, Any] = {name: new.excluded[name] for name in row if name not in kept}
    changed["since_at"] = func.coalesce(holds.c.since_at, new.excluded.since_at)
    was_opening = and_(holds.c.has_opening, holds.c.cycle == new.excluded.cycle)
    changed["has_opening"] = or_(new.excluded.has_opening, was_opening)
    connection.execute(new.on_conflict_do_update(index_elements=["incident_id"], set_=changed))


def expect(connection: Connection, incident_id: int, workspace_id: int, held: Hold, now: int, *, rings: bool) -> None:
    """Nothing is held yet, but the end of the quiet is to be looked at."""
    row = _row(incident_id, workspace_id, held, now) | {"rings": rings}
    new = _dialect(connection).insert(holds).values(row)
    changed: dict[str, Any] = {name: new.excluded[name] for name in row if name not in {"incident_id", "workspace_id"}}
    changed["rings"] = or_(holds.c.rings, new.excluded.rings)
    sooner = holds.c.check_at < new.excluded.check_at
    changed["check_at"] = case((sooner, holds.c.check_at), else_=new.excluded.check_at)
    connection.execute(new.on_conflict_do_update(index_elements=["incident_id"], set_=changed))


def write_held(connection: Connection, rows: Iterable[tuple[Unworded, Hold]], now: int) -> None:
    """These alerts are told to nobody."""
    for alert, held in rows:
        mine = update(alerts).where(alerts.c.id == alert.id)
        connection.execute(mine.values(worded_at=now, held_by=held.reason))


def lock_due(connection: Connection, until_at: int, limit: int) -> list[Held]:
    """What is to be looked at up to `until_at`, earliest first, ours alone. Its workspaces' quiets stay as they are."""
    due = select(holds.c.workspace_id).where(holds.c.check_at <= until_at).order_by(holds.c.check_at).limit(limit)
    workspace_ids = set(connection.execute(due).scalars())
    if not workspace_ids:
        return []
    lock_workspaces(connection, workspace_ids)
    columns = [holds.c.incident_id, holds.c.workspace_id, holds.c.cycle, holds.c.has_opening, holds.c.rings]
    query = (
        select(*columns, holds.c.check_at, incidents.c.status, incidents.c.cycle, incidents.c.alerted_tenants > 0)
        .join(incidents, incidents.c.id == holds.c.incident_id)
        .where(holds.c.check_at <= until_at, holds.c.workspace_id.in_(workspace_ids))
        .order_by(holds.c.check_at, holds.c.incident_id)
        .limit(limit)
        .with_for_update(of=holds, skip_locked=True)
    )
    return [Held._make(row) for row in connection.execute(query)]


def move(connection: Connection, held: Held, to: Hold) -> None:
    """It is quiet still, or again: look when that ends."""
    values = _row(held.incident_id, held.workspace_id, to, None)
    connection.execute(update(holds).where(holds.c.incident_id == held.incident_id).values(values))


def end(connection: Connection, incident_ids: Collection[int]) -> None:
    """Nothing is left to tell of these."""
    if incident_ids:
        connection.execute(delete(holds).where(holds.c.incident_id.in_(incident_ids)))


def forget(connection: Connection, incident_ids: Collection[int]) -> None:
    """These incidents are over: what was held of them is not told any more. Snoozes last as long as they last."""
    if incident_ids:
        theirs = (holds.c.incident_id.in_(incident_ids)) & ~holds.c.rings
        connection.execute(delete(holds).where(theirs))


def end_snoozes(connection: Connection, incident_ids: Collection[int], now: int) -> None:
    """Those of the incidents whose snooze is over are snoozed no more."""
    if incident_ids:
        is_over = incident_care.c.incident_id.in_(incident_ids) & (incident_care.c.snoozed_until_at <= now)
        connection.execute(update(incident_care).where(is_over).values(snoozed_until_at=None, snoozed_by=None))


def is_opening_held(connection: Connection, alert: Unworded) -> bool:
    """Whether the opening of the alert's cycle was held, and nobody was told of it since."""
    query = (
        select(alerts.c.held_by)
        .where(alerts.c.incident_id == alert.incident_id, alerts.c.cycle == alert.cycle)
        .where(alerts.c.kind.in_(OPENINGS), alerts.c.id < alert.id)
        .order_by(alerts.c.id.desc())
    )
    return connection.execute(query.limit(1)).scalar() is not None


def was_ever_told(connection: Connection, incident_id: int) -> bool:
    """Whether any channel was due an opening of the incident."""
    query = select(deliveries.c.id).where(
        deliveries.c.incident_id == incident_id, deliveries.c.kind.in_(OPENINGS), deliveries.c.reason.not_in(NEVER_SENT)
    )
    return connection.execute(query.limit(1)).scalar() is not None


def add_alert(
    connection: Connection, ids: IdMaker, now: int, held: Held, kind: AlertKind, catch_up: CatchUp | None
) -> None:
    """An alert that is due now that it is quiet no more."""
    row = {"id": ids.new(now), "workspace_id": held.workspace_id, "incident_id": held.incident_id, "kind": kind}
    times = {"cycle": held.cycle, "moment_at": held.check_at, "created_at": now, "catch_up": catch_up}
    connection.execute(insert(alerts).values(**row, **times))


def lock(connection: Connection, workspace_id: int) -> None:
    """Before a person changes what is quiet: nobody who is about to hold something because of it is left behind."""
    mine = select(workspaces.c.id).where(workspaces.c.id == workspace_id)
    connection.execute(mine.with_for_update(key_share=True)).all()


def stir_workspace(connection: Connection, workspace_id: int, now: int) -> None:
    """What is quiet has changed: look at everything that is held."""
    connection.execute(update(holds).where(holds.c.workspace_id == workspace_id).values(check_at=now))


def wake(connection: Connection, incident_id: int, now: int) -> None:
    """The incident's snooze was ended by hand: what was held is told, and nothing else."""
    connection.execute(update(holds).where(holds.c.incident_id == incident_id).values(check_at=now, rings=False))


def stir(connection: Connection, now: int, closed: Collection[int], grown: Collection[int]) -> bool:
    """Look at what waits for one of the incidents `closed` to be open no more, and at the incidents `grown`, whom more
    tenants have joined. Where nothing does, it costs one look at three empty indexes; of the third, which is not about
    holds, it tells whether any tenant has a channel of their own."""
    waits = raw.select_by(
        connection,
        "SELECT EXISTS (SELECT 1 FROM holds WHERE parent_incident_id IS NOT NULL),"
        " EXISTS (SELECT 1 FROM holds WHERE by_tenants),"
        " EXISTS (SELECT 1 FROM channels WHERE is_for_tenants)",
    )
    for condition, chosen, is_waiting in (
        ("parent_incident_id IS NOT NULL AND parent_incident_id", closed, waits[0][0]),
        ("by_tenants AND incident_id", grown, waits[0][1]),
    ):
        if is_waiting and chosen:
            # What somebody looks at just now is looked at anyway, and not waited for.
            skipping = "" if raw.is_sqlite(connection) else " FOR UPDATE SKIP LOCKED"
            inner = _STIRRED.format(condition=condition) + skipping
            raw.for_each(connection, _STIR.format(now=int(now), chosen=inner), 1, [(one,) for one in chosen])
    return bool(waits[0][2])


def _row(incident_id: int, workspace_id: int, held: Hold, now: int | None) -> dict[str, Any]:
    """`now`: it is held for the first time. Who joins at this moment may not have seen that: it is looked at again."""
    check_at = held.until_at
    if held.by_tenants and now is not None and check_at is not None:
        check_at = min(check_at, now + RECHECK)
    return {
        "incident_id": incident_id,
        "workspace_id": workspace_id,
        "reason": held.reason,
        "until_at": held.until_at,
        "quiet_id": held.quiet_id,
        "parent_incident_id": held.parent_incident_id,
        "by_tenants": held.by_tenants,
        "check_at": check_at,
    }


def _dialect(connection: Connection) -> Any:
    return postgresql if connection.dialect.name == "postgresql" else sqlite
