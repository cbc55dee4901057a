"""Statements past SQLAlchemy, for what every block asks: its text is fixed, values and rows are the driver's own.

Measured on SQLite: 5 us a question, where a statement that SQLAlchemy builds takes 200 and one that it built before 70.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec
from sqlalchemy import ClauseElement, Column, ColumnElement, Connection, Text, any_, bindparam, func, select
from sqlalchemy.dialects import postgresql

from earnest.store.driver_errors import DRIVER_ERRORS
from earnest.store.pipeline import Row, Sent, pipeline_of, pipelined, text_of

T = TypeVar("T")
Later = Callable[[], T]
"""What was asked for: it is called for the answer, once whoever asked several things together has asked all of them."""
_Text = tuple[str, tuple[str, ...] | None, Mapping[str, Any]]
"""A statement's text, the order of its values where they go by place, and those values that it has itself."""


class Fixed:
    """A statement whose text is made once for each database, out of one of SQLAlchemy's with `bindparam`s.

    What a driver takes and gives for a column is the caller's affair: see `bulk.amount_writer` and `many`.

    Args:
        statement: returns it for a database.
    """

    def __init__(self, statement: Callable[[str], ClauseElement]) -> None:
        self._statement = statement
        self._texts: dict[str, _Text] = {}

    def ask(self, connection: Connection, values: Mapping[str, Any]) -> list[Row]:
        """Return all rows."""
        sent = self._send(connection, values)
        rows: list[Row] = self._execute(connection, values).fetchall() if sent is None else sent.rows()
        return rows

    def ask_later(self, connection: Connection, values: Mapping[str, Any]) -> Later[list[Row]]:
        """Ask, and return the way to all rows: within `sent_together`, to be called after that."""
        sent = self._send(connection, values)
        if sent is not None:
            return sent.rows
        rows = self.ask(connection, values)
        return lambda: rows

    def tell(self, connection: Connection, values: Mapping[str, Any]) -> None:
        """Execute a statement that returns nothing."""
        if self._send(connection, values) is None:
            self._execute(connection, values)

    def tell_each(self, connection: Connection, each: Sequence[Mapping[str, Any]]) -> None:
        """Execute it once for each of these, if there are any."""
        for values in each:
            self.tell(connection, values)

    def _send(self, connection: Connection, values: Mapping[str, Any]) -> Sent | None:
        """Send it where `sent_together` sends, and None where nobody does."""
        pipeline = pipeline_of(connection) if connection.dialect.name == "postgresql" else None
        if pipeline is None:
            return None
        words, _, constants = self._texts.get("postgresql") or self._text(connection)
        text = text_of(words)
        given = {**constants, **values} if constants else values
        return pipeline.send(text, [given[name] for name in text.values])

    def _execute(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        text, names, constants = self._texts.get(connection.dialect.name) or self._text(connection)
        given = {**constants, **values} if constants else values
        with_names = given if names is None else [given[name] for name in names]
        driver: Any = connection.connection
        try:
            return driver.cursor().execute(text, with_names)
        except DRIVER_ERRORS as error:
            give_up_if_lost(connection, error)
            raise

    def _text(self, connection: Connection) -> _Text:
        dialect = connection.dialect
        compiled: Any = self._statement(dialect.name).compile(dialect=dialect)
        # SQLite's driver takes values by place, PostgreSQL's by name.
        names = tuple(compiled.positiontup) if compiled.positional else None
        constants = {name: value for name, value in compiled.params.items() if value is not None}
        self._texts[dialect.name] = made = (str(compiled), names, constants)
        return made


@contextmanager
def sent_together(connection: Connection, *, commits: bool = False) -> Iterator[None]:
    """Send what is asked later and told in here without waiting for each answer: one round trip, and not one for each.

    On PostgreSQL, that is (its pipeline mode); SQLite has nobody to wait for. What fails is raised at the end at the
    latest. Nothing may go by way of SQLAlchemy in here; how many rows were changed is not known in here.

    With `commits` it is the last of a unit of work, which is committed along with it: no round trip of its own.
    """
    if connection.dialect.name != "postgresql":
        yield
        return
    try:
        with pipelined(connection, commits=commits):
            yield
    except DRIVER_ERRORS as error:
        give_up_if_lost(connection, error)
        raise


def give_up_if_lost(connection: Connection, error: Exception) -> None:
    """Give a connection up if that is what a driver's error means, as SQLAlchemy does with what goes through it.

    Otherwise the roll-back would fail as well, and its error hide the one that says why.
    """
    if connection.invalidated:
        return
    if connection.dialect.is_disconnect(error, connection.connection.dbapi_connection, None):  # type: ignore[arg-type]
        connection.invalidate(error)


def is_one_of(column: Column[str], parameter: str, dialect: str) -> ColumnElement[bool]:
    """Return the condition that a column is one of those that a parameter gives, as `many` writes them."""
    if dialect == "postgresql":
        return column == any_(bindparam(parameter, type_=postgresql.ARRAY(Text)))
    listed = func.json_each(bindparam(parameter, type_=Text)).table_valued("value")
    return column.in_(select(listed.c.value))


def many(values: Collection[str], dialect: str) -> str:
    """Return values as the one parameter that `is_one_of` takes, however many they are.

    For PostgreSQL an array as it writes them itself: the driver takes 3 us for each value of a list, this 0.2.
    """
    if dialect != "postgresql":
        return msgspec.json.encode(list(values)).decode()
    quoted = (each.replace("\\", "\\\\").replace('"', '\\"') for each in values)
    return "{" + ",".join([f'"{each}"' for each in quoted]) + "}"
