"""Operators whom merchants have dismissed, once and for all."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Connection, Index, Select, Table, Text, bindparam, exists, select
from sqlalchemy.sql.elements import ColumnElement

from earnest.payment.primitives import Address, Hash32
from earnest.payment.record import BlockRef
from earnest.store.log_tables import add_logs, orphan_logs, orphaned_column, place_columns, place_of
from earnest.store.payment_table import own_payments, payments
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
        return self._found(_OF, asked)

    def of_payments_later(self, chain_id: int, payment_ids: Collection[Hash32]) -> Later[Sequence[StoredDismissal]]:
        """Ask as `of` does, for the merchants of those of these payments that somebody here created."""
        if not payment_ids:
            return list
        ids = many(payment_ids, self._connection.dialect.name)
        return self._found(_OF_PAYMENTS, {"chain_id": chain_id, "payments": ids})

    def _found(self, question: Fixed, asked: Mapping[str, Any]) -> Later[Sequence[StoredDismissal]]:
        rows = question.ask_later(self._connection, asked)
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


def _by(merchants: ColumnElement[bool]) -> Select[Any]:
    c = dismissals.c
    place = (c.chain_id, c.block_hash, c.log_index, c.block_number, c.block_timestamp, c.tx_hash)
    wanted = select(*place, c.merchant, c.operator)
    return wanted.where(c.chain_id == bindparam("chain_id", type_=BigInteger), merchants, ~c.orphaned)


_OF: Final = Fixed(lambda dialect: _by(is_one_of(dismissals.c.merchant, "merchants", dialect)))
_OF_PAYMENTS: Final = Fixed(
    lambda dialect: _by(dismissals.c.merchant.in_(own_payments(payments.c.merchant, "payments", dialect)))
)
