"""Every test of the store runs on SQLite and on PostgreSQL."""

from tests.support.stores import opening, sqlite_url, store

__all__ = ["opening", "sqlite_url", "store"]
