"""Connections: how SQLite and PostgreSQL have to be set up so that one code works on both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import msgspec
from sqlalchemy import URL, Connection, Engine, StaticPool, create_engine, event, exc, make_url

from earnest.store.driver_errors import DRIVER_ERRORS
from earnest.store.errors import BadDatabaseUrl
from earnest.store.pipeline import forget_what_is_prepared

WRITES: Final = "earnest_writes"
"""The execution option of a connection whose transactions write."""

BUSY_TIMEOUT_SECONDS: Final = 10.0
"""Threads of one process queue before they reach SQLite, so only another process's longest transaction counts here."""

POOL_SIZE: Final = 10
MAX_OVERFLOW: Final = 50
"""A web server's 40 threads and the loops can each hold a connection; those above `POOL_SIZE` are closed again."""

CONNECT_TIMEOUT_SECONDS: Final = 5
LONGEST_PAUSE_SECONDS: Final = 10
"""PostgreSQL ends a transaction of ours that asks nothing for so long: its process was stopped, or its machine is lost,
and the rows that it locked are others' too. No unit of work of ours waits for anything but the database."""
_NETWORK: Final = {
    "connect_timeout": CONNECT_TIMEOUT_SECONDS,
    # A server that is gone without a word is noticed within seconds, not after the system's quarter of an hour.
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}

_PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    # In WAL mode NORMAL may lose the last commits when power fails. Chain facts would come back from the chain, but not
    # a created payment, an API key, or the signed bytes of a tx that is out already: so each commit reaches the disk.
    "PRAGMA synchronous = FULL",
    # On macOS a plain fsync stops at the drive's cache.
    "PRAGMA fullfsync = ON",
    "PRAGMA foreign_keys = ON",
)
_OF_A_NEW_FILE: Final = "PRAGMA page_size = 8192"
"""Of what was tried the quickest: ten of our rows fit into a page. A file that has its tables keeps the size it has."""
_OF_WRITERS: Final = (
    # In KiB. A backfill writes all over the indexes; with SQLite's own 2 MB it reads the same pages again and again.
    # With twice as much a backfill of a million events needs more than 150 MiB in all, and is no quicker to speak of.
    "PRAGMA cache_size = -16384",
    # In pages. What is written again before the log is copied back is copied once; with SQLite's own 1,000 pages each
    # batch of a backfill writes twice what it has to. Both together: a third less CPU in the statements that write.
    "PRAGMA wal_autocheckpoint = 10000",
    # What is deleted is zeroed where its page is written anyway. Some builds, such as Debian's, zero all of it,
    # and write pages for that which nobody wants: a fourteenth of a backfill's CPU.
    "PRAGMA secure_delete = FAST",
    # In bytes, as much as those pages: longer than that the log's file stays only as long as somebody reads on.
    "PRAGMA journal_size_limit = 83886080",
)
_OF_READERS: Final = ("PRAGMA cache_size = -8192",)


def parse_url(url: str) -> URL:
    """Parse a database URL; raises `BadDatabaseUrl`."""
    try:
        parsed = make_url(url)
    except exc.ArgumentError:
        raise BadDatabaseUrl("the database URL cannot be read: give sqlite:///path or postgresql+psycopg://…") from None
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite", "postgresql+psycopg"):
        raise BadDatabaseUrl(
            f"{parsed.drivername} is no database that Earnest speaks to: "
            "give sqlite:///path/to/file.db or postgresql+psycopg://user@host/name"
        )
    return parsed


def is_memory(url: URL) -> bool:
    """Return whether this is an SQLite database in memory, gone when it is closed."""
    return url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:")


def application_name(process_id: str) -> str:
    """Return how a process' connections are called on PostgreSQL, where one that takes over finds them by it."""
    return f"earnest {process_id}"


def make_engine(url: URL, process_id: str, *, writes: bool = False) -> Engine:
    """Return an engine that connects on first use; with `writes` on SQLite, one for the one thread that writes."""
    shared: dict[str, Any] = {"json_serializer": _to_json, "json_deserializer": msgspec.json.decode}
    if url.get_backend_name() == "postgresql":
        given = {"application_name": application_name(process_id), **_NETWORK}
        arguments = {name: value for name, value in given.items() if name not in url.query}
        engine = create_engine(
            url, pool_size=POOL_SIZE, max_overflow=MAX_OVERFLOW, pool_pre_ping=True, connect_args=arguments, **shared
        )
        event.listen(engine, "connect", _set_up_postgresql)
        forget_what_is_prepared(engine)
        return engine
    arguments = {"timeout": BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
    if is_memory(url):
        engine = create_engine(url, poolclass=StaticPool, connect_args=arguments, **shared)
    elif writes:
        engine = create_engine(url, pool_size=1, max_overflow=1, connect_args=arguments, **shared)
    else:
        engine = create_engine(url, pool_size=POOL_SIZE, max_overflow=MAX_OVERFLOW, connect_args=arguments, **shared)
    event.listen(engine, "connect", _set_up_writer if writes else _set_up_reader)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _to_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _set_up_postgresql(connection: Any, _record: Any) -> None:
    connection.autocommit = True
    # The compiler begins when a question is expected to be dear, and takes up to a second for it, anew each time: more
    # than it spares any of ours. What adds up all of a merchant's payments, too, takes less without it.
    pause_ms = LONGEST_PAUSE_SECONDS * 1_000
    connection.execute(f"SET idle_in_transaction_session_timeout = {pause_ms}; SET jit = off")
    connection.autocommit = False


def _set_up_writer(connection: Any, _record: Any) -> None:
    _set_up_sqlite(connection, _OF_WRITERS)


def _set_up_reader(connection: Any, _record: Any) -> None:
    _set_up_sqlite(connection, _OF_READERS)


def _set_up_sqlite(connection: Any, also: Sequence[str]) -> None:
    # Python's driver would begin transactions by itself, and only before some statements: we say BEGIN ourselves.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (_OF_A_NEW_FILE, *_PRAGMAS, *also):
        cursor.execute(pragma)
    cursor.close()


@contextmanager
def without_foreign_keys(connection: Connection) -> Iterator[None]:
    """Let SQLite not check foreign keys in the transaction that begins in here, and ends."""
    driver: Any = connection.connection
    driver.cursor().execute("PRAGMA foreign_keys = OFF")
    try:
        yield
    finally:
        _check_foreign_keys_again(connection)


def _check_foreign_keys_again(connection: Connection) -> None:
    """Do so, or give the connection up: SQLite says nothing where it cannot, since a transaction is still open."""
    if connection.invalidated:
        return
    try:
        driver: Any = connection.connection
        driver.cursor().execute("PRAGMA foreign_keys = ON")
        if not checks_foreign_keys(connection):
            connection.invalidate()
    except DRIVER_ERRORS as error:
        connection.invalidate(error)


def checks_foreign_keys(connection: Connection) -> bool:
    """Return whether SQLite checks foreign keys now."""
    driver: Any = connection.connection
    return bool(driver.cursor().execute("PRAGMA foreign_keys").fetchone()[0])


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later can fail at the first write, without any waiting, when another
    # one has written in between. IMMEDIATE takes the write lock at the start, where waiting works.
    writes = connection.get_execution_options().get(WRITES, False)
    driver: Any = connection.connection
    # Said to the driver itself: a tenth of what it takes by way of SQLAlchemy, in each unit of work.
    driver.cursor().execute("BEGIN IMMEDIATE" if writes else "BEGIN")
