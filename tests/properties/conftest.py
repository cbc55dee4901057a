"""A database with today's schema to be copied for each example."""

from tests.support.stores import sqlite_template

__all__ = ["sqlite_template"]
