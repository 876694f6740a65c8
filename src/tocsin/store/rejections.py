"""Rows of rejections."""

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from tocsin.store.schema import rejections

#: Rows that a workspace has of what was dropped; whoever sends rubbish under ever new names fills no disk.
MOST = 1_000
_ALIKE = ("workspace_id", "source", "reason", "job_key", "environment")


class Dropped(NamedTuple):
    """What was dropped without its sender being told: as often as `times`, the last time at `at`, with this `detail`.
    The fields are columns of `rejections`."""

    id: int
    workspace_id: int
    source: str
    reason: str
    job_key: str
    environment: str
    detail: str
    at: int
    first_at: int
    times: int = 1


def insert_rejection(
    connection: Connection, rejection_id: int, workspace_id: int, now: int, reason: str, detail: str, times: int = 1
) -> None:
    """`times`: how many it stands for, of which `detail` shows one."""
    row = {
        "id": rejection_id,
        "workspace_id": workspace_id,
        "at": now,
        "first_at": now,
        "reason": reason,
        "detail": detail,
    }
    connection.execute(insert(rejections).values(**row, times=times))


def count_dropped(connection: Connection, dropped: Collection[Dropped]) -> None:
    """Add to the rows of what is alike, of which the newest stay. Each kind is in `dropped` once."""
    dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    # In one order on every node, or two of them could wait for each other.
    rows = [one._asdict() for one in sorted(dropped, key=lambda one: one[1:6])]
    new = dialect.insert(rejections)
    adding = new.on_conflict_do_update(
        index_elements=_ALIKE,
        set_={
            "times": rejections.c.times + new.excluded.times,
            "at": new.excluded.at,
            "detail": new.excluded.detail,
        },
    )
    connection.execute(adding, rows)
    for workspace_id in sorted({one.workspace_id for one in dropped}):
        _forget_oldest(connection, workspace_id)


def _forget_oldest(connection: Connection, workspace_id: int) -> None:
    mine = (rejections.c.workspace_id == workspace_id) & rejections.c.source.is_not(None)
    newest = select(rejections.c.id).where(mine).order_by(rejections.c.at.desc(), rejections.c.id.desc())
    kept = newest.offset(MOST).limit(MOST)
    connection.execute(delete(rejections).where(rejections.c.id.in_(kept)))
