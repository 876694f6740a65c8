"""Alerts that are not told while it is quiet, and what is told when it is quiet no more.

An alert is held when it would be told. What is left to tell of its incident then waits in a row with the end of the
quiet, and the tick looks at it: what is still wrong is told, by one alert that says to each channel what it misses.
"""

from collections.abc import Iterable, Mapping, Sequence

from tocsin.domain.ids import IdMaker
from tocsin.domain.maintenance import Window, span_at
from tocsin.domain.model import AlertKind, IncidentStatus
from tocsin.domain.quiet import HELD_KINDS, Hold, Quiet, hold_of_tenants
from tocsin.domain.routing import OPENINGS, CatchUp, Telling
from tocsin.store import alerts, holds, quieting, quiets
from tocsin.store.alerts import Unworded
from tocsin.store.engine import Connection
from tocsin.store.holds import Held
from tocsin.store.quieting import Hush

BATCH = 100


def hold_back(connection: Connection, now: int, due: Sequence[Unworded]) -> tuple[Hush, list[Unworded]]:
    """Hold the alerts of incidents that are quiet as a whole; what is quiet, and what is left to tell."""
    over = {alert.incident_id for alert in due if alert.kind == AlertKind.RESOLVED}
    holds.forget(connection, over)
    hush = quieting.look(connection, now, {alert.incident_id for alert in due if alert.kind in HELD_KINDS})
    held = [(a, hush.holds[a.incident_id]) for a in due if a.kind in HELD_KINDS and a.incident_id in hush.holds]
    for alert, why in held:
        _hold(connection, now, alert, why)
    gone = {alert.id for alert, _ in held}
    return hush, [alert for alert in due if alert.id not in gone]


def release(connection: Connection, now: int, hush: Hush, alert: Unworded) -> Unworded | None:
    """The alert as it is to be told: with what was held of its cycle before; None where only tenants know of it who are
    quiet, and it is held."""
    if alert.kind not in HELD_KINDS:
        return alert
    muted = hush.muted_in(connection, alert)
    why = hush.hold_on(connection, alert)
    if why is not None:
        _hold(connection, now, alert, why)
        return None
    if alert.kind == AlertKind.BLAST_RADIUS_EXPANDED and holds.is_opening_held(connection, alert):
        alert = alerts.begin_with(connection, alert, _opening(connection, alert.incident_id))
        holds.end(connection, [alert.incident_id])
    if muted:
        # Channels that are told of these tenants alone hear of them when they are quiet no more.
        why = hold_of_tenants(muted.values())._replace(by_tenants=False)  # whoever joins is told of by the rule
        holds.expect(connection, alert.incident_id, alert.workspace_id, why, now, rings=False)
    return alert


def note_muted(
    connection: Connection, now: int, alert: Unworded, told: Iterable[Telling], muted: Mapping[str, Quiet]
) -> None:
    """Nobody heard of an alert: if what is new in it are tenants who are quiet, it is held."""
    since_at = max((one.told_until_at for one in told), default=0)
    if alerts.has_joined(connection, alert, since_at, list(muted), ()):
        _hold(connection, now, alert, hold_of_tenants(muted.values()))


def end_quiets(connection: Connection, ids: IdMaker, now: int, until_at: int) -> bool:
    """What ends up to `until_at`, and what follows: windows come again, and what was held is told. Whether there may be
    more of either."""
    drawn = draw_windows(connection, now, until_at)
    return lift(connection, ids, now, until_at) == BATCH or drawn == BATCH


def lift(connection: Connection, ids: IdMaker, now: int, until_at: int) -> int:
    """Look at up to `BATCH` incidents of which something is yet to be told; how many were due."""
    due = holds.lock_due(connection, until_at, BATCH)
    hush = quieting.look(connection, now, {held.incident_id for held in due})
    over: list[int] = []
    for held in due:
        is_wrong = held.status == IncidentStatus.OPEN and held.is_told
        why = hush.hold_on(connection, _as_alert(held)) if is_wrong or held.rings else None
        if why is not None:
            holds.move(connection, held, why)
            continue
        over.append(held.incident_id)
        if is_wrong:
            _catch_up(connection, ids, now, held)
    holds.end(connection, over)
    holds.end_snoozes(connection, over, now)
    return len(due)


def draw_windows(connection: Connection, now: int, until_at: int) -> int:
    """Of maintenance windows whose occurrence is over the one that is under way `now`, or the next: what passed while
    nobody looked is passed over, as alerts are told by what is quiet now. How many were due."""
    due = quiets.lock_over(connection, until_at, BATCH)
    for row in due:
        window = Window(row["starts_at"], row["ends_at"], row["rrule"], row["timezone"])
        quiets.set_span(connection, row["id"], span_at(window, now))
    return len(due)


def _hold(connection: Connection, now: int, alert: Unworded, why: Hold) -> None:
    holds.write_held(connection, [(alert, why)], now)
    if alert.kind != AlertKind.REMINDER:
        holds.hold(connection, alert, why, now, is_opening=alert.kind in OPENINGS)


def _catch_up(connection: Connection, ids: IdMaker, now: int, held: Held) -> None:
    """One alert that says to each channel what it misses; after it, that somebody is at it already."""
    if held.has_opening and held.held_cycle == held.cycle:
        holds.add_alert(connection, ids, now, held, _opening(connection, held.incident_id), CatchUp.QUIET)
        if quieting.acknowledged(connection, [held.incident_id]):
            holds.add_alert(connection, ids, now, held, AlertKind.ACKNOWLEDGED, None)
    elif held.rings:
        holds.add_alert(connection, ids, now, held, AlertKind.REMINDER, CatchUp.SNOOZE)
    else:
        holds.add_alert(connection, ids, now, held, AlertKind.BLAST_RADIUS_EXPANDED, CatchUp.QUIET)


def _opening(connection: Connection, incident_id: int) -> AlertKind:
    return AlertKind.REOPENED if holds.was_ever_told(connection, incident_id) else AlertKind.OPENED


def _as_alert(held: Held) -> Unworded:
    kind = AlertKind.BLAST_RADIUS_EXPANDED
    return Unworded(0, held.workspace_id, held.incident_id, kind, held.cycle, held.check_at)
