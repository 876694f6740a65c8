"""What the database holds, against what clients were promised and what people heard."""

from collections import defaultdict
from itertools import pairwise
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Table, func, select

from tests.acceptance.load import Report
from tests.support.bell import Ring
from tocsin.domain.ids import to_uuid
from tocsin.domain.model import SILENT
from tocsin.domain.verdict import SILENT_ROWS
from tocsin.store.engine import Store
from tocsin.store.schema import absences, alerts, deliveries, incidents, jobs, runs, transitions
from tocsin.wire_time import iso, parse_iso


def rows(store: Store, query: Any) -> list[RowMapping]:
    with store.read() as connection:
        return list(connection.execute(query).mappings())


def is_told(store: Store) -> bool:
    """Every alert is worded, every delivery is through."""
    return not _count(store, alerts, alerts.c.worded_at.is_(None)) and not _count(
        store, deliveries, deliveries.c.state == "pending"
    )


def is_settled(store: Store) -> bool:
    """Told, and no incident lives."""
    return not _count(store, incidents, incidents.c.status != "Closed") and is_told(store)


def _count(store: Store, table: Table, where: ColumnElement[bool]) -> int:
    return int(rows(store, select(func.count().label("n")).select_from(table).where(where))[0]["n"])


def lost_or_invented(store: Store, reports: dict[str, Report]) -> list[str]:
    """Where runs and reports differ: one acknowledged and not there, one there twice, one nobody sent."""
    found = defaultdict(list)
    for row in rows(store, select(runs.c.client_run_id, runs.c.message, runs.c.outcome)):
        if row["outcome"] not in SILENT:
            found[row["message"] or row["client_run_id"]].append(row["outcome"])
    faults = [f"nobody sent {token}" for token in found if token not in reports]
    for token, report in reports.items():
        outcomes = found.get(token, [])
        is_right = len(outcomes) == 1 and outcomes[0] in report.outcomes
        if not is_right and (outcomes or report.is_promised):
            faults.append(f"{report} is {outcomes}")
    return faults


def wrong_misses(store: Store) -> list[str]:
    """Where misses on interval schedules differ from the formula: one at each whole window after a success.

    Looks between successes, which nothing but successes may interrupt, and leaves out where we were away.
    """
    away = [(row["from_at"], row["until_at"]) for row in rows(store, select(absences))]
    windows = {r["id"]: r["schedule_interval"] + r["grace"] for r in rows(store, select(jobs))}
    successes: dict[tuple[int, int], list[int]] = defaultdict(list)
    missed: dict[int, dict[int, int]] = defaultdict(dict)
    for row in rows(store, select(runs).where(runs.c.outcome.in_(["ok", "missed"])).order_by(runs.c.at)):
        if row["outcome"] == "ok":
            successes[row["job_id"], row["stream_id"]].append(row["at"])
        else:
            missed[row["stream_id"]][row["at"]] = row["missed_count"]
    faults = []
    for (job_id, stream_id), moments in successes.items():
        for heard, next_heard in pairwise(moments):
            due = _silent_rows(range(heard + windows[job_id], next_heard, windows[job_id]))
            told = {moment: n for moment, n in missed[stream_id].items() if heard < moment < next_heard}
            if due != told and not any(begin < next_heard and end > heard for begin, end in away):
                faults.append(f"stream {stream_id}: due {due}, told {told}")
    return faults


def _silent_rows(deadlines: range) -> dict[int, int]:
    """The rows these misses in a row should be: the ninth counts all that follow."""
    counts = dict.fromkeys(deadlines[:SILENT_ROWS], 1)
    if len(deadlines) > SILENT_ROWS:
        counts[deadlines[SILENT_ROWS - 1]] += len(deadlines) - SILENT_ROWS
    return counts


Told = tuple[str, str, str]


def should_be_told(store: Store) -> set[Told]:
    """(incident, kind, moment) of every alert that the timelines call for."""
    told: set[Told] = set()
    begun: set[int] = set()
    for row in rows(store, select(transitions).order_by(transitions.c.occurred_at, transitions.c.id)):
        incident = row["incident_id"]
        if row["to_status"] == "Recovering":
            continue
        opening = "incident.reopened" if incident in begun else "incident.opened"
        kind = "incident.resolved" if row["to_status"] == "Closed" else opening
        begun.add(incident)
        told.add((to_uuid(incident), kind, iso(row["occurred_at"])))
    return told


def was_told(rings: list[Ring]) -> set[Told]:
    return {
        (ring.incident, ring.kind, ring.timestamp) for ring in rings if ring.kind != "incident.blast_radius_expanded"
    }


def false_duplicates(rings: list[Ring]) -> list[str]:
    """Rings that say the same under another id, or something else under the same."""
    ids, bodies = defaultdict(set), defaultdict(set)
    for ring in rings:
        ids[ring.incident, ring.kind, ring.timestamp].add(ring.id)
        bodies[ring.id].add(ring.body)
    return [f"{what} came as {known}" for what, known in ids.items() if len(known) > 1] + [
        f"{ring_id} said {len(known)} things" for ring_id, known in bodies.items() if len(known) > 1
    ]


def out_of_order(rings: list[Ring]) -> list[str]:
    """Rings about an incident that came after a younger one about it."""
    latest: dict[str, int] = {}
    faults = []
    for ring in rings:
        moment = parse_iso(ring.timestamp)
        if moment < latest.get(ring.incident, 0):
            faults.append(f"{ring}")
        latest[ring.incident] = max(moment, latest.get(ring.incident, 0))
    return faults
