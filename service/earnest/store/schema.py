"""The words that all tables share: the metadata, column types, and small helpers for statements."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields
from decimal import Decimal
from typing import Any, Final, TypeVar

from sqlalchemy import (
    BigInteger,
    Connection,
    Dialect,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeDecorator, TypeEngine

T = TypeVar("T")

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Every table of ours. Constraints are named by rule, so that a migration can find them on both databases."""

LONGEST_IN_LIST: Final = 10_000
"""Parameters in one `IN (…)`: SQLite takes 32,766 in a statement, PostgreSQL 65,535."""

Position: Final = BigInteger().with_variant(Integer(), "sqlite")
"""A number that counts rows up by itself; SQLite does that for its plain integer keys only."""


class Amount(TypeDecorator[int]):
    """Base units up to 2^256, exactly: NUMERIC on PostgreSQL, digits on SQLite, whose integers have 64 bits."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column's type."""
        return dialect.type_descriptor(Numeric(78, 0) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Any:
        """Write base units."""
        if value is None or dialect.name != "postgresql":
            return None if value is None else str(value)
        return Decimal(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Read base units."""
        return None if value is None else int(value)


class Words(TypeDecorator[frozenset[str]]):
    """A set of words without spaces, as one text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: frozenset[str] | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Write the words in order."""
        return None if value is None else " ".join(sorted(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> frozenset[str] | None:  # noqa: ARG002
        """Read the words."""
        return None if value is None else frozenset(value.split())


def insert(dialect: str, table: Table) -> postgresql.Insert | sqlite.Insert:
    """Return an insert that knows `ON CONFLICT` as this database spells it."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def columns_of(record: Any) -> dict[str, Any]:
    """Return a record's fields as columns; unlike `dataclasses.asdict` it copies nothing of what they hold."""
    return {field.name: getattr(record, field.name) for field in fields(record)}


def execute_many(connection: Connection, statement: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    """Execute a statement once for each row, if there are any."""
    if rows:
        connection.execute(statement, rows)


def rows_written(connection: Connection, statement: Any, row: Mapping[str, Any]) -> int:
    """Execute an insert with `ON CONFLICT` for one row and return how many rows it added or changed."""
    return connection.execute(statement, row, execution_options={"preserve_rowcount": True}).rowcount


def in_lists(values: Collection[T]) -> Iterator[list[T]]:
    """Cut values into lists that fit into one statement; none for none."""
    every = list(values)
    for start in range(0, len(every), LONGEST_IN_LIST):
        yield every[start : start + LONGEST_IN_LIST]
