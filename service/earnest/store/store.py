"""The database behind one object: units of work, the schema, and the lock of whoever leads."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Final, Generic, TypeVar

from sqlalchemy import URL, Connection, text

from earnest.store.audit import Audit
from earnest.store.balances import Balances
from earnest.store.blocks import Blocks
from earnest.store.chain_facts import ChainFacts
from earnest.store.copying import Copying
from earnest.store.credits import Credits
from earnest.store.descriptions import Descriptions
from earnest.store.dismissals import Dismissals
from earnest.store.driver_errors import driver_errors_mapped
from earnest.store.endpoints import Endpoints
from earnest.store.engine import WRITES, is_memory, make_engine, parse_url, without_foreign_keys
from earnest.store.events import Events
from earnest.store.glance import Glance
from earnest.store.idempotency import Idempotency
from earnest.store.kept import Kept
from earnest.store.keys import Keys
from earnest.store.leads import Leads
from earnest.store.locks import Held, ProcessLocks, WriterQueue, advisory_lock, file_lock
from earnest.store.merchants import Merchants
from earnest.store.news import News
from earnest.store.outbox import Outbox
from earnest.store.payments import Payments
from earnest.store.processes import Processes
from earnest.store.raw import sent_together
from earnest.store.reconciliations import Reconciliations
from earnest.store.revision import is_current
from earnest.store.sessions import Sessions
from earnest.store.settlements import Settlements
from earnest.store.side_events import SideEvents
from earnest.store.swap import Swap
from earnest.store.txs import Txs
from earnest.store.untold import UntoldEvents
from earnest.store.watched_deposits import WatchedDeposits

T = TypeVar("T")

KEPT_OPEN: Final = 2
"""Connections of each kind: as many as work at the same time where little happens, each quicker than out of a pool."""


class _Part(Generic[T]):
    """An attribute of a unit of work, made where it is first asked for: most units of work speak of few subjects."""

    def __init__(self, make: Callable[[Connection], T]) -> None:
        self._make = make

    def __set_name__(self, _owner: type[Transaction], name: str) -> None:
        self._name = name

    def __get__(self, tx: Transaction, _owner: type[Transaction]) -> T:
        made: T
        made = tx.__dict__[self._name] = self._make(tx._connection)  # from now on found before this is
        return made


class Transaction:
    """One unit of work; each attribute speaks of one subject."""

    merchants = _Part(Merchants)
    keys = _Part(Keys)
    sessions = _Part(Sessions)
    payments = _Part(Payments)
    descriptions = _Part(Descriptions)
    events = _Part(Events)
    side_events = _Part(SideEvents)
    credits = _Part(Credits)
    watched_deposits = _Part(WatchedDeposits)
    dismissals = _Part(Dismissals)
    blocks = _Part(Blocks)
    outbox = _Part(Outbox)
    news = _Part(News)
    glance = _Part(Glance)
    balances = _Part(Balances)
    audit = _Part(Audit)
    settlements = _Part(Settlements)
    untold = _Part(UntoldEvents)
    endpoints = _Part(Endpoints)
    txs = _Part(Txs)
    idempotency = _Part(Idempotency)
    processes = _Part(Processes)
    leads = _Part(Leads)
    facts = _Part(ChainFacts)
    swap = _Part(Swap)
    copying = _Part(Copying)
    reconciliations = _Part(Reconciliations)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def together(self, *, commits: bool = False) -> AbstractContextManager[None]:
        """Wait once for all that is asked `…_later` and told in here; see `raw.sent_together`.

        With `commits` nothing may be asked or told after it: it is committed along with the rest, where that can be.
        """
        return sent_together(self._connection, commits=commits)


class Store:
    """A database of Earnest's; safe to use from many threads. Nothing connects before the first unit of work."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._name = url.render_as_string(hide_password=True)
        self._is_sqlite = url.get_backend_name() == "sqlite"
        self.process_id = secrets.token_hex(8)
        """Tells this process (or this store, where one process has several) from all others on the database."""
        self._engine = make_engine(url, self.process_id)
        # SQLite lets one write at a time: it has a connection of its own, whose cache is worth its memory.
        apart = self._is_sqlite and not is_memory(url)
        self._writer = make_engine(url, self.process_id, writes=True) if apart else self._engine
        writing = self._writer.execution_options(**{WRITES: True})
        reads = {} if self._is_sqlite else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        reading = self._engine.execution_options(**reads)
        # A database in memory is one connection, which whoever writes and whoever reads begin in different ways.
        most, asks = 0 if is_memory(url) else KEPT_OPEN, not self._is_sqlite
        self._writing, self._reading = (Kept(each, most=most, asks=asks) for each in (writing, reading))
        self._writers = WriterQueue()
        self._process_locks = ProcessLocks()

    @property
    def takes_one_process(self) -> bool:
        """Whether one `serve` at a time may use it (SQLite), or any number (PostgreSQL)."""
        return self._is_sqlite

    def transaction(self, *, in_bulk: bool = False) -> AbstractContextManager[Transaction]:
        """Open a unit of work that writes: commits at the end of the block, rolls back on any exception.

        With `in_bulk` SQLite checks no foreign keys: for whoever writes thousands of rows along with those that they
        point to. It takes a third off what SQLite needs for them, and others can go on while it writes: see `bulk`.
        """
        return self._unit_of_work(writes=True, in_bulk=in_bulk)

    def read(self) -> AbstractContextManager[Transaction]:
        """Open a unit of work that only reads, from one snapshot."""
        return self._unit_of_work(writes=False)

    def upgrade(self) -> None:
        """Bring the schema to this version's; safe to run twice and by several at once.

        Raises:
            SchemaTooNew: a newer Earnest has upgraded it.
        """
        with self._connected(writes=True) as connection:
            if not is_current(connection):
                from earnest.store.upgrades import upgrade_schema  # noqa: PLC0415 (Alembic is slow to import)

                upgrade_schema(connection)

    def check(self) -> None:
        """Check that the database is there, writable and of this version's schema.

        Raises:
            SchemaTooNew, SchemaTooOld, DatabaseReadOnly, DatabaseMissing, NotADatabase, DatabaseUnavailable: as named.
        """
        with self._connected(writes=True) as connection:
            if not is_current(connection):
                from earnest.store.upgrades import check_schema  # noqa: PLC0415 (Alembic is slow to import)

                check_schema(connection)
            # Begun as a writer it is, but only a statement that writes finds out whether it may.
            connection.execute(text("UPDATE alembic_version SET version_num = version_num"))

    def lock(self, name: str) -> AbstractContextManager[Held]:
        """Hold the lock `name` for this process, without waiting for it; the block can ask whether it still does.

        Raises:
            StoreInUse: SQLite; another process has it, and a second one on this file is a mistake.
            LockTaken: PostgreSQL; another process leads, ask again later.
        """
        if is_memory(self._url):
            return self._process_locks.hold(name)
        if self._is_sqlite:
            return file_lock(Path(self._url.database or ""), name)
        return advisory_lock(self._engine, name, self._name)

    def close(self) -> None:
        """Close all connections."""
        for kept in (self._writing, self._reading):
            kept.close()
        for engine in {self._engine, self._writer}:
            engine.dispose()

    @contextmanager
    def _unit_of_work(self, *, writes: bool, in_bulk: bool = False) -> Iterator[Transaction]:
        with self._connected(writes=writes, in_bulk=in_bulk) as connection:
            yield Transaction(connection)

    @contextmanager
    def _connected(self, *, writes: bool, in_bulk: bool = False) -> Iterator[Connection]:
        # A database in memory has one connection for all, so that readers wait for their turn too.
        queues = self._is_sqlite and (writes or is_memory(self._url))
        kept, is_well = self._writing if writes else self._reading, False
        with self._writers if queues else nullcontext(), driver_errors_mapped(self._name):
            connection = kept.take()
            try:
                with (
                    without_foreign_keys(connection) if in_bulk and self._is_sqlite else nullcontext(),
                    connection.begin(),
                ):
                    yield connection
                is_well = True
            finally:
                kept.give_back(connection, is_well=is_well)


def open_store(url: str) -> Store:
    """Open the database at `sqlite:///path`, `sqlite://` (in memory) or `postgresql+psycopg://…`; creates no schema.

    Raises:
        BadDatabaseUrl: the URL names nothing that we speak to.
    """
    return Store(parse_url(url))
