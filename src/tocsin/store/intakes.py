"""Check-ins that were committed, by the minute, and for the past by the day."""

from collections.abc import Callable, Mapping

from sqlalchemy import Connection, delete, select

from tocsin.domain.days import Days
from tocsin.store import raw
from tocsin.store.schema import intake

MINUTE = 60_000_000
#: Minutes are kept for an hour and somewhat more.
_MINUTES_KEPT = 70
_COLUMNS = ("workspace_id", "bucket", "start", "node", "check_ins")
_ADDING = (
    "ON CONFLICT (workspace_id, bucket, start, node) DO UPDATE SET check_ins = intake.check_ins + excluded.check_ins"
)


def add(connection: Connection, node: int, counts: Mapping[tuple[int, int], int]) -> None:
    """Add check-ins to rows that only this node writes; `counts` by workspace and minute."""
    rows = [(workspace_id, "minute", minute, node, times) for (workspace_id, minute), times in sorted(counts.items())]
    raw.insert(connection, "intake", _COLUMNS, rows, _ADDING)


def fold_minutes(connection: Connection, now: int, days_of: Callable[[int], Days]) -> None:
    """Move minutes that are past into their days."""
    past = (intake.c.bucket == "minute") & (intake.c.start < now // MINUTE - _MINUTES_KEPT)
    days: dict[tuple[int, int, int], int] = {}
    for row in connection.execute(select(intake).where(past)):
        key = row.workspace_id, days_of(row.workspace_id).of(row.start * MINUTE), row.node
        days[key] = days.get(key, 0) + row.check_ins
    connection.execute(delete(intake).where(past))
    rows = [(workspace_id, "day", day, node, times) for (workspace_id, day, node), times in days.items()]
    raw.insert(connection, "intake", _COLUMNS, rows, _ADDING)
