"""Turns what database drivers say into errors of ours, so that no other room has to know a driver."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from sqlalchemy import exc

from earnest.payment.errors import EarnestError
from earnest.store.errors import (
    AlreadyThere,
    BadDatabaseUrl,
    DatabaseBusy,
    DatabaseFull,
    DatabaseMissing,
    DatabaseReadOnly,
    DatabaseUnavailable,
    NotADatabase,
    SchemaNotThere,
    StoreFailure,
)

DRIVER_ERRORS: Final = (exc.SQLAlchemyError, sqlite3.Error, psycopg.Error)

_SQLITE: Final[dict[int, tuple[type[EarnestError], str]]] = {
    sqlite3.SQLITE_READONLY: (DatabaseReadOnly, "can be read and not written: check the file's permissions"),
    sqlite3.SQLITE_FULL: (DatabaseFull, "has no room left: free some space on its disk"),
    sqlite3.SQLITE_BUSY: (DatabaseBusy, "is held by another process for too long"),
    sqlite3.SQLITE_LOCKED: (DatabaseBusy, "is held by another connection for too long"),
    sqlite3.SQLITE_CANTOPEN: (DatabaseMissing, "cannot be opened: its folder must exist and be writable"),
    sqlite3.SQLITE_PERM: (DatabaseMissing, "cannot be opened: we are not permitted to"),
    sqlite3.SQLITE_AUTH: (DatabaseMissing, "cannot be opened: we are not permitted to"),
    sqlite3.SQLITE_NOTADB: (NotADatabase, "is not a database: name another file, or restore a backup"),
    sqlite3.SQLITE_CORRUPT: (NotADatabase, "is damaged: restore a backup"),
    sqlite3.SQLITE_IOERR: (DatabaseUnavailable, "could not be read or written: the disk reports an error"),
    sqlite3.SQLITE_PROTOCOL: (DatabaseBusy, "is held by another process for too long"),
    sqlite3.SQLITE_NOMEM: (DatabaseUnavailable, "got no memory"),
}
"""By SQLite's primary result code. Source: https://www.sqlite.org/rescode.html"""

_POSTGRESQL: Final[dict[str, tuple[type[EarnestError], str]]] = {
    "25006": (DatabaseReadOnly, "can be read and not written: it is a standby, or set to read only"),
    "53100": (DatabaseFull, "has no room left: free some space on its disk"),
    "53": (DatabaseBusy, "has no resources left"),
    "08": (DatabaseUnavailable, "does not answer"),
    "57": (DatabaseUnavailable, "is shutting down or ended our connection"),
    "58": (DatabaseUnavailable, "reports a fault of its system"),
    "40": (DatabaseBusy, "rolled our transaction back in favour of another"),
    "55P03": (DatabaseBusy, "is held by another connection for too long"),
    "28": (DatabaseMissing, "refuses our login: check user and password"),
    "3D": (DatabaseMissing, "does not exist: create it, or check its name"),
    "42501": (DatabaseMissing, "does not permit what we need: grant it to our user"),
    "42P01": (SchemaNotThere, "lacks a table: run `earnest db upgrade`"),
    "42703": (SchemaNotThere, "lacks a column: run `earnest db upgrade`"),
    "23505": (AlreadyThere, "already has a row of that name"),
}
"""By SQLSTATE or its class. Source: PostgreSQL's manual, appendix A."""


@contextmanager
def driver_errors_mapped(database: str) -> Iterator[None]:
    """Raise our errors for what drivers raise inside; `database` is how to call it, without a password."""
    try:
        yield
    except DRIVER_ERRORS as error:
        raise translate(error, database) from error


def translate(error: Exception, database: str) -> EarnestError:
    """Return our error for a driver's."""
    if isinstance(error, exc.ArgumentError | exc.NoSuchModuleError):
        return BadDatabaseUrl(f"{database} is no database URL that we know: {error}")
    if isinstance(error, exc.TimeoutError):
        return DatabaseBusy(f"the database {database} is used by more threads of ours than it has connections")
    cause = getattr(error, "orig", None) or error
    kind: type[EarnestError] = StoreFailure
    words = "refused a statement of ours"
    if isinstance(cause, sqlite3.Error):
        kind, words = _of_sqlite(cause)
    elif isinstance(cause, psycopg.Error):
        kind, words = _of_postgresql(cause)
    return kind(f"the database {database} {words} ({' '.join(str(cause).split())})")


def _of_sqlite(error: sqlite3.Error) -> tuple[type[EarnestError], str]:
    code = getattr(error, "sqlite_errorcode", None)
    if code in (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY):
        return AlreadyThere, "already has a row of that name"
    if code == sqlite3.SQLITE_ERROR and "no such" in str(error):
        return SchemaNotThere, "lacks a table or column: run `earnest db upgrade`"
    # The low byte is the primary code; the rest says more than we need.
    return _SQLITE.get(code & 0xFF if code is not None else -1, (StoreFailure, "refused a statement of ours"))


def _of_postgresql(error: psycopg.Error) -> tuple[type[EarnestError], str]:
    state = error.sqlstate
    if state is None:
        return _without_state(error)
    for code in (state, state[:2]):
        if code in _POSTGRESQL:
            return _POSTGRESQL[code]
    return StoreFailure, "refused a statement of ours"


def _without_state(error: psycopg.Error) -> tuple[type[EarnestError], str]:
    """Before there is a session the driver gives the server's words only, in the server's English."""
    said = str(error)
    if "does not exist" in said and "database" in said:
        return _POSTGRESQL["3D"]
    if "authentication failed" in said or "no pg_hba.conf entry" in said or 'role "' in said:
        return _POSTGRESQL["28"]
    if isinstance(error, psycopg.OperationalError):
        return DatabaseUnavailable, "does not answer"
    return StoreFailure, "refused a statement of ours"
