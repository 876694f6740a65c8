"""Who commits and judges: leases, watermarks, and the spans in which nobody did."""

from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Connection, func, insert, select, text, update

from tocsin.domain.ids import NODE_LIMIT, IdMaker
from tocsin.domain.model import SECOND, Absence
from tocsin.store import raw
from tocsin.store.schema import absences, log_entries, nodes, workspaces

#: A node that has not been heard for so long is dead: fenced, and not waited for.
DEAD_AFTER = 10 * SECOND
#: Commit heartbeats further apart than this mean that nobody could report.
AWAY_AFTER = 5 * SECOND


class NoFreeNodeError(RuntimeError):
    """All node numbers are taken by live nodes."""


class Fenced(RuntimeError):  # noqa: N818 -- a state of ours, which the recorder answers with 503
    """This node was taken for dead: what it has not committed, it may not commit any more."""


class Lease(NamedTuple):
    """This process among the nodes: its number, and the token that tells it from a successor of the same number."""

    number: int
    token: str


def database_now(connection: Connection) -> int | None:
    """The database's clock in microseconds, or None on SQLite, whose clock is ours."""
    if connection.dialect.name == "sqlite":
        return None
    return int(
        connection.execute(text("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")).scalar_one()
    )


def register(connection: Connection, now: int, token: str, role: str, *, is_ingesting: bool) -> Lease:
    """Take a free number. Nodes that are dead or have stopped give theirs back."""
    if connection.dialect.name != "sqlite":
        connection.execute(text("LOCK TABLE nodes IN SHARE ROW EXCLUSIVE MODE"))
    gone = (nodes.c.heartbeat_at < now - DEAD_AFTER) | nodes.c.is_fenced | nodes.c.stopped_at.is_not(None)
    # The last heartbeat of an ingesting node is what tells how long we were away: only another such may replace it.
    keeps = ~gone if is_ingesting else ~gone | nodes.c.is_ingesting
    taken = set(connection.execute(select(nodes.c.number).where(keeps)).scalars())
    number = next((n for n in range(NODE_LIMIT) if n not in taken), None)
    if number is None:
        raise NoFreeNodeError(f"All {NODE_LIMIT} node numbers are taken; stop a node first.")
    if is_ingesting:
        note_absence(connection, now)
    connection.execute(nodes.delete().where(nodes.c.number == number))
    row = {"number": number, "token": token, "role": role, "is_ingesting": is_ingesting}
    connection.execute(insert(nodes).values(**row, started_at=now, heartbeat_at=now, watermark_at=now))
    return Lease(number, token)


def note_absence(connection: Connection, now: int, ids: IdMaker | None = None) -> Absence | None:
    """If nobody could commit check-ins for over five seconds until now, write it down, once for all workspaces."""
    last = _last_commit(connection)
    if last is None or now - last <= AWAY_AFTER:
        return None
    made = connection.execute(insert(absences).values(from_at=last, until_at=now).returning(absences.c.id)).scalar_one()
    maker = ids or IdMaker(NODE_LIMIT - 1)
    minutes = f"{(now - last) / SECOND / 60:.1f}"
    words = f"Tocsin was away for {minutes} minutes: runs expected then are unknown, and nobody is alerted for them."
    rows = [
        {"id": maker.new(now), "workspace_id": workspace, "at": now, "kind": "system", "message": words}
        for workspace in connection.execute(select(workspaces.c.id)).scalars()
    ]
    if rows:
        connection.execute(insert(log_entries), rows)
    return Absence(made, last, now)


def beat(connection: Connection, lease: Lease, now: int, watermark: int, *, is_ingesting: bool) -> Absence | None:
    """Say that this node lives, and that all it received before `watermark` is committed."""
    absence = note_absence(connection, now) if is_ingesting else None
    alive = connection.execute(
        update(nodes)
        .where(nodes.c.number == lease.number, nodes.c.token == lease.token, ~nodes.c.is_fenced)
        .values(heartbeat_at=now, watermark_at=watermark)
    )
    if alive.rowcount != 1:
        raise Fenced(f"node {lease.number} was fenced")
    return absence


_MAY_COMMIT = "SELECT number FROM nodes WHERE number = {0} AND token = {0} AND NOT is_fenced"


def confirm(connection: Connection, lease: Lease) -> Callable[[], None]:
    """What raises, when it is called, unless this node may commit. Its row is held from now on, so that nobody fences
    it until the commit."""
    locked = _MAY_COMMIT.format("%s") + " FOR SHARE"
    found = raw.ask(connection, _MAY_COMMIT.format("?"), locked, lease.number, lease.token)

    def check() -> None:
        if not found():
            raise Fenced(f"node {lease.number} was fenced")

    return check


def horizon(connection: Connection, now: int) -> int:
    """Everything received before this moment is committed, on every node that lives; dead ones are fenced here.

    Where no ingesting node lives, it is the moment of the last commit: whoever joins next may find that we were away
    since then, and what fell due meanwhile must not be judged before that is written down.
    """
    dead = nodes.c.is_ingesting & ~nodes.c.is_fenced & (nodes.c.heartbeat_at < now - DEAD_AFTER)
    connection.execute(update(nodes).where(dead & nodes.c.stopped_at.is_(None)).values(is_fenced=True))
    living = nodes.c.is_ingesting & ~nodes.c.is_fenced & nodes.c.stopped_at.is_(None)
    least = connection.execute(select(func.min(nodes.c.watermark_at)).where(living)).scalar_one()
    if least is None:
        least = _last_commit(connection)
    return now if least is None else min(now, least)


def others_horizon(connection: Connection, lease: Lease) -> int | None:
    """The watermark that every other ingesting node has passed, or None if there is no other."""
    living = nodes.c.is_ingesting & ~nodes.c.is_fenced & nodes.c.stopped_at.is_(None)
    query = select(func.min(nodes.c.watermark_at)).where(living, nodes.c.number != lease.number)
    least: int | None = connection.execute(query).scalar_one()
    return least


def stop(connection: Connection, lease: Lease, now: int) -> None:
    """An orderly stop: from exactly now on this node commits nothing."""
    mine = (nodes.c.number == lease.number) & (nodes.c.token == lease.token)
    connection.execute(update(nodes).where(mine).values(stopped_at=now, watermark_at=now))


def all_absences(connection: Connection, since_at: int = 0) -> list[Absence]:
    """Absences that ended after `since_at`, in order."""
    rows = connection.execute(
        select(absences.c.id, absences.c.from_at, absences.c.until_at)
        .where(absences.c.until_at > since_at)
        .order_by(absences.c.from_at)
    )
    return [Absence(*row) for row in rows]


def _last_commit(connection: Connection) -> int | None:
    """When any node last could commit check-ins: the newest heartbeat or stop of an ingesting one."""
    query = select(func.max(func.coalesce(nodes.c.stopped_at, nodes.c.heartbeat_at))).where(nodes.c.is_ingesting)
    last: int | None = connection.execute(query).scalar_one()
    return last


def add_absence(connection: Connection, absence: Absence) -> None:
    """Write down a span in which nobody could report; its id is the database's."""
    connection.execute(insert(absences).values(from_at=absence.from_at, until_at=absence.until_at))
