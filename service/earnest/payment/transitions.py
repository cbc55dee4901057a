"""The one transition table, and the fold of a payment's events into its state.

The contract enforces the same rules; here they decide what we believe of a node. An event that the table forbids, or
that does not follow its predecessor, raises: such a thing is fetched again from elsewhere, never written down.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from earnest.payment.errors import ForbiddenTransition, SequenceGap
from earnest.payment.events import EventKind, PaymentEvent
from earnest.payment.primitives import Address
from earnest.payment.status import Status


@dataclass(frozen=True, slots=True)
class PaymentState:
    """What the events of a payment add up to. Amounts are base units; `since` is Unix time by the chain's clock.

    `funded == held + to_merchant + to_fee_recipient + to_buyer`, always.
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

    @property
    def released_gross(self) -> int:
        """What was released so far, the fee included."""
        return self.to_merchant + self.to_fee_recipient


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
}
"""From a status, by an event, to one of these. What is not listed cannot happen."""


def apply(state: PaymentState, event: PaymentEvent, timestamp: int) -> PaymentState:
    """Return the state after one more event, mined at `timestamp` (Unix time of its block).

    Raises:
        SequenceGap: the event is not the next one of its payment.
        ForbiddenTransition: the table or the books forbid it.
    """
    if event.seq != state.seq + 1:
        raise SequenceGap(event.payment_id, state.seq + 1, event.seq)
    if event.status not in TRANSITIONS.get((state.status, event.kind), frozenset()):
        raise ForbiddenTransition(
            f"payment {event.payment_id}: {event.kind} cannot lead from {state.status} to {event.status}"
        )
    funding = event.funding
    after = replace(
        state,
        status=event.status,
        since=state.since if event.status is state.status else timestamp,
        seq=event.seq,
        funded=funding.terms.amount if funding else state.funded,
        held=event.held,
        to_merchant=state.to_merchant + event.to_merchant,
        to_fee_recipient=state.to_fee_recipient + event.to_fee_recipient,
        to_buyer=state.to_buyer + event.to_buyer,
        payer=funding.payer if funding else state.payer,
        buyer=funding.buyer if funding else state.buyer,
    )
    _check_books(event, after)
    return after


def fold(events: Iterable[tuple[PaymentEvent, int]]) -> PaymentState:
    """Return what a payment's events, each with its block's timestamp and in order of `seq`, add up to."""
    state = NOTHING_YET
    for event, timestamp in events:
        state = apply(state, event, timestamp)
    return state


def _check_books(event: PaymentEvent, after: PaymentState) -> None:
    accounted = after.held + after.released_gross + after.to_buyer
    if accounted != after.funded:
        raise ForbiddenTransition(
            f"payment {event.payment_id}: {after.funded} came in, "
            f"but {accounted} is accounted for after event {event.seq}"
        )
    if (after.held > 0) != after.status.holds_money:
        raise ForbiddenTransition(f"payment {event.payment_id}: {after.status} with {after.held} held")
