"""What was bought, in the merchant's words for the buyer; apart from the payments, which the chain's facts fill."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import BigInteger, Column, Connection, ForeignKeyConstraint, Table, Text, insert, select

from earnest.payment.primitives import Hash32
from earnest.store.schema import metadata

descriptions = Table(
    "descriptions",
    metadata,
    Column("chain_id", BigInteger, primary_key=True, autoincrement=False),
    Column("payment_id", Text, primary_key=True),
    Column("text", Text, nullable=False),
    ForeignKeyConstraint(["chain_id", "payment_id"], ["payments.chain_id", "payments.id"]),
)


class Descriptions:
    """Descriptions of payments."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, chain_id: int, payment_id: Hash32, text: str) -> None:
        """Write a new payment's description down."""
        values = {"chain_id": chain_id, "payment_id": payment_id, "text": text}
        self._connection.execute(insert(descriptions).values(values))

    def many(self, chain_id: int, payment_ids: Collection[Hash32]) -> dict[Hash32, str]:
        """Return those of these payments that have one, by payment."""
        c = descriptions.c
        wanted = select(c.payment_id, c.text).where(c.chain_id == chain_id, c.payment_id.in_(list(payment_ids)))
        return {Hash32(payment_id): text for payment_id, text in self._connection.execute(wanted)}
