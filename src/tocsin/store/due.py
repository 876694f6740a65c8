"""When something falls due next, across all that waits, and what is due that nobody has judged yet."""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import Connection, select, text

from tocsin.domain.model import Job, Stream
from tocsin.store.hot import JOB_COLUMNS, job_of
from tocsin.store.schema import job_environments, jobs, streams

#: Each minimum is one look at the edge of a partial index, however many rows wait behind it.
_NEXT = text("""
SELECT (SELECT min(check_at) FROM streams WHERE check_at IS NOT NULL),
       (SELECT min(check_at) FROM runs WHERE check_at IS NOT NULL),
       (SELECT min(check_at) FROM incidents WHERE check_at IS NOT NULL),
       (SELECT min(moment_at) FROM alerts WHERE worded_at IS NULL),
       (SELECT min(next_at) FROM reminders),
       (SELECT min(check_at) FROM holds WHERE check_at IS NOT NULL),
       (SELECT min(next_at) FROM quiets WHERE next_at IS NOT NULL)
""")


def next_moment(connection: Connection) -> int | None:
    """The earliest `check_at`, moment of an alert not yet worded, reminder, end of a quiet; None if nothing waits."""
    moments = [moment for moment in connection.execute(_NEXT).one() if moment is not None]
    return min(moments, default=None)


#: Of all that `next_moment` looks at, what is judged in the order in which it fell due.
_FIRST = text("""
SELECT (SELECT min(check_at) FROM streams WHERE check_at IS NOT NULL),
       (SELECT min(check_at) FROM runs WHERE check_at IS NOT NULL),
       (SELECT min(check_at) FROM incidents WHERE check_at IS NOT NULL)
""")

_NEVER = 1 << 62
#: Of each kind those that have waited longest: however far behind we are, so many are looked at.
_MOST = 1_000
_WAITING = text("""
SELECT * FROM (SELECT check_at, job_environment_id, id AS stream_id FROM streams
    WHERE check_at < :before_at ORDER BY check_at LIMIT :most) AS of_streams
UNION ALL
SELECT * FROM (SELECT r.check_at, s.job_environment_id, CAST(NULL AS BIGINT)
    FROM runs AS r JOIN streams AS s ON s.id = r.stream_id
    WHERE r.check_at < :before_at ORDER BY r.check_at LIMIT :most) AS of_runs
""")


class First(NamedTuple):
    """When the first of each falls due; in the far future if none waits."""

    streams: int
    runs: int
    incidents: int


class Waiting(NamedTuple):
    """What of some job environments waits to be judged. `streams`: each with its job; `runs`: (environment id,
    `check_at`) of runs in progress. `looked_until_at`: nothing was looked at that waits for a later moment."""

    streams: list[tuple[Job, Stream]]
    runs: list[tuple[int, int]]
    looked_until_at: int


def first_to_judge(connection: Connection) -> First:
    """The earliest `check_at` of each."""
    return First(*[_NEVER if moment is None else moment for moment in connection.execute(_FIRST).one()])


def waiting(connection: Connection, environment_ids: Collection[int], before_at: int) -> Waiting:
    """What of these environments has a `check_at` before `before_at`. Whoever has it in hand has not committed yet."""
    rows = connection.execute(_WAITING, {"before_at": before_at, "most": _MOST}).all()
    of_streams = [row for row in rows if row.stream_id is not None]
    of_runs = [row for row in rows if row.stream_id is None]
    full = [kind[-1].check_at for kind in (of_streams, of_runs) if len(kind) == _MOST]
    mine = [row.stream_id for row in of_streams if row.job_environment_id in environment_ids]
    runs = [(row.job_environment_id, row.check_at) for row in of_runs if row.job_environment_id in environment_ids]
    return Waiting(_with_jobs(connection, mine) if mine else [], runs, min([before_at, *full]))


def _with_jobs(connection: Connection, stream_ids: Collection[int]) -> list[tuple[Job, Stream]]:
    query = (
        select(*[jobs.c[name] for name in JOB_COLUMNS], *[streams.c[name] for name in Stream._fields])
        .join(job_environments, job_environments.c.id == streams.c.job_environment_id)
        .join(jobs, jobs.c.id == job_environments.c.job_id)
        .where(streams.c.id.in_(stream_ids))
    )
    width = len(JOB_COLUMNS)
    return [(job_of(row), Stream._make(row[width:])) for row in connection.execute(query)]
