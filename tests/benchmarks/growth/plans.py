"""How a database goes about a question: what it reads from end to end, and what it sorts before it can answer."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, Final

import psycopg
from sqlalchemy import Connection, Engine, event, make_url

LARGE: Final = ("payments", "events", "notifications", "deliveries", "attempts")
"""The tables that grow with every payment."""
_HAVE_PLANS: Final = ("SELECT", "WITH", "UPDATE", "DELETE", "INSERT")
_INDEX: Final = re.compile(r"\bix_\w+")
_TOLD: Final = re.compile(r"(?:statement|execute [^:]+): (.*)", re.DOTALL)
_VALUE: Final = re.compile(r"\$\d+ = (NULL|'(?:[^']|'')*')")

Asked = tuple[str, tuple[str, ...]]
"""A statement as its database got it, and its values as literals of SQL; none where they stand in it."""


def plans_of(url: str, ask: Callable[[], object]) -> list[str]:
    """Ask, and return the lines of the plans of all that the database was asked, by whatever way.

    On PostgreSQL as if reading a table from end to end were dear: it rightly reads a small one so, which tells nothing
    of how it goes about a large one. SQLite's plans do not depend on how much there is.
    """
    with _heard() as heard:
        ask()
    statements = [each for each in dict.fromkeys(heard) if each[0].lstrip().startswith(_HAVE_PLANS)]
    if not statements:
        raise ValueError("nothing was asked of the database, or nothing of it was heard")
    return list((_postgresql if url.startswith("postgresql") else _sqlite)(url, statements))


def objections(lines: Sequence[str], *, names_few: bool = False, goes_by: Iterable[str] = ()) -> list[str]:
    """Return those lines of a plan that read a whole table, and what it goes past.

    Args:
        lines: as `plans_of` returns them.
        names_few: few are asked for by name, so that no line may read all of a merchant's either.
        goes_by: the indexes that were made for what is asked.
    """
    bad = [f"{how} {table} " for how in ("SCAN", "Seq Scan on") for table in LARGE]
    bad += ["(account=?)", "(merchant_id=?)"] if names_few else []
    found = [line for line in lines if any(each in f"{line} " for each in bad)]
    used = set(_INDEX.findall("\n".join(lines)))
    return found + [f"does not go by {index}" for index in sorted(set(goes_by) - used)]


@contextmanager
def _heard() -> Iterator[list[Asked]]:
    """Hear what SQLite's library and PostgreSQL's server say that they execute, in transactions that begin in here."""
    heard: list[Asked] = []
    undo: list[Callable[[], None]] = []

    def hear(told: psycopg.errors.Diagnostic) -> None:
        if statement := _TOLD.fullmatch(told.message_primary or ""):
            heard.append((statement[1], tuple(_VALUE.findall(told.message_detail or ""))))

    def listen(beginning: Connection) -> None:
        connection: Any = beginning.connection.dbapi_connection
        if isinstance(connection, sqlite3.Connection):
            connection.set_trace_callback(lambda statement: heard.append((statement, ())))
            undo.append(lambda: connection.set_trace_callback(None))
        else:
            connection.add_notice_handler(hear)
            undo.append(lambda: connection.remove_notice_handler(hear))
            for what in ("client_min_messages = log", "log_statement = 'all'"):
                connection.execute(f"SET LOCAL {what}")

    event.listen(Engine, "begin", listen)
    try:
        yield heard
    finally:
        event.remove(Engine, "begin", listen)
        for each in undo:
            each()


def _sqlite(url: str, statements: Iterable[Asked]) -> Iterator[str]:
    with closing(sqlite3.connect(make_url(url).database or "")) as connection:
        for statement, _ in statements:
            yield from (str(row[-1]).strip() for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}"))


def _postgresql(url: str, statements: Iterable[Asked]) -> Iterator[str]:
    conninfo = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("SET enable_seqscan = off")
        for statement, values in statements:
            connection.execute(f"PREPARE heard AS {statement}".encode())
            given = f"({', '.join(values)})" if values else ""
            for row in connection.execute(f"EXPLAIN EXECUTE heard{given}".encode()):
                yield str(row[0]).strip().removeprefix("->").strip()
            connection.execute("DEALLOCATE heard")
