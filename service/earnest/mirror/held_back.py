"""The events that merchants are not told of before the chain is as sure of them as their rules ask. Pure.

What is held back of a payment are always its last events: they are told in order, and whatever comes after one that
waits, waits at least as long. So a reorg takes back either what nobody was told of, or all of it and something more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

from earnest.payment.primitives import Hash32
from earnest.payment.record import Payment
from earnest.payment.status import Finality
from earnest.payment.terms import Terms
from earnest.payment.transitions import apply, fold
from earnest.store.records import Merchant, StoredEvent, Untold


def due_head(merchant: Merchant, terms: Terms, block_number: int) -> int | None:
    """Return the head at which an event in a block is told to its merchant, None where only finality will do."""
    match merchant.tell.finality_of(terms.token, terms.amount):
        case Finality.INCLUDED:
            return block_number
        case Finality.SAFE:
            return block_number + merchant.safe_depth_blocks
        case Finality.FINAL:
            return None


@dataclass(slots=True)
class Withheld:
    """A payment as its merchant knows it, and the events that he is not told of yet, each with its `due_head`."""

    told: Payment
    events: deque[tuple[StoredEvent, int | None]] = field(default_factory=deque)


class HeldBack:
    """What is held back of the payments at hand.

    Args:
        merchants: the accounts of all payments that can come up.
        payments: the payments of which something is held back.
        untold: what is held back of them, by payment and in order.
        history: their canonical events, in order.
    """

    def __init__(
        self,
        merchants: Mapping[str, Merchant],
        payments: Mapping[Hash32, Payment],
        untold: Mapping[Hash32, Sequence[Untold]],
        history: Mapping[Hash32, Iterable[StoredEvent]],
    ) -> None:
        self._merchants = merchants
        self.payments: dict[Hash32, Withheld] = {}
        self.changed: set[Hash32] = set()
        """The payments of which something else is held back now."""
        # By when they are told: (head or block, block, log, payment). What is told earlier, or never, is passed over.
        self._by_head: list[tuple[int, int, int, Hash32]] = []
        self._by_block: list[tuple[int, int, int, Hash32]] = []
        for id_, rows in untold.items():
            dues = {row.seq: row.due_head for row in rows}
            events = list(history[id_])
            known = [each for each in events if each.event.seq < rows[0].seq]
            state = fold((each.event, each.block.timestamp) for each in known)
            withheld = Withheld(payments[id_].after(state, known[-1].block if known else None))
            self.payments[id_] = withheld
            for each in events[len(known) :]:
                self._wait(withheld, each, dues.get(each.event.seq))

    def hold(self, before: Payment, stored: StoredEvent) -> bool:
        """Hold an event of a merchant's payment back, if it must wait; `before` is the payment without the event."""
        assert before.account is not None, "a foreign payment has nobody to be told"
        merchant, withheld = self._merchants[before.account], self.payments.get(before.id)
        if withheld is None and not merchant.tell.steps:
            return False
        due = due_head(merchant, before.terms, stored.block.number)
        if withheld is None:
            if due is not None and due <= stored.block.number:
                return False
            withheld = self.payments[before.id] = Withheld(before)
        elif withheld.events:
            earlier = withheld.events[-1][1]
            due = None if due is None or earlier is None else max(due, earlier)
        self._wait(withheld, stored, due)
        self.changed.add(before.id)
        return True

    def as_told(self, payment: Payment) -> Payment:
        """Return a payment as its merchant may see it: without the events that are held back."""
        withheld = self.payments.get(payment.id)
        return payment if withheld is None else payment.after(withheld.told.state, withheld.told.block)

    def due(self, head_number: int, final_number: int) -> Iterator[StoredEvent]:
        """Let go of all that is due with the chain seen and final as far as this, in the chain's order."""

        def is_due(stored: StoredEvent, due: int | None) -> bool:
            return stored.block.number <= final_number or (due is not None and due <= head_number)

        for heap, reached in ((self._by_block, final_number), (self._by_head, head_number)):
            while heap and heap[0][0] <= reached:
                yield from self._let_go(heappop(heap)[-1], is_due)

    def up_to(self, stored: StoredEvent) -> Iterator[StoredEvent]:
        """Let go of the events of a payment up to this one."""
        seq = stored.event.seq
        return self._let_go(stored.event.payment_id, lambda each, _: each.event.seq <= seq)

    def drop(self, id_: Hash32, lost: Sequence[StoredEvent]) -> list[StoredEvent]:
        """Forget those events that the chain has dropped; return those of them that the merchant was told of."""
        withheld = self.payments.get(id_)
        if withheld is None:
            return list(lost)
        secret = {each.event.seq for each, _ in withheld.events}
        dropped = {each.event.seq for each in lost}
        while withheld.events and withheld.events[-1][0].event.seq in dropped:
            withheld.events.pop()
        self._changed(id_, withheld)
        return [each for each in lost if each.event.seq not in secret]

    def rows(self) -> dict[Hash32, list[Untold]]:
        """Return what is held back now of those payments of which it changed."""
        return {
            id_: [
                Untold(each.chain_id, id_, each.event.seq, each.block.number, due)
                for each, due in (self.payments[id_].events if id_ in self.payments else ())
            ]
            for id_ in sorted(self.changed)
        }

    def _let_go(self, id_: Hash32, ripe: Callable[[StoredEvent, int | None], bool]) -> Iterator[StoredEvent]:
        withheld = self.payments.get(id_)
        while withheld is not None and withheld.events and ripe(*withheld.events[0]):
            stored, _ = withheld.events.popleft()
            state = apply(withheld.told.state, stored.event, stored.block.timestamp)
            withheld.told = withheld.told.after(state, stored.block)
            self._changed(id_, withheld)
            yield stored

    def _wait(self, withheld: Withheld, stored: StoredEvent, due: int | None) -> None:
        withheld.events.append((stored, due))
        place = (stored.block.number, stored.log_index, stored.event.payment_id)
        heappush(self._by_block, (stored.block.number, *place))
        if due is not None:
            heappush(self._by_head, (due, *place))

    def _changed(self, id_: Hash32, withheld: Withheld) -> None:
        self.changed.add(id_)
        if not withheld.events:
            del self.payments[id_]
