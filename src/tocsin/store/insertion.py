"""Inserting where somebody else may be doing the same."""

from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_unless_taken(connection: Connection, table: Table, row: dict[str, Any]) -> bool:
    """Insert the row, or say False where one of its unique keys is taken (PostgreSQL waits for who is taking it)."""
    making = postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
    made = making.values(row).on_conflict_do_nothing().returning(*table.primary_key.columns)
    return connection.execute(made).first() is not None
