"""Operators whom merchants have dismissed, once and for all."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Connection, Index, Select, Table, Text, bindparam, exists, select
from sqlalchemy.sql.elements import ColumnElement

from earnest.payment.primitives import Address, Hash32
from earnest.payment.record import BlockRef
from earnest.store.log_tables import add_logs, orphan_logs, orphaned_column, place_columns, place_of
from earnest.store.raw import Fixed, Later, is_one_of, many
from earnest.store.records import StoredDismissal
from earnest.store.schema import metadata

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
        return self.of_later(chain_id, merchants)()

    def of_later(self, chain_id: int, merchants: Collection[Address]) -> Later[Sequence[StoredDismissal]]:
        """Ask as `of` does."""
        if not merchants:
            return list
        asked = {"chain_id": chain_id, "merchants": many(sorted(merchants), self._connection.dialect.name)}
        rows = _OF.ask_later(self._connection, asked)
        return lambda: [_dismissal(*row) for row in rows()]

    def is_dismissed(self, chain_id: int, merchant: Address, operator: Address) -> bool:
        """Return whether the merchant has dismissed this operator, as far as the chain was followed."""
        return any(each.operator == operator for each in self.of(chain_id, [merchant]))


def is_dismissed_in(table: Table) -> ColumnElement[bool]:
    """Return the condition that the `operator` in a row was dismissed by the `merchant` in it."""
    c = dismissals.c
    same = (c.chain_id == table.c.chain_id) & (c.merchant == table.c.merchant) & (c.operator == table.c.operator)
    return exists().where(same, ~c.orphaned)


def _dismissal(
    id_: int, hash_: str, log_index: int, number: int, timestamp: int, tx_hash: str, merchant: str, operator: str
) -> StoredDismissal:
    block = BlockRef(number, Hash32(hash_), timestamp)
    return StoredDismissal(id_, block, Hash32(tx_hash), log_index, Address(merchant), Address(operator))


def _of(dialect: str) -> Select[Any]:
    c = dismissals.c
    place = (c.chain_id, c.block_hash, c.log_index, c.block_number, c.block_timestamp, c.tx_hash)
    theirs = is_one_of(c.merchant, "merchants", dialect)
    wanted = select(*place, c.merchant, c.operator)
    return wanted.where(c.chain_id == bindparam("chain_id", type_=BigInteger), theirs, ~c.orphaned)


_OF: Final = Fixed(_of)
