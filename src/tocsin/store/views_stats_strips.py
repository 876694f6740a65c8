"""What pages draw: check-ins by the minute, the latest slots of every tenant of a job, durations in a row. Read only.

Each is one statement however many rows it shows, so that a page stays within its 50 ms beside 1,000,000 runs.
"""

import json
from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from tocsin.store import raw
from tocsin.store.intakes import MINUTE
from tocsin.store.schema import intake

MINUTES, SLOTS, RUNS = 60, 30, 20

#: The latest runs of each stream, in one answer a stream, column by column: to take them apart costs less than to fetch
#: each as a row.
_GRID_SQLITE = """
SELECT s.tenant_id, s.id, t.external_id, t.name, s.missed_runs, s.is_affected AND s.epoch = e.epoch,
    s.last_success_at, (
    SELECT json_array(
        json_group_array(r.outcome), json_group_array(r.at), json_group_array(r.expected_at),
        json_group_array(r.missed_count)) FROM (
        SELECT outcome, at, expected_at, missed_count FROM runs WHERE stream_id = s.id ORDER BY at DESC LIMIT ?4
    ) AS r)
FROM job_environments AS e
CROSS JOIN streams AS s ON s.job_environment_id = e.id AND s.is_watched
CROSS JOIN tenants AS t ON t.id = s.tenant_id
WHERE e.workspace_id = ?1 AND e.job_id = ?2 AND e.environment = ?3
"""
_GRID_POSTGRES = """
SELECT s.tenant_id, s.id, t.external_id, t.name, s.missed_runs, s.is_affected AND s.epoch = e.epoch,
    s.last_success_at, (
    SELECT json_build_array(
        json_agg(r.outcome), json_agg(r.at), json_agg(r.expected_at), json_agg(r.missed_count))::text FROM (
        SELECT outcome, at, expected_at, missed_count FROM runs WHERE stream_id = s.id ORDER BY at DESC LIMIT %s
    ) AS r)
FROM job_environments AS e
JOIN streams AS s ON s.job_environment_id = e.id AND s.is_watched
JOIN tenants AS t ON t.id = s.tenant_id
WHERE e.workspace_id = %s AND e.job_id = %s AND e.environment = %s
"""

_DURATIONS_SQLITE = """
SELECT j.value, r.at, r.outcome, r.duration FROM json_each(?1) AS j
JOIN runs AS r ON r.id IN (SELECT id FROM runs WHERE job_id = j.value AND workspace_id = ?2 ORDER BY at DESC LIMIT ?3)
ORDER BY r.at
"""
_DURATIONS_POSTGRES = """
SELECT j.id, r.at, r.outcome, r.duration FROM unnest(%s::bigint[]) AS j (id)
JOIN LATERAL (
    SELECT at, outcome, duration FROM runs WHERE job_id = j.id AND workspace_id = %s ORDER BY at DESC LIMIT %s
) AS r ON true ORDER BY r.at
"""

_LATEST_SQLITE = """
SELECT j.value, (
    SELECT json_array(
        json_group_array(r.outcome), json_group_array(r.at), json_group_array(r.expected_at),
        json_group_array(r.missed_count)) FROM (
        SELECT outcome, at, expected_at, missed_count FROM runs
        WHERE stream_id = j.value AND workspace_id = ?2 ORDER BY at DESC LIMIT ?3
    ) AS r)
FROM json_each(?1) AS j
"""
_LATEST_POSTGRES = """
SELECT j.id, r.told FROM unnest(%s::bigint[]) AS j (id)
JOIN LATERAL (
    SELECT json_build_array(
        json_agg(r.outcome), json_agg(r.at), json_agg(r.expected_at), json_agg(r.missed_count))::text AS told FROM (
        SELECT outcome, at, expected_at, missed_count FROM runs
        WHERE stream_id = j.id AND workspace_id = %s ORDER BY at DESC LIMIT %s
    ) AS r
) AS r ON true
"""


class MinuteCount(NamedTuple):
    start_at: int
    check_ins: int


