"""The only place that knows SQL."""

# What `Store.write()` and `Store.read()` give; its name is here so that nobody else has to import SQLAlchemy.
from sqlalchemy import Connection

# The database does not answer, through no fault of the statement.
from sqlalchemy.exc import OperationalError as DatabaseAway

__all__ = ["Connection", "DatabaseAway"]
