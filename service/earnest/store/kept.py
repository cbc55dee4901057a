"""Connections that stay open from one unit of work to the next.

What a pool does when it lends a connection, and once more when it gets it back, takes as long as a small unit of work
itself; and on PostgreSQL it asks the server each time whether it is still there. Here the system is asked whether the
line still stands, which takes no round trip.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Connection, Engine

from earnest.store.driver_errors import DRIVER_ERRORS

TRUSTED_SECONDS: Final = 1.0
"""For so long a connection is taken to be there, unless the server has hung up or said something that nobody asked for;
after that the server is asked first, as its pool would ask."""


class Kept:
    """Lends connections of one engine, the one that was used last before all others; safe to use from many threads.

    Args:
        engine: where connections come from; it has a pool, which lends what is wanted beyond those kept here.
        most: how many are kept.
        asks: whether one that was idle is asked whether it still works.
        clock: seconds of a clock that only goes forward.
    """

    def __init__(self, engine: Engine, *, most: int, asks: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._most, self._asks, self._clock = engine, most, asks, clock
        # Only ever appended to and popped from, each of which no other thread can see half done.
        self._idle: list[tuple[Connection, float]] = []

    def take(self) -> Connection:
        """Return a connection that works, as far as is known, and is in no transaction."""
        while True:
            try:
                connection, since = self._idle.pop()
            except IndexError:
                return self._engine.connect()
            is_new = self._clock() - since < TRUSTED_SECONDS
            if not self._asks or (is_new and _is_silent(connection)) or _works(connection):
                return connection
            connection.close()

    def give_back(self, connection: Connection, *, is_well: bool) -> None:
        """Take a connection back, with its transaction ended; one that is not well goes back to the pool."""
        if is_well and not connection.invalidated and len(self._idle) < self._most:
            self._idle.append((connection, self._clock()))
        else:
            connection.close()

    def close(self) -> None:
        """Give all of them back to the pool."""
        while self._idle:
            connection, _ = self._idle.pop()
            connection.close()


def _works(connection: Connection) -> bool:
    """Return whether the server answers; a connection that is lost is given up."""
    driver: Any = connection.connection
    try:
        return bool(connection.dialect.do_ping(driver))
    except DRIVER_ERRORS as error:
        connection.invalidate(error)
        return False


def _is_silent(connection: Connection) -> bool:
    """Return whether nothing waits on the line to the server; a server that shuts down says so, and hangs up."""
    driver: Any = connection.connection.dbapi_connection
    asking = select.poll()
    try:
        asking.register(driver.fileno(), select.POLLIN)
    except DRIVER_ERRORS:  # it is closed, and has no line any more
        return False
    return not asking.poll(0)
