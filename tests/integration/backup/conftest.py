"""A backup is taken of either database, and restored onto either."""

from tests.support.stores import opening, postgres_template, sqlite_template, sqlite_url, store

__all__ = ["opening", "postgres_template", "sqlite_template", "sqlite_url", "store"]
