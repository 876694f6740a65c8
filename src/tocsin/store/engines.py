"""Which hot statements belong to which engine."""

from sqlalchemy import Connection

from tocsin.store.engine import Store
from tocsin.store.hot import HotStore
from tocsin.store.hot_postgres import HotPostgres
from tocsin.store.hot_sqlite import HotSqlite

_HOT: dict[str, HotStore] = {"sqlite": HotSqlite(), "postgresql": HotPostgres()}


def hot_for(connection: Connection) -> HotStore:
    """The hot statements for the engine of this connection."""
    return _HOT[connection.dialect.name]


def hot_of(store: Store) -> HotStore:
    """The hot statements for the engine of this store."""
    return _HOT["sqlite" if store.is_sqlite else "postgresql"]
