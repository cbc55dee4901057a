"""The database behind one object: units of work, the schema, and the lock of whoever leads."""

from __future__ import annotations

from contextlib import AbstractContextManager

from sqlalchemy import Connection

from earnest.store.blocks import Blocks
from earnest.store.credits import Credits
from earnest.store.endpoints import Endpoints
from earnest.store.events import Events
from earnest.store.idempotency import Idempotency
from earnest.store.keys import Keys
from earnest.store.merchants import Merchants
from earnest.store.outbox import Outbox
from earnest.store.payments import Payments
from earnest.store.txs import Txs


class Transaction:
    """One unit of work; each attribute speaks of one subject."""

    def __init__(self, connection: Connection) -> None:
        self.merchants = Merchants(connection)
        self.keys = Keys(connection)
        self.payments = Payments(connection)
        self.events = Events(connection)
        self.credits = Credits(connection)
        self.blocks = Blocks(connection)
        self.outbox = Outbox(connection)
        self.endpoints = Endpoints(connection)
        self.txs = Txs(connection)
        self.idempotency = Idempotency(connection)


class Store:
    """A database of Earnest's."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Open a unit of work that writes: commits at the end of the block, rolls back on any exception."""
        raise NotImplementedError

    def read(self) -> AbstractContextManager[Transaction]:
        """Open a unit of work that only reads, from one snapshot."""
        raise NotImplementedError

    def upgrade(self) -> None:
        """Bring the schema to this version's; safe to run twice and by several at once."""
        raise NotImplementedError

    def check(self) -> None:
        """Check that the database is there, writable and of this version's schema.

        Raises:
            SchemaTooNew, SchemaTooOld, DatabaseReadOnly, DatabaseMissing, NotADatabase, DatabaseUnavailable: as named.
        """
        raise NotImplementedError

    def lock(self, name: str) -> AbstractContextManager[None]:
        """Hold the lock `name` for this process, without waiting for it.

        Raises:
            StoreInUse: SQLite; another process has it, and a second one on this file is a mistake.
            LockTaken: PostgreSQL; another process leads, ask again later.
        """
        raise NotImplementedError(name)

    def close(self) -> None:
        """Close all connections."""
        raise NotImplementedError


def open_store(url: str) -> Store:
    """Open the database at `sqlite:///path`, `sqlite://` (in memory) or `postgresql+psycopg://…`; creates no schema."""
    raise NotImplementedError
