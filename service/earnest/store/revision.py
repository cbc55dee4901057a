"""Which version a database's schema has, found out without Alembic: that takes longer to load than a start may."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, inspect, text

HEAD: Final = "0007"
"""The newest migration's revision; a test holds it against the migrations."""


def is_current(connection: Connection) -> bool:
    """Return whether the schema is this version's; where it is not, Alembic finds out what it is."""
    if not inspect(connection).has_table("alembic_version"):
        return False
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [HEAD]
