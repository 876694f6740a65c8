"""Tallies: what runs, events and check-ins amount to, counted once and kept when their rows are pruned.

`start` and `day` are numbers, not moments: hours and minutes since 1970 UTC, days since 1970-01-01 on the calendar of
the workspace. One tallier at a time writes all but `intake` and `tally_notes`: see `application.tally`.
"""

from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint, Table, Text

from tocsin.store.schema.columns import at, count, hot_workspace, identity, metadata


def _outcomes() -> list[Column[int]]:
    """Runs by outcome. `folded`: misses beyond the rows of a long silence, each counted when it fell due."""
    return [count(name) for name in ("ok", "error", "timeout", "missed", "unknown", "folded")]


#: `durations`: of the runs that ended well, as JSON of `domain.sketch`.
job_days = Table(
    "job_days",
    metadata,
    Column("job_id", BigInteger, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),
    hot_workspace(),
    *_outcomes(),
    Column("durations", Text),
)

tenant_days = Table(
    "tenant_days",
    metadata,
    Column("tenant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),
    hot_workspace(),
    *_outcomes(),
)

#: What went wrong in an hour or a day: failed runs of a job, or events under a pattern (empty: under none); the other
#: key is 0 or empty.
failures = Table(
    "failures",
    metadata,
    hot_workspace(),
    Column("bucket", Text, nullable=False),  # hour, day
    Column("start", Integer, nullable=False),
    Column("job_id", BigInteger, nullable=False),
    Column("pattern_id", Text, nullable=False),
    count("times"),
    count("folded"),
    PrimaryKeyConstraint("workspace_id", "bucket", "start", "job_id", "pattern_id"),
)

#: Check-ins that were committed. Each node adds to rows of its own, so that none waits for another.
intake = Table(
    "intake",
    metadata,
    hot_workspace(),
    Column("bucket", Text, nullable=False),  # minute, day
    Column("start", Integer, nullable=False),
    Column("node", Integer, nullable=False),
    count("check_ins"),
    PrimaryKeyConstraint("workspace_id", "bucket", "start", "node"),
)

#: What those who write runs leave for the tallier: JSON of `domain.tally.Notes`.
tally_notes = Table(
    "tally_notes",
    metadata,
    identity(),
    hot_workspace(),
    Column("notes", Text, nullable=False),
)

#: How far the tallier is: runs that ended before `runs_until_at`, and events up to `events_until_id`, are counted.
#: `turn` counts its transactions: who finds it changed has been overtaken by another.
tally_progress = Table(
    "tally_progress",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    at("runs_until_at", required=True),
    Column("events_until_id", BigInteger, nullable=False),
    Column("turn", BigInteger, nullable=False),
)
