"""The payments: what merchants asked for, and what the chain says of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Connection

from earnest.payment.primitives import Hash32
from earnest.payment.record import Payment
from earnest.store.records import (
    Page,
    PaymentFilter,
)


class Payments:
    """The payments."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, payment: Payment) -> None:
        """Add a created payment; a foreign one of that id is adopted; raises `AlreadyThere` if it has an account."""
        raise NotImplementedError

    def get(self, chain_id: int, payment_id: Hash32, *, lock: bool = False) -> Payment | None:
        """Return a payment, foreign or not; with `lock`, nobody else changes it before this transaction ends."""
        raise NotImplementedError

    def find(self, merchant_id: str, payment_id: Hash32) -> Payment | None:
        """Return a merchant's own payment on whatever chain it is."""
        raise NotImplementedError

    def public(self, payment_id: Hash32) -> Payment | None:
        """Return a payment that somebody here created, whoever it was: what the buyer's page asks for."""
        raise NotImplementedError

    def many(self, chain_id: int, payment_ids: Collection[Hash32], *, lock: bool = False) -> dict[Hash32, Payment]:
        """Return those of these payments that there are, by id."""
        raise NotImplementedError

    def save(self, payments: Iterable[Payment]) -> None:
        """Write the chain's facts and the versions of payments; unknown ones are added as they are (foreign)."""
        raise NotImplementedError

    def page(
        self, merchant_id: str | None, where: PaymentFilter, *, cursor: str | None = None, limit: int = 20
    ) -> Page[Payment]:
        """Return a piece of a merchant's payments (None: everybody's, foreign ones too), newest first.

        Raises:
            InvalidInput: the cursor is not one of ours.
        """
        raise NotImplementedError

    def due_to_expire(self, chain_id: int, final_timestamp: int) -> Sequence[Payment]:
        """Return the created payments whose `pay_by` is at or before a final block's time, and who were not told so."""
        raise NotImplementedError

    def mark_expired(self, chain_id: int, payment_ids: Iterable[Hash32]) -> None:
        """Note that the merchants were told that these expired."""
        raise NotImplementedError
