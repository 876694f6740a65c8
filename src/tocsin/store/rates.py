"""Rows of rate buckets: what keys have asked and not paid for yet.

The recorder reads them without a lock and charges them at the end of its transaction, so that nodes never wait for each
other longer than a commit takes. What others charged meanwhile is in the answer: the recorder looks whether it was too
much (see `application.toll`).
"""

import json
from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, text, update

from tocsin.store import raw
from tocsin.store.schema import rejections

_FIND = """
SELECT k.id, k.workspace_id, w.ingest_rate, b.paid_at, b.rejection_id, b.rejected_at
FROM api_keys AS k
JOIN workspaces AS w ON w.id = k.workspace_id
LEFT JOIN rate_buckets AS b ON b.holder_id = k.id AND b.is_ingest
WHERE k.id IN ? AND k.revoked_at IS NULL
"""
_STREAMS = """
SELECT workspace_id, sum(watched_count) FROM job_environments WHERE workspace_id IN ? GROUP BY workspace_id
"""
_KEPT = """
    rejection_id = coalesce(excluded.rejection_id, rate_buckets.rejection_id),
    rejected_at = coalesce(excluded.rejected_at, rate_buckets.rejected_at)
RETURNING holder_id, paid_at
"""
_CHARGE_SQLITE = f"""
INSERT INTO rate_buckets (workspace_id, holder_id, is_ingest, paid_at, rejection_id, rejected_at)
SELECT value ->> 0, value ->> 1, ?1, ?2 + (value ->> 2), value ->> 3, value ->> 4 FROM json_each(?3) WHERE true
ON CONFLICT (holder_id, is_ingest) DO UPDATE SET
    paid_at = max(rate_buckets.paid_at, ?2) + excluded.paid_at - ?2, {_KEPT}
"""
_CHARGE_POSTGRES = f"""
INSERT INTO rate_buckets (workspace_id, holder_id, is_ingest, paid_at, rejection_id, rejected_at)
SELECT v.workspace_id, v.holder_id, %(is_ingest)s, %(now)s::bigint + v.cost, v.rejection_id, v.rejected_at
FROM unnest(%(c0)s::bigint[], %(c1)s::bigint[], %(c2)s::bigint[], %(c3)s::bigint[], %(c4)s::bigint[])
    AS v (workspace_id, holder_id, cost, rejection_id, rejected_at)
ON CONFLICT (holder_id, is_ingest) DO UPDATE SET
    paid_at = greatest(rate_buckets.paid_at, %(now)s::bigint) + excluded.paid_at - %(now)s::bigint, {_KEPT}
"""


class Bucket(NamedTuple):
    """A key, and how much it has asked. `rate`: what its workspace has chosen for itself, if anything."""

    key_id: int
    workspace_id: int
    rate: int | None
    paid_at: int | None
    rejection_id: int | None
    rejected_at: int | None


class Charge(NamedTuple):
    """What a transaction charges a holder: `cost` in microseconds."""

    workspace_id: int
    holder_id: int
    cost: int
    rejection_id: int | None = None
    rejected_at: int | None = None


def find(connection: Connection, key_ids: Collection[int]) -> dict[int, Bucket]:
    """The buckets of the keys that work."""
    return {row[0]: Bucket(*row) for row in raw.select_by(connection, _FIND, sorted(key_ids))}


def watched_streams(connection: Connection, workspace_ids: Collection[int]) -> dict[int, int]:
    """How many streams each of the workspaces has; those without any are missing."""
    return {row[0]: int(row[1]) for row in raw.select_by(connection, _STREAMS, sorted(workspace_ids))}


def charge(connection: Connection, charges: Sequence[Charge], now: int, *, is_ingest: bool) -> dict[int, int]:
    """Charge the holders, in the order of their ids; what each one's `paid_at` is then, others' charges included."""
    if not charges:
        return {}
    rows = sorted(charges, key=lambda charge: charge.holder_id)
    running = raw.cursor(connection)
    if raw.is_sqlite(connection):
        running.execute(_CHARGE_SQLITE, (is_ingest, now, json.dumps(rows)))
    else:
        columns = {f"c{i}": raw.numbers(column) for i, column in enumerate(zip(*rows, strict=True))}
        running.execute(_CHARGE_POSTGRES, {"is_ingest": is_ingest, "now": now, **columns}, prepare=True)
    return dict(running.fetchall())


def not_synced(connection: Connection) -> None:
    """This transaction need not reach the disk before it is answered: what it tells is worth a minute."""
    if not raw.is_sqlite(connection):
        connection.execute(text("SET LOCAL synchronous_commit = off"))


def find_one(connection: Connection, holder_id: int) -> int | None:
    """`paid_at` of a holder's management requests, held until the transaction ends."""
    sqlite = "SELECT paid_at FROM rate_buckets WHERE holder_id = ? AND NOT is_ingest"
    postgres = "SELECT paid_at FROM rate_buckets WHERE holder_id = %s AND NOT is_ingest FOR UPDATE"
    found = raw.select(connection, sqlite, postgres, holder_id)
    return int(found[0][0]) if found else None


def count_rejection(connection: Connection, rejection_id: int, times: int, now: int) -> None:
    """So many more of what this rejection stands for."""
    one = rejections.c.id == rejection_id
    connection.execute(update(rejections).where(one).values(times=rejections.c.times + times, at=now))