class Slot(NamedTuple):
    """`state`: the run's outcome; `expected_at` of a lone result may be missing. A long silence is one slot that stands
    in the list as often as it lasted: the very same object."""

    state: str
    at: int
    expected_at: int | None


class GridRow(NamedTuple):
    """A tenant with its latest slots, oldest first."""

    tenant_id: int
    stream_id: int
    external_id: str
    name: str
    missed_runs: int
    is_affected: bool
    last_success_at: int | None
    slots: list[Slot]


class RunDuration(NamedTuple):
    """`duration` in microseconds; None where nobody knows it."""

    at: int
    outcome: str
    duration: int | None


def check_ins_per_minute(connection: Connection, workspace_id: int, now: int) -> list[MinuteCount]:
    """The last hour, oldest first; the last minute is still going on."""
    this = now // MINUTE
    query = (
        select(intake.c.start, func.sum(intake.c.check_ins))
        .where(intake.c.workspace_id == workspace_id, intake.c.bucket == "minute")
        .where(intake.c.start.between(this - MINUTES + 1, this))
        .group_by(intake.c.start)
    )
    found = {minute: int(times) for minute, times in connection.execute(query)}
    return [MinuteCount(one * MINUTE, found.get(one, 0)) for one in range(this - MINUTES + 1, this + 1)]


def tenant_grid(
    connection: Connection, workspace_id: int, job_id: int, environment: str, slots: int = SLOTS
) -> list[GridRow]:
    """Every tenant watched for a job in an environment: those affected first, the most missed before all."""
    if raw.is_sqlite(connection):
        rows = raw.select(connection, _GRID_SQLITE, "", workspace_id, job_id, environment, slots)
    else:
        rows = raw.select(connection, "", _GRID_POSTGRES, slots, workspace_id, job_id, environment)
    found = [
        GridRow(
            tenant_id, stream_id, external_id, name or external_id, missed, bool(is_affected), last, _slots(text, slots)
        )
        for tenant_id, stream_id, external_id, name, missed, is_affected, last, text in rows
    ]
    return sorted(found, key=lambda row: (not row.is_affected, -row.missed_runs, row.name))


def durations_of_jobs(
    connection: Connection, workspace_id: int, job_ids: Collection[int], runs: int = RUNS
) -> dict[int, list[RunDuration]]:
    """The latest runs of each job, oldest first: a line in a list of jobs."""
    found: dict[int, list[RunDuration]] = {job_id: [] for job_id in job_ids}
    asked = json.dumps(list(job_ids)) if raw.is_sqlite(connection) else raw.numbers(list(job_ids))
    for job_id, *run in raw.select(connection, _DURATIONS_SQLITE, _DURATIONS_POSTGRES, asked, workspace_id, runs):
        found[job_id].append(RunDuration._make(run))
    return found


def latest_slots(
    connection: Connection, workspace_id: int, stream_ids: Collection[int], slots: int = SLOTS
) -> dict[int, list[Slot]]:
    """The latest slots of each of these streams, oldest first: the jobs of one tenant."""
    asked = json.dumps(list(stream_ids)) if raw.is_sqlite(connection) else raw.numbers(list(stream_ids))
    rows = raw.select(connection, _LATEST_SQLITE, _LATEST_POSTGRES, asked, workspace_id, slots)
    return {stream_id: _slots(text, slots) for stream_id, text in rows}


def _slots(text: str | None, most: int) -> list[Slot]:
    """From the columns of runs, newest first: outcomes, `at`, `expected_at`, missed counts. Nearly all runs stand for
    one slot: a grid of 1,000 tenants has 30,000."""
    outcomes, ats, expected, times = json.loads(text or "[null, null, null, null]")
    if not outcomes:
        return []
    slots = list(map(Slot, outcomes, ats, expected))
    if max(times) > 1:
        slots = [slot for slot, lasted in zip(slots, times, strict=True) for _ in range(min(lasted, most))]
    return slots[:most][::-1]
