"""Rows by the thousand, past SQLAlchemy's compiler and its types: one statement, plain tuples, COPY on PostgreSQL.

What an SQLite column takes is given as `int` or `str` wherever it can be: Python's driver looks for an adapter for
every None, bool and bytes, which takes a microsecond, five times what any other value takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from itertools import chain
from typing import Any, Final

from sqlalchemy import Connection, Table

from earnest.store.copy_lines import lines_of
from earnest.store.driver_errors import DRIVER_ERRORS
from earnest.store.engine import checks_foreign_keys
from earnest.store.pipeline import pipeline_of, text_of
from earnest.store.raw import give_up_if_lost

COPY_FROM_ROWS: Final = 100
"""COPY pays from so many rows on."""

COPIED_AT_ONCE: Final = 500
"""Rows that are written as one text, of a third of a megabyte: while the server reads one, the next is written."""

TOGETHER: Final = 128
"""Rows of one statement where SQLite takes many at once. Python runs other threads only while a statement is executed:
row by row the writer would wait after each for whoever decodes the next page, and neither would use a second core.
Where foreign keys are checked, or a conflict is provided for, SQLite first copies each page that such a statement
changes, which takes more than it spares."""

_BY_KEY: Final = "SELECT " + ", ".join(
    f"set_config('{way}', 'off', true)" for way in ("enable_seqscan", "enable_hashjoin", "enable_mergejoin")
)
"""Has PostgreSQL find rows by their keys for the rest of the transaction. While a table grows by the thousand its
statistics lag behind, and each of 25 changes of 1,700 payments read all payments: half of the time, and ever more."""

Rows = Sequence[tuple[Any, ...]]


class Upsert:
    """An insert of many rows that changes some columns where a row is there already.

    Args:
        table: where the rows go.
        columns: what each row gives, in its order.
        key: the columns by which a row is recognised.
        changed: the columns that a row that is there takes from the new one; none: it stays as it is; None: that
            would be an error.
    """

    def __init__(
        self, table: Table, columns: Sequence[str], key: Sequence[str], changed: Sequence[str] | None = None
    ) -> None:
        self._name, self._columns = table.name, tuple(columns)
        self._key, self._changed = tuple(key), changed

    def write(self, connection: Connection, rows: Rows) -> int:
        """Write the rows, of which no two have the same key; what a column takes is what its driver takes.

        Returns how many were added or changed, which within `sent_together` nobody knows.
        """
        if not rows:
            return 0
        if connection.dialect.name != "postgresql":
            many = len(rows) >= TOGETHER and not checks_foreign_keys(connection)
            if many and self._are_new_here(connection, rows):
                return len(rows)
            return _each(connection, f"{self._into} VALUES ({_marks('?', rows)}) {self._conflict}", rows)
        if len(rows) < COPY_FROM_ROWS or pipeline_of(connection) is not None:
            return _each(connection, f"{self._into} VALUES ({_marks('%s', rows)}) {self._conflict}", rows)
        if self._are_new(connection, rows):
            return len(rows)
        with _incoming(connection, f"incoming_{self._name}", self._name, self._names, rows) as incoming:
            adding = f"{self._into} SELECT {self._names} FROM {incoming} {self._conflict}"  # noqa: S608
            return connection.exec_driver_sql(adding).rowcount

    def _are_new_here(self, connection: Connection, rows: Rows) -> bool:
        """Write the rows to SQLite, many in one statement, up to the first that is there."""
        one = f"({_marks('?', rows)})"
        at_once = len(rows) - len(rows) % TOGETHER
        statement = f"INSERT OR FAIL INTO {self._name} ({self._names}) VALUES "  # noqa: S608
        with suppress(connection.dialect.loaded_dbapi.IntegrityError):
            _together(connection, statement + ", ".join([one] * TOGETHER), rows[:at_once])
            _each(connection, statement + one, rows[at_once:])
            return True
        return False

    def _are_new(self, connection: Connection, rows: Rows) -> bool:
        """Write the rows unless one of them is there: right into the table takes half of what the way around it does.

        Only after a reorg is one there, or when a merchant creates a payment in the very moment of its funding.
        """
        with suppress(connection.dialect.loaded_dbapi.IntegrityError), connection.begin_nested():
            _copy(connection, f"{self._name} ({self._names})", rows)
            return True
        return False

    @cached_property
    def _names(self) -> str:
        return _listed(self._columns)

    @cached_property
    def _into(self) -> str:
        return f"INSERT INTO {self._name} ({self._names})"

    @cached_property
    def _conflict(self) -> str:
        if self._changed is None:
            return ""
        taken = ", ".join(f'"{name}" = excluded."{name}"' for name in self._changed)
        return f"ON CONFLICT ({_listed(self._key)}) DO {f'UPDATE SET {taken}' if taken else 'NOTHING'}"


class Update:
    """A change of many rows that are there.

    Args:
        table: where the rows are.
        changed: the columns that change; each row gives them first, in this order.
        key: the columns by which a row is found, which each row gives after those.
        empty: a column that must be empty in a row that is changed.
    """

    def __init__(self, table: Table, changed: Sequence[str], key: Sequence[str], empty: str | None = None) -> None:
        self._name, self._changed, self._key = table.name, tuple(changed), tuple(key)
        self._also = "" if empty is None else f' AND {table.name}."{empty}" IS NULL'

    def write(self, connection: Connection, rows: Rows) -> int:
        """Change the rows and return how many there were; one that is not there is passed over."""
        if not rows:
            return 0
        width = len(rows[0])
        if connection.dialect.name != "postgresql":
            together = 0 if checks_foreign_keys(connection) else len(rows) - len(rows) % TOGETHER
            changed = self._change_together(connection, rows[:together])
            return changed + _each(connection, self._statement(["?"] * width), rows[together:])
        if len(rows) < COPY_FROM_ROWS:
            return _each(connection, self._statement(["%s"] * width), rows)
        names = (*self._changed, *self._key)
        connection.exec_driver_sql(_BY_KEY)
        with _incoming(connection, f"changed_{self._name}", self._name, _listed(names), rows) as changed_rows:
            told = [f'{changed_rows}."{name}"' for name in names]
            return connection.exec_driver_sql(self._statement(told, changed_rows)).rowcount

    def _change_together(self, connection: Connection, rows: Rows) -> int:
        """Change rows of SQLite, many in one statement: see `TOGETHER`."""
        if not rows:
            return 0
        width = len(rows[0])
        values = ", ".join([f"({_marks('?', rows)})"] * TOGETHER)
        # `OR FAIL`: without it SQLite copies each page first, so as to take back what one statement did.
        statement = self._statement([f"told.column{at}" for at in range(1, width + 1)], f"(VALUES {values}) AS told")
        return _together(connection, statement.replace("UPDATE", "UPDATE OR FAIL", 1), rows)

    def _statement(self, values: Sequence[str], source: str | None = None) -> str:
        """Return the change of a row to values, in the order in which a row gives them, from where they stand."""
        taken = ", ".join(f'"{name}" = {value}' for name, value in zip(self._changed, values, strict=False))
        key = zip(self._key, values[len(self._changed) :], strict=True)
        same = " AND ".join(f'{self._name}."{name}" = {value}' for name, value in key)
        where = f"{'' if source is None else f'FROM {source} '}WHERE {same}{self._also}"
        return f"UPDATE {self._name} SET {taken} {where}"  # noqa: S608


@contextmanager
def _incoming(connection: Connection, name: str, table: str, columns: str, rows: Rows) -> Iterator[str]:
    """Give the name of a temporary table that holds nothing but these rows of a table."""
    # Every name in here is one of our own tables' and columns'.
    empty = f"SELECT {columns} FROM {table} WITH NO DATA"  # noqa: S608
    connection.exec_driver_sql(f"CREATE TEMPORARY TABLE IF NOT EXISTS {name} AS {empty}")
    _copy(connection, f"{name} ({columns})", rows)
    yield name
    connection.exec_driver_sql(f"TRUNCATE {name}")


def _copy(connection: Connection, into: str, rows: Rows) -> None:
    driver: Any = connection.connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {into} FROM STDIN") as copy:
        for start in range(0, len(rows), COPIED_AT_ONCE):
            some = rows[start : start + COPIED_AT_ONCE]
            lines = lines_of(some)
            if lines is not None:
                copy.write(lines)
                continue
            for row in some:
                copy.write_row(row)


def _each(connection: Connection, statement: str, rows: Rows) -> int:
    """Execute a statement for each row, and return how many rows of its table that added or changed.

    Where it is sent along with others, 0: see `raw.sent_together`.
    """
    pipeline = pipeline_of(connection) if connection.dialect.name == "postgresql" else None
    if pipeline is not None:
        text = text_of(statement)
        for row in rows:
            pipeline.send(text, row)
        return 0
    driver: Any = connection.connection
    try:
        cursor = driver.cursor()
        cursor.executemany(statement, rows)
    except DRIVER_ERRORS as error:
        give_up_if_lost(connection, error)
        raise
    changed: int = cursor.rowcount
    return changed


def _together(connection: Connection, statement: str, rows: Rows) -> int:
    """Execute a statement of `TOGETHER` rows for all of these, and return how many rows that added or changed."""
    driver: Any = connection.connection
    changed = 0
    for start in range(0, len(rows), TOGETHER):
        cursor = driver.cursor()
        cursor.execute(statement, list(chain.from_iterable(rows[start : start + TOGETHER])))
        changed += cursor.rowcount
    return changed


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _marks(mark: str, rows: Rows) -> str:
    return ", ".join([mark] * len(rows[0]))


def amount_writer(connection: Connection) -> Callable[[int], Any]:
    """Return how base units are given to this database's driver; see `schema.Amount`."""
    return int if connection.dialect.name == "postgresql" else str


def flag_writer(connection: Connection) -> Callable[[bool], Any]:
    """Return how yes and no are given to this database's driver."""
    return bool if connection.dialect.name == "postgresql" else int
