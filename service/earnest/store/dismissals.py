"""Operators whom merchants have dismissed, once and for all."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Column, Connection, Index, Row, Select, Table, Text, exists, select
from sqlalchemy.sql.elements import ColumnElement

from earnest.payment.primitives import Address, Hash32
from earnest.store.log_tables import add_logs, block_of, orphan_logs, orphaned_column, place_columns, place_of
from earnest.store.records import StoredDismissal
from earnest.store.schema import in_lists, metadata

dismissals = Table(
    "dismissals",
    metadata,
    *place_columns(),
    Column("merchant", Text, nullable=False),
    Column("operator", Text, nullable=False),
    orphaned_column(),
    Index(None, "chain_id", "merchant", "operator"),
)


class Dismissals:
    """Dismissals of operators."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, told: Iterable[StoredDismissal]) -> None:
        """Add dismissals; one that was orphaned becomes canonical again."""
        rows = [{**place_of(each), "merchant": each.merchant, "operator": each.operator} for each in told]
        add_logs(self._connection, dismissals, rows)

    def orphan(self, chain_id: int, block_hashes: Collection[Hash32]) -> None:
        """Flag the dismissals in these blocks as orphaned."""
        orphan_logs(self._connection, dismissals, chain_id, block_hashes)

    def of(self, chain_id: int, merchants: Collection[Address]) -> Sequence[StoredDismissal]:
        """Return the dismissals by these merchants that count."""
        found: list[StoredDismissal] = []
        for some in in_lists(sorted(merchants)):
            wanted = select(dismissals).where(dismissals.c.chain_id == chain_id, dismissals.c.merchant.in_(some))
            found += self._read(wanted.where(~dismissals.c.orphaned))
        return found

    def is_dismissed(self, chain_id: int, merchant: Address, operator: Address) -> bool:
        """Return whether the merchant has dismissed this operator, as far as the chain was followed."""
        return any(each.operator == operator for each in self.of(chain_id, [merchant]))

    def _read(self, wanted: Select[Any]) -> list[StoredDismissal]:
        return [_dismissal(row) for row in self._connection.execute(wanted)]


def is_dismissed_in(table: Table) -> ColumnElement[bool]:
    """Return the condition that the `operator` in a row was dismissed by the `merchant` in it."""
    c = dismissals.c
    same = (c.chain_id == table.c.chain_id) & (c.merchant == table.c.merchant) & (c.operator == table.c.operator)
    return exists().where(same, ~c.orphaned)


def _dismissal(row: Row[Any]) -> StoredDismissal:
    return StoredDismissal(row.chain_id, block_of(row), row.tx_hash, row.log_index, row.merchant, row.operator)
