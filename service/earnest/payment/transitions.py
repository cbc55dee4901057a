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


def apply(state: PaymentState, event: PaymentEvent, timestamp: int) -> PaymentState:
    """Return the state after one more event, mined at `timestamp` (Unix time of its block).

    Raises:
        SequenceGap: the event is not the next one of its payment.
        ForbiddenTransition: the table or the books forbid it.
    """
    if event.seq != state.seq + 1:
        raise SequenceGap(event.payment_id, state.seq + 1, event.seq)
    if event.status not in TRANSITIONS.get((state.status, event.kind), ()):
        raise ForbiddenTransition(
            f"payment {event.payment_id}: {event.kind} cannot lead from {state.status} to {event.status}"
        )
    funding, is_repaid = event.funding, event.kind is EventKind.PAYMENT_REPAID
    after = PaymentState(
        event.status,
        state.since if event.status is state.status else timestamp,
        event.seq,
        funding.terms.amount if funding else state.funded,
        event.held,
        state.to_merchant + event.to_merchant,
        state.to_fee_recipient + event.to_fee_recipient,
        state.to_buyer + (0 if is_repaid else event.to_buyer),
        funding.payer if funding else state.payer,
        funding.buyer if funding else state.buyer,
        state.repaid + (event.to_buyer if is_repaid else 0),
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
    accounted = after.held + after.to_merchant + after.to_fee_recipient + after.to_buyer
    if accounted != after.funded:
        raise ForbiddenTransition(
            f"payment {event.payment_id}: {after.funded} came in, "
            f"but {accounted} is accounted for after event {event.seq}"
        )
    if (after.held > 0) != (after.status in HOLDING):
        raise ForbiddenTransition(f"payment {event.payment_id}: {after.status} with {after.held} held")
    if event.kind is EventKind.PAYMENT_REPAID:
        _check_repaid(event, after)


def _check_repaid(event: PaymentEvent, after: PaymentState) -> None:
    whole = after.repaid == after.released_gross
    if not 0 < event.to_buyer <= after.repaid <= after.released_gross or whole != (after.status is Status.REPAID):
        raise ForbiddenTransition(
            f"payment {event.payment_id}: {after.status} with {after.repaid} repaid of {after.released_gross} released"
        )
