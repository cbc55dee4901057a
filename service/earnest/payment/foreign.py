"""Payments that nobody here created, as the mirror goes along a chain: they change in place, and nobody is told."""

from __future__ import annotations

from earnest.payment.primitives import Address, Hash32
from earnest.payment.record import BlockRef, Payment
from earnest.payment.terms import Terms
from earnest.payment.transitions import NOTHING_YET, Folding, PaymentState


class Foreign(Folding):
    """A foreign payment to which events are added one by one; `block` is the one of the last event.

    A backfill meets very many, of which nothing is asked but the rows to be written. What a row tells is all here;
    `Payment` and `PaymentState` would be made anew for each batch. `is_stored`: the database has it already.
    """

    __slots__ = ("block", "chain_id", "escrow", "id", "is_stored", "terms", "version")

    def __init__(
        self,
        id_: Hash32,
        chain_id: int,
        escrow: Address,
        terms: Terms,
        state: PaymentState = NOTHING_YET,
        block: BlockRef | None = None,
        version: int = 0,
        is_stored: bool = False,
    ) -> None:
        super().__init__(state)
        self.id, self.chain_id, self.escrow, self.terms = id_, chain_id, escrow, terms
        self.block, self.version, self.is_stored = block, version, is_stored

    @classmethod
    def stored(cls, payment: Payment) -> Foreign:
        """Return a payment as the database has it, to go on from there."""
        p = payment
        return cls(p.id, p.chain_id, p.escrow, p.terms, p.state, p.block, p.version, is_stored=True)

    def after(self, state: PaymentState, block: BlockRef | None) -> Foreign:
        """Return the payment in another state, told by `block`: a reorg took back what came after that."""
        return Foreign(self.id, self.chain_id, self.escrow, self.terms, state, block, self.version, self.is_stored)
