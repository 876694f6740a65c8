"""Rows of failed logins: one for every account and address that was tried, shared by all nodes."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, select, update

from tocsin.store.insertion import insert_unless_taken
from tocsin.store.schema import login_failures as failures

_PURGED_AT_ONCE = 100


def lock(connection: Connection, names: Sequence[str], now: int) -> dict[str, tuple[int, int]]:
    """(how many, when the last) of each name, held until the transaction ends: of guesses sent all at once, each sees
    those before it. In the order of the names, so that no two wait for each other."""
    found = {}
    for name in sorted(names):
        insert_unless_taken(connection, failures, {"name_hash": name, "number": 0, "last_at": now})
        query = select(failures.c.number, failures.c.last_at).where(failures.c.name_hash == name).with_for_update()
        found[name] = tuple(connection.execute(query).one())
    return found


def write(connection: Connection, counts: Mapping[str, tuple[int, int]]) -> None:
    for name, (number, last_at) in sorted(counts.items()):
        changed = update(failures).where(failures.c.name_hash == name).values(number=number, last_at=last_at)
        connection.execute(changed)


def purge(connection: Connection, before: int) -> None:
    """Forget a slice of those whose last failure is older."""
    old = (
        select(failures.c.name_hash)
        .where(failures.c.last_at < before)
        .limit(_PURGED_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    connection.execute(delete(failures).where(failures.c.name_hash.in_(old)))
