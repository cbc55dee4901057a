"""Payments that nobody here created, while a batch is worked out: nobody is told of them, so only the end counts."""

from __future__ import annotations

from earnest.payment.events import PaymentEvent
from earnest.payment.record import BlockRef, Payment
from earnest.payment.transitions import Folding


class Foreign:
    """A foreign payment to which events are added one by one; the payment after them is made once, at the end."""

    __slots__ = ("_before", "_block", "_folding", "terms")

    def __init__(self, before: Payment) -> None:
        self.terms = before.terms
        self._before, self._block, self._folding = before, before.block, Folding(before.state)

    def add(self, event: PaymentEvent, block: BlockRef) -> None:
        """Add the next event; raises `SequenceGap` or `ForbiddenTransition`."""
        self._folding.add(event, block.timestamp)
        self._block = block

    def payment(self) -> Payment:
        """Return the payment after all that was added."""
        return self._before.after(self._folding.state(), self._block)
