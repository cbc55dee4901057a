"""The events that are held back: their merchants are told of them when the chain is as sure as they asked for.

Nothing here is a fact of the chain: an event that is not named in here was told, or has nobody to be told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import BigInteger, Column, Connection, ForeignKeyConstraint, Index, Table, Text, bindparam, or_, select

from earnest.payment.primitives import Hash32
from earnest.store.raw import Fixed, Later
from earnest.store.records import Untold
from earnest.store.schema import columns_of, execute_many, in_lists, metadata

untold = Table(
    "untold",
    metadata,
    Column("chain_id", BigInteger, primary_key=True, autoincrement=False),
    Column("payment_id", Text, primary_key=True),
    # Always the last ones of their payment.
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("block_number", BigInteger, nullable=False),
    # The head at which they are told, NULL where only finality will do.
    Column("due_head", BigInteger),
    ForeignKeyConstraint(["chain_id", "payment_id"], ["payments.chain_id", "payments.id"]),
    Index(None, "chain_id", "block_number"),
    Index(None, "chain_id", "due_head"),
)


class UntoldEvents:
    """What merchants were not told of yet."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def any(self, chain_id: int) -> bool:
        """Return whether anything of a chain is held back: where nobody asks for it, this is all that is looked up."""
        return self.any_later(chain_id)()

    def any_later(self, chain_id: int) -> Later[bool]:
        """Ask as `any` does."""
        rows = _ANY.ask_later(self._connection, {"chain_id": chain_id})
        return lambda: bool(rows())

    def due(self, chain_id: int, head_number: int, final_number: int) -> set[Hash32]:
        """Return the payments with events that are to be told once the chain is seen and final as far as this."""
        c = untold.c
        reached = or_(c.due_head <= head_number, c.block_number <= final_number)
        wanted = select(c.payment_id).where(c.chain_id == chain_id, reached).distinct()
        return {Hash32(row.payment_id) for row in self._connection.execute(wanted)}

    def of(self, chain_id: int, payment_ids: Collection[Hash32]) -> dict[Hash32, list[Untold]]:
        """Return what is held back of those of these payments of which anything is, in order of `seq`."""
        c = untold.c
        found: dict[Hash32, list[Untold]] = {}
        for some in in_lists(payment_ids):
            wanted = select(untold).where(c.chain_id == chain_id, c.payment_id.in_(some)).order_by(c.seq)
            for row in self._connection.execute(wanted):
                found.setdefault(Hash32(row.payment_id), []).append(Untold(**row._mapping))
        return found

    def replace(self, chain_id: int, held: Mapping[Hash32, Sequence[Untold]]) -> None:
        """Hold back of these payments exactly this."""
        c = untold.c
        for some in in_lists(held):
            self._connection.execute(untold.delete().where(c.chain_id == chain_id, c.payment_id.in_(some)))
        execute_many(self._connection, untold.insert(), _rows(held.values()))


def _rows(held: Iterable[Sequence[Untold]]) -> list[dict[str, object]]:
    return [columns_of(each) for of_payment in held for each in of_payment]


_ANY: Final = Fixed(
    lambda _: select(untold.c.seq).where(untold.c.chain_id == bindparam("chain_id", type_=BigInteger)).limit(1)
)
"""Asked with each batch."""
