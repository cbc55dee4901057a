"""The one transition table, and the fold of a payment's events into its state.

The contract enforces the same rules; here they decide what we believe of a node. An event that the table forbids, or
that does not follow its predecessor, raises: such a thing is fetched again from elsewhere, never written down.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from earnest.payment.errors import ForbiddenTransition, SequenceGap
from earnest.payment.events import EventKind, PaymentEvent
from earnest.payment.primitives import Address
from earnest.payment.status import HOLDING, Status
from earnest.payment.values import quick


@quick
@dataclass(frozen=True, slots=True)
class PaymentState:
    """What the events of a payment add up to. Amounts are base units; `since` is Unix time by the chain's clock.

    `funded == held + to_merchant + to_fee_recipient + to_buyer`, always: this is the settlement of what was held. What
    the merchant gave back afterwards, out of his own wallet, is counted apart as `repaid`, at most `released_gross`.
    """

    status: Status = Status.CREATED
    since: int = 0
    seq: int = 0
    funded: int = 0
    held: int = 0
    to_merchant: int = 0
    to_fee_recipient: int = 0
    to_buyer: int = 0
    payer: Address | None = None
    buyer: Address | None = None
    repaid: int = 0

    @property
    def released_gross(self) -> int:
        """What was released so far, the fee included."""
        return self.to_merchant + self.to_fee_recipient

    @property
    def repayable(self) -> int:
        """What the merchant can still repay; zero before everything is settled."""
        return self.released_gross - self.repaid if self.status in REPAYABLE else 0


REPAYABLE: Final = (Status.RELEASED, Status.RESOLVED)
"""From these the merchant may repay; all of it makes the status `repaid`, a part leaves it as it is."""

NOTHING_YET: Final = PaymentState()
"""The state of a payment of which the chain knows nothing."""

_STAYS_OR: Final = {
    EventKind.PAYMENT_RELEASED: Status.RELEASED,
    EventKind.PAYMENT_REFUNDED: Status.REFUNDED,
}

TRANSITIONS: Final[dict[tuple[Status, EventKind], frozenset[Status]]] = {
    (Status.CREATED, EventKind.PAYMENT_FUNDED): frozenset({Status.FUNDED}),
    (Status.FUNDED, EventKind.DELIVERY_CONFIRMED): frozenset({Status.DELIVERED}),
    (Status.FUNDED, EventKind.PAYMENT_RECLAIMED): frozenset({Status.RECLAIMED}),
    (Status.DELIVERED, EventKind.PAYMENT_DISPUTED): frozenset({Status.DISPUTED}),
    (Status.DISPUTED, EventKind.DISPUTE_RESOLVED): frozenset({Status.RESOLVED}),
    (Status.DISPUTED, EventKind.PAYMENT_RECLAIMED): frozenset({Status.RECLAIMED}),
    # While disputed only whole amounts move; before that, a part leaves the status as it is.
    **{
        (status, kind): frozenset({last} if status is Status.DISPUTED else {status, last})
        for status in (Status.FUNDED, Status.DELIVERED, Status.DISPUTED)
        for kind, last in _STAYS_OR.items()
    },
    **{(status, EventKind.PAYMENT_REPAID): frozenset({status, Status.REPAID}) for status in REPAYABLE},
}
"""From a status, by an event, to one of these. What is not listed cannot happen."""


_HOLDS_AFTER: Final = {
    (before, kind, after): after in HOLDING for (before, kind), every in TRANSITIONS.items() for after in every
}
"""Every step that the table allows, and whether something is held after it."""

_REPAID: Final = EventKind.PAYMENT_REPAID


class Folding:
    """A payment's state while one event after the other is added to it; afterwards it is taken as a value.

    Here stand the rules, once; `apply` and `fold` are made of it. After a refusal it is of no more use.
    """

    __slots__ = tuple(PaymentState.__dataclass_fields__)

    status: Status
    since: int
    seq: int
    funded: int
    held: int
    to_merchant: int
    to_fee_recipient: int
    to_buyer: int
    payer: Address | None
    buyer: Address | None
    repaid: int

    def __init__(self, begin: PaymentState = NOTHING_YET) -> None:
        self.status, self.since, self.seq = begin.status, begin.since, begin.seq
        self.funded, self.held = begin.funded, begin.held
        self.to_merchant, self.to_fee_recipient = begin.to_merchant, begin.to_fee_recipient
        self.to_buyer, self.repaid = begin.to_buyer, begin.repaid
        self.payer, self.buyer = begin.payer, begin.buyer

    def add(self, event: PaymentEvent, timestamp: int) -> None:
        """Add the next event, mined at `timestamp` (Unix time of its block).

        Raises:
            SequenceGap: the event is not the next one of its payment.
            ForbiddenTransition: the table or the books forbid it.
        """
        kind, before, status = event.kind, self.status, event.status
        seq, held = event.seq, event.held
        if seq != self.seq + 1:
            raise SequenceGap(event.payment_id, self.seq + 1, seq)
        holds = _HOLDS_AFTER.get((before, kind, status))
        if holds is None:
            raise ForbiddenTransition(f"payment {event.payment_id}: {kind} cannot lead from {before} to {status}")
        self.seq, self.held = seq, held
        if status is not before:
            self.status, self.since = status, timestamp
        if (funding := event.funding) is not None:
            self.funded, self.payer, self.buyer = funding.terms.amount, funding.payer, funding.buyer
        self.to_merchant += event.to_merchant
        self.to_fee_recipient += event.to_fee_recipient
        if kind is _REPAID:
            self.repaid += event.to_buyer
        else:
            self.to_buyer += event.to_buyer
        accounted = held + self.to_merchant + self.to_fee_recipient + self.to_buyer
        if accounted != self.funded:
            raise ForbiddenTransition(
                f"payment {event.payment_id}: {self.funded} came in, but {accounted} is accounted for after event {seq}"
            )
        if (held > 0) is not holds:
            raise ForbiddenTransition(f"payment {event.payment_id}: {status} with {held} held")
        if kind is _REPAID:
            self._check_repaid(event)

    def state(self) -> PaymentState:
        """Return what has been added up so far."""
        return PaymentState(
            self.status,
            self.since,
            self.seq,
            self.funded,
            self.held,
            self.to_merchant,
            self.to_fee_recipient,
            self.to_buyer,
            self.payer,
            self.buyer,
            self.repaid,
        )

    def _check_repaid(self, event: PaymentEvent) -> None:
        repaid, released = self.repaid, self.to_merchant + self.to_fee_recipient
        whole = repaid == released
        if not 0 < event.to_buyer <= repaid <= released or whole != (self.status is Status.REPAID):
            raise ForbiddenTransition(
                f"payment {event.payment_id}: {self.status} with {repaid} repaid of {released} released"
            )


def apply(state: PaymentState, event: PaymentEvent, timestamp: int) -> PaymentState:
    """Return the state after one more event; raises as `Folding.add`."""
    folding = Folding(state)
    folding.add(event, timestamp)
    return folding.state()


def fold(events: Iterable[tuple[PaymentEvent, int]]) -> PaymentState:
    """Return what a payment's events, each with its block's timestamp and in order of `seq`, add up to."""
    folding = Folding()
    for event, timestamp in events:
        folding.add(event, timestamp)
    return folding.state()
