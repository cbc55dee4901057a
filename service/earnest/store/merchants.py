"""The merchants' accounts."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import BigInteger, Column, Connection, Integer, Table, Text, select

from earnest.store.records import Merchant
from earnest.store.schema import columns_of, in_lists, metadata

merchants = Table(
    "merchants",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("payout", Text, nullable=False),
    Column("operator", Text, nullable=False),
    Column("arbiter", Text, nullable=False),
    Column("fee_recipient", Text, nullable=False),
    Column("fee_bps", Integer, nullable=False),
    Column("delivery_period", BigInteger, nullable=False),
    Column("dispute_window", BigInteger, nullable=False),
    Column("arbitration_period", BigInteger, nullable=False),
    Column("payment_window", BigInteger, nullable=False),
    Column("safe_depth_blocks", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)


class Merchants:
    """The accounts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, merchant: Merchant) -> None:
        """Add an account; raises `AlreadyThere`."""
        self._connection.execute(merchants.insert(), columns_of(merchant))

    def get(self, merchant_id: str) -> Merchant | None:
        """Return the account, None if there is none of that id."""
        return self.many([merchant_id]).get(merchant_id)

    def many(self, merchant_ids: Collection[str]) -> dict[str, Merchant]:
        """Return those of these accounts that there are, by id."""
        return {
            row.id: Merchant(**row._mapping)
            for some in in_lists(merchant_ids)
            for row in self._connection.execute(select(merchants).where(merchants.c.id.in_(some)))
        }

    def list(self) -> Sequence[Merchant]:
        """Return all accounts, oldest first."""
        rows = self._connection.execute(select(merchants).order_by(merchants.c.created_at, merchants.c.id))
        return [Merchant(**row._mapping) for row in rows]
