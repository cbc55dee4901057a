"""The lock of whoever leads: one `serve` per SQLite file, one follower per chain on PostgreSQL."""

from __future__ import annotations

import fcntl
import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, text

from earnest.store.driver_errors import DRIVER_ERRORS, translate
from earnest.store.errors import DatabaseMissing, LockTaken, StoreInUse

Held = Callable[[], bool]
"""Tells whether a lock that was taken is still ours."""


def _always() -> bool:
    return True


@contextmanager
def file_lock(database: Path, name: str) -> Iterator[Held]:
    """Hold a lock file beside an SQLite database; the system releases it when the process ends, however it does."""
    path = database.with_name(f"{database.name}.{name}.lock")
    try:
        file = path.open("a")
    except OSError as error:
        raise DatabaseMissing(f"the lock file {path} cannot be written: {error.strerror}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreInUse(
                f"another process already works on {database} (it holds {path.name}): stop that one, or use "
                "PostgreSQL, where any number can work together"
            ) from error
        # The file stays: to delete it would let two processes lock two files of one name.
        yield _always


@contextmanager
def advisory_lock(engine: Engine, name: str, database: str) -> Iterator[Held]:
    """Hold a PostgreSQL advisory lock on a connection of its own; the server releases it when that ends.

    The connection can end long before the block does (a restart of the server, a cut line), so ask what is yielded.
    """
    key = int.from_bytes(hashlib.sha256(f"earnest:{name}".encode()).digest()[:8], signed=True)
    try:
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        taken = connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}).scalar_one()
    except DRIVER_ERRORS as error:
        raise translate(error, database) from error
    if not taken:
        connection.close()
        raise LockTaken(f"another process holds the lock {name!r} in the database {database}")
    lost = False

    def held() -> bool:
        nonlocal lost
        try:
            # Once lost it stays lost: a connection that comes back is another one, without the lock.
            lost = lost or connection.execute(text("SELECT 1")).scalar_one() != 1
        except DRIVER_ERRORS:
            lost = True
        return not lost

    try:
        yield held
    finally:
        # Closed for good rather than given back to the pool: that releases the lock even if the server was restarted.
        connection.invalidate()
        connection.close()


class ProcessLocks:
    """Locks of a database in memory, which no other process can see."""

    def __init__(self) -> None:
        self._guard, self._taken = threading.Lock(), set[str]()

    @contextmanager
    def hold(self, name: str) -> Iterator[Held]:
        """Hold the lock `name`; raises `StoreInUse`."""
        with self._guard:
            if name in self._taken:
                raise StoreInUse(f"this process already holds the lock {name!r}")
            self._taken.add(name)
        try:
            yield _always
        finally:
            with self._guard:
                self._taken.discard(name)


class WriterQueue:
    """Lets one thread at a time write to an SQLite file, in turn: its own waiting is a poll, and can starve one."""

    def __init__(self) -> None:
        self._lock, self._writer = threading.Lock(), 0

    def __enter__(self) -> None:
        """Wait for the turn and keep it."""
        if self._writer == threading.get_ident():
            raise RuntimeError("a transaction inside a transaction would wait for itself for ever")
        self._lock.acquire()
        self._writer = threading.get_ident()

    def __exit__(self, *_: object) -> None:
        self._writer = 0
        self._lock.release()
