"""Payments that the next batches will touch although nothing in those tells of them: their events become final.

What is foreseen is read along with the first question to the database, and not in a second one after its answer. It is
a guess: what is touched and was not foreseen is read after that, and what was foreseen in vain does no harm.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

from earnest.payment.primitives import Hash32
from earnest.store.records import StoredEvent

REMEMBERED: Final = 1_024
"""Events: a dozen a block for as long as Ethereum's finality lags. Of more the oldest are looked up as ever."""


class Foreseen:
    """The events of merchants' own payments that are not final yet, oldest first."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, Hash32]] = deque(maxlen=REMEMBERED)

    def up_to(self, block_number: int) -> set[Hash32]:
        """Return the payments with events up to a block, as far as they are remembered."""
        return {id_ for number, id_ in self._waiting if number <= block_number}

    def after(self, events: Iterable[StoredEvent], final_number: int) -> None:
        """Note what a batch told that was written, and up to which block all is final now."""
        self._waiting.extend((each.block.number, each.event.payment_id) for each in events)
        while self._waiting and self._waiting[0][0] <= final_number:
            self._waiting.popleft()
