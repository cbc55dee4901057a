"""The processes that work on the database now: each says so again and again, and who falls silent is gone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, Column, ColumnElement, Connection, Table, Text, and_, or_, select

from earnest.store.database_clock import now_ms, now_seconds
from earnest.store.records import ProcessRow
from earnest.store.schema import insert, metadata

processes = Table(
    "processes",
    metadata,
    Column("id", Text, primary_key=True),
    # For people: the machine and the process' number there.
    Column("name", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    # By the database's clock. NULL: it is alone with the database, which a lock on the file makes sure of.
    Column("expires_at_ms", BigInteger),
)

LONGEST_LEASE_MS: Final = 60_000
"""No lease lasts so long. What ends later was written before the database's clock went back (another machine serves
the database now, say), and waiting for it could take for ever."""
FORGOTTEN_AFTER_MS: Final = 86_400_000
"""How long a process that fell silent is remembered: a day, so that its name can still be read beside what it led."""


def alive() -> ColumnElement[bool]:
    """Return the condition that a process has not fallen silent."""
    c = processes.c
    within = and_(c.expires_at_ms > now_ms(), c.expires_at_ms <= now_ms() + LONGEST_LEASE_MS)
    return or_(c.expires_at_ms.is_(None), within)


class Processes:
    """The processes that work on the database."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def beat(self, process_id: str, name: str, lease_seconds: float | None) -> None:
        """Say that a process is there, and will be for so long without saying it again (None: until it is deleted)."""
        until: Any = None if lease_seconds is None else now_ms() + int(lease_seconds * 1_000)
        told = insert(self._connection.dialect.name, processes).values(
            id=process_id, name=name, started_at=now_seconds(), expires_at_ms=until
        )
        self._connection.execute(told.on_conflict_do_update(index_elements=["id"], set_={"expires_at_ms": until}))

    def leave(self, process_id: str) -> None:
        """Say that a process has ended: all that it led or had claimed is free at once."""
        self._connection.execute(processes.delete().where(processes.c.id == process_id))

    def only(self, process_id: str) -> None:
        """Forget all others; for whoever is alone with the database."""
        self._connection.execute(processes.delete().where(processes.c.id != process_id))

    def forget_the_silent(self) -> None:
        """Forget those that fell silent long ago."""
        long_ago = processes.c.expires_at_ms < now_ms() - FORGOTTEN_AFTER_MS
        self._connection.execute(processes.delete().where(long_ago))

    def alive(self) -> Sequence[ProcessRow]:
        """Return the processes that are there, by name."""
        rows = self._connection.execute(select(processes).where(alive()).order_by(processes.c.name, processes.c.id))
        return [ProcessRow(row.id, row.name, row.started_at) for row in rows]
