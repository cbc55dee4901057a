"""Every test of the store runs on SQLite and on PostgreSQL."""

from tests.support.stores import opening, postgres_template, sqlite_template, sqlite_url, store

__all__ = ["opening", "postgres_template", "sqlite_template", "sqlite_url", "store"]
