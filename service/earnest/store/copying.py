"""Every row of the database out, and in again: what a backup holds, whichever of the two databases it is of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Column, Connection, Table, bindparam, func, insert, select, text, type_coerce
from sqlalchemy.types import TypeDecorator, TypeEngine

from earnest.store.blocks import chains
from earnest.store.leads import leads
from earnest.store.processes import processes
from earnest.store.schema import Amount, metadata
from earnest.store.sessions import asked_to_sign, sessions

Rows = list[tuple[Any, ...]]

AT_ONCE: Final = 1_000
"""Rows held in memory at a time."""
OF_THE_MOMENT: Final = frozenset({processes, leads, sessions, asked_to_sign})
"""What is true only while these processes run on this database: another one finds it out anew.

So is who is signed in: a session that was ended after the backup must not live again by it."""


class Copying:
    """All tables but those of the moment, each one's parents before it. Values are those that any format can carry.

    Amounts are digits (they have up to 78), everything else is as it lies in the database.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def tables(self) -> dict[str, int]:
        """Return the tables by name, with how many rows each has."""
        # SQLAlchemy's own names are a subclass of `str`, which not every format takes.
        return {
            str(table.name): self._connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in _tables()
        }

    def chain_ids(self) -> list[int]:
        """Return the chains that were ever followed."""
        return list(self._connection.execute(select(chains.c.chain_id).order_by(chains.c.chain_id)).scalars())

    def columns(self, name: str) -> tuple[str, ...]:
        """Return the columns of a table, in the order in which `rows` gives them."""
        return tuple(str(column.name) for column in metadata.tables[name].c)

    def rows(self, name: str) -> Iterator[Rows]:
        """Yield a table's rows in the order of its key, some at a time."""
        table = metadata.tables[name]
        amounts = [at for at, column in enumerate(table.c) if isinstance(column.type, Amount)]
        wanted = select(*(type_coerce(each, _plain(each)) for each in table.c)).order_by(*table.primary_key)
        for some in self._connection.execution_options(yield_per=AT_ONCE).execute(wanted).partitions():
            yield [_with(row, amounts, str) for row in some]

    def put(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Add rows to a table as `rows` gave them; a column that is not named gets what the schema gives it.

        Raises:
            KeyError: there is no such table or column.
        """
        table = metadata.tables[name]
        amounts = [at for at, column in enumerate(columns) if isinstance(table.c[column].type, Amount)]
        adding = insert(table).values({each: bindparam(each, type_=_plain(table.c[each])) for each in columns})
        if rows:
            given = [dict(zip(columns, _with(row, amounts, int), strict=True)) for row in rows]
            self._connection.execute(adding, given)

    def go_on_counting(self) -> None:
        """Let the columns that count rows by themselves go on after the highest one; SQLite does so by itself."""
        if self._connection.dialect.name != "postgresql":
            return
        for table in _tables():
            for column in table.primary_key:
                sequence = self._connection.execute(
                    text("SELECT pg_get_serial_sequence(:table, :column)"), {"table": table.name, "column": column.name}
                ).scalar_one()
                if sequence is not None:
                    highest = select(func.coalesce(func.max(column), 0) + 1).scalar_subquery()
                    self._connection.execute(select(func.setval(sequence, highest, False)))


def _tables() -> list[Table]:
    return [table for table in metadata.sorted_tables if table not in OF_THE_MOMENT]


def _plain(column: Column[Any]) -> TypeEngine[Any]:
    """Return the type under which a column's values are as they lie in the database."""
    kind = column.type
    return kind.impl_instance if isinstance(kind, TypeDecorator) and not isinstance(kind, Amount) else kind


def _with(row: Sequence[Any], places: Sequence[int], make: Callable[[Any], Any]) -> tuple[Any, ...]:
    changed = list(row)
    for at in places:
        if changed[at] is not None:
            changed[at] = make(changed[at])
    return tuple(changed)
