"""Every column that holds sealed secrets, and how its rows are sealed anew while others use them."""

from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, LargeBinary, Table, Text, and_, func, literal, select, tuple_, update

from tocsin.store.schema import channels, idempotency_keys, users

SLICE = 200
#: (sealed value, its context) → the value sealed anew; None leaves it as it is.
Reseal = Callable[[bytes, str], bytes | None]


class Sealed(NamedTuple):
    """A column of sealed values. What authenticates a value (`context`) is made of its row's key and the two names."""

    table: Table
    column: Column[Any]

    @property
    def key(self) -> tuple[Column[Any], ...]:
        return tuple(self.table.primary_key.columns)

    def context(self, key: tuple[Any, ...]) -> str:
        return "|".join((self.table.name, *map(str, key), self.column.name))


#: A new sealed column is a line here; its context has the same form.
SEALED = (
    Sealed(channels, channels.c.config),
    Sealed(idempotency_keys, idempotency_keys.c.answer),
    Sealed(users, users.c.totp_secret),
)


class Progress(NamedTuple):
    """`after`: the key of the last row looked at, None at the end. `done`: rows sealed anew."""

    after: tuple[Any, ...] | None
    done: int


def reseal_slice(
    connection: Connection, sealed: Sealed, current_head: bytes, reseal: Reseal, after: tuple[Any, ...] | None
) -> Progress:
    """Seals anew up to `SLICE` rows whose values do not begin with `current_head`; they are locked meanwhile."""
    query = (
        select(*sealed.key, sealed.column)
        .where(_is_not_current(sealed.column, current_head))
        .order_by(*sealed.key)
        .limit(SLICE)
        .with_for_update()
    )
    if after is not None:
        query = query.where(tuple_(*sealed.key) > tuple_(*map(literal, after)))
    rows = [tuple(row) for row in connection.execute(query)]
    done = sum(_reseal_row(connection, sealed, row[:-1], row[-1], reseal) for row in rows)
    return Progress(rows[-1][:-1] if len(rows) == SLICE else None, done)


def _is_not_current(column: Column[Any], head: bytes) -> Any:
    if isinstance(column.type, LargeBinary):
        return func.substr(column, 1, len(head), type_=LargeBinary) != literal(head, LargeBinary)
    whole = b64encode(head).decode()[: len(head) * 8 // 6]  # the letters that stand for the head and nothing else
    return and_(column.is_not(None), func.substr(column, 1, len(whole), type_=Text) != whole)


def _reseal_row(connection: Connection, sealed: Sealed, key: tuple[Any, ...], value: Any, reseal: Reseal) -> int:
    is_text = isinstance(value, str)
    anew = reseal(b64decode(value) if is_text else bytes(value), sealed.context(key))
    if anew is None:
        return 0
    mine = and_(*(column == part for column, part in zip(sealed.key, key, strict=True)))
    kept = b64encode(anew).decode() if is_text else anew
    connection.execute(update(sealed.table).where(mine).values({sealed.column.name: kept}))
    return 1
