"""py-evm's key-value database on SQLite: one SQLite transaction for each thing that the chain does."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from eth.db.backends.base import BaseDB

from earnest.localnet.errors import ChainFileUnusable

SCHEMA_VERSION = 1
"""Kept in SQLite's `user_version`; a file of another version is refused."""

APPLICATION_ID = 0x45524E53
"""Kept in SQLite's `application_id`, so that a foreign database is never written to ("ERNS")."""

_CACHE_ENTRIES = 100_000
"""Trie nodes and headers kept in memory: at some 300 bytes each, about 30 MB."""


class SqliteKeyValue(BaseDB):
    """Bytes to bytes in one file, written only inside `transaction()`, and then all at once or not at all.

    It belongs to the thread that made it: `sqlite3` itself refuses any other.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._cache: dict[bytes, bytes] = {}
        self._unwritten: dict[bytes, bytes | None] = {}
        self._depth = 0
        self._connection = _open(path)

    def __getitem__(self, key: bytes) -> bytes:
        if key in self._unwritten:
            found = self._unwritten[key]
            if found is None:
                raise KeyError(key)
            return found
        cached = self._cache.get(key)
        if cached is not None:
            return cached
        row = self._connection.execute("SELECT value FROM entry WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise KeyError(key)
        value = bytes(row[0])
        self._remember(key, value)
        return value

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._require_transaction()
        self._unwritten[key] = value

    def __delitem__(self, key: bytes) -> None:
        self._require_transaction()
        self._unwritten[key] = None

    def _exists(self, key: bytes) -> bool:
        try:
            self[key]
        except KeyError:
            return False
        return True

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write everything set inside, or nothing if the block raises. Inner transactions join the outer one."""
        self._depth += 1
        try:
            yield
            if self._depth == 1:
                self._write()
        finally:
            self._depth -= 1
            if self._depth == 0:
                self._unwritten.clear()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _require_transaction(self) -> None:
        if self._depth == 0:
            raise RuntimeError("the chain's database is written only inside a transaction")

    def _write(self) -> None:
        if not self._unwritten:
            return
        removed = [(key,) for key, value in self._unwritten.items() if value is None]
        written = [(key, value) for key, value in self._unwritten.items() if value is not None]
        try:
            with self._connection:
                self._connection.executemany("DELETE FROM entry WHERE key = ?", removed)
                self._connection.executemany("INSERT OR REPLACE INTO entry (key, value) VALUES (?, ?)", written)
        except sqlite3.Error as error:
            raise ChainFileUnusable(self._path or Path(":memory:"), str(error)) from error
        for (key,) in removed:
            self._cache.pop(key, None)
        self._remember_all(written)

    def _remember(self, key: bytes, value: bytes) -> None:
        if len(self._cache) >= _CACHE_ENTRIES:
            self._cache.clear()
        self._cache[key] = value

    def _remember_all(self, entries: Iterable[tuple[bytes, bytes]]) -> None:
        for key, value in entries:
            self._remember(key, value)


def _open(path: Path | None) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(path or ":memory:")
        _prepare(connection, path)
    except sqlite3.Error as error:
        raise ChainFileUnusable(path or Path(":memory:"), str(error)) from error
    return connection


def _prepare(connection: sqlite3.Connection, path: Path | None) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    has_tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] > 0
    if has_tables and application != APPLICATION_ID:
        raise ChainFileUnusable(path or Path(":memory:"), "it is another program's database")
    if has_tables and version != SCHEMA_VERSION:
        raise ChainFileUnusable(
            path or Path(":memory:"),
            f"it is of version {version}, this program knows version {SCHEMA_VERSION}; delete it to begin a new chain",
        )
    # A write-ahead log survives the death of the process without a sync for each block; only a power cut could
    # take the last blocks, and never tear one.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    if not has_tables:
        with connection:
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            connection.execute("CREATE TABLE entry (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID")
