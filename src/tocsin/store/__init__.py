"""The only place that knows SQL."""

# What `Store.write()` and `Store.read()` give; its name is here so that nobody else has to import SQLAlchemy.
from sqlalchemy import Connection

__all__ = ["Connection"]
