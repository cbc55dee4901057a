"""Rows by the thousand, past SQLAlchemy's compiler and its types: one statement, plain tuples, COPY on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Final

from sqlalchemy import Connection, Table

COPY_FROM_ROWS: Final = 100
"""COPY takes a table in between, which pays from so many rows on."""


class Upsert:
    """An insert of many rows that changes some columns where a row is there already.

    Args:
        table: where the rows go.
        columns: what each row gives, in its order.
        key: the columns by which a row is recognised.
        changed: the columns that a row that is there takes from the new one.
    """

    def __init__(self, table: Table, columns: Sequence[str], key: Sequence[str], changed: Sequence[str]) -> None:
        self._name, self._columns = table.name, tuple(columns)
        self._key, self._changed = tuple(key), tuple(changed)

    def write(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Write the rows, of which no two have the same key; what a column takes is what its driver takes."""
        if not rows:
            return
        if connection.dialect.name != "postgresql":
            connection.exec_driver_sql(f"{self._into} VALUES ({self._marks('?')}) {self._conflict}", list(rows))
        elif len(rows) < COPY_FROM_ROWS:
            connection.exec_driver_sql(f"{self._into} VALUES ({self._marks('%s')}) {self._conflict}", list(rows))
        else:
            self._copy(connection, rows)

    def _copy(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        incoming = f"incoming_{self._name}"
        # Every name in here is one of our own tables' and columns'.
        empty = f"SELECT {self._names} FROM {self._name} WITH NO DATA"  # noqa: S608
        connection.exec_driver_sql(f"CREATE TEMPORARY TABLE IF NOT EXISTS {incoming} AS {empty}")
        driver: Any = connection.connection
        with driver.cursor() as cursor, cursor.copy(f"COPY {incoming} ({self._names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        connection.exec_driver_sql(f"{self._into} SELECT {self._names} FROM {incoming} {self._conflict}")  # noqa: S608
        connection.exec_driver_sql(f"TRUNCATE {incoming}")

    def _marks(self, mark: str) -> str:
        return ", ".join([mark] * len(self._columns))

    @cached_property
    def _names(self) -> str:
        return ", ".join(f'"{name}"' for name in self._columns)

    @cached_property
    def _into(self) -> str:
        return f"INSERT INTO {self._name} ({self._names})"

    @cached_property
    def _conflict(self) -> str:
        taken = ", ".join(f'"{name}" = excluded."{name}"' for name in self._changed)
        return f"ON CONFLICT ({', '.join(self._key)}) DO UPDATE SET {taken}"


def amount_writer(connection: Connection) -> Callable[[int], Any]:
    """Return how base units are given to this database's driver; see `schema.Amount`."""
    return int if connection.dialect.name == "postgresql" else str
