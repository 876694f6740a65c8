"""Columns that many tables have."""

from secrets import token_urlsafe
from typing import Any
from uuid import uuid4

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, MetaData, text

from tocsin.store import ping_slugs

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)


#: SQLite calls a table's own row number by this name only if its type is INTEGER; any other key is a second tree.
_ID = BigInteger().with_variant(Integer(), "sqlite")


def identity() -> Column[int]:
    return Column("id", _ID, primary_key=True, autoincrement=False)


def workspace() -> Column[int]:
    return Column("workspace_id", BigInteger, ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False)


def hot_workspace() -> Column[int]:
    """On the tables of the hot path without a foreign key: PostgreSQL would lock the parent row for each check-in."""
    return Column("workspace_id", BigInteger, nullable=False)


def at(name: str, *, required: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=not required)


def count(name: str, start: int = 0) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=text(str(start)))


def new_ping_key() -> str:
    """22 characters that let their holder ping any job of a workspace by its key."""
    return token_urlsafe(16)


def new_ping_uuid() -> str:
    """A UUID that lets its holder ping one job; unlike the job's id it cannot be guessed."""
    return str(uuid4())


def new_ping_slug(context: Any) -> str:
    """A slug that lets its holder ping one job; of a row being inserted that brings none, one that nobody guesses."""
    return ping_slugs.new_slug(context.get_current_parameters()["name"], ping_slugs.LONG)
