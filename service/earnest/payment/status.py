"""The two axes, never merged: what the contract's facts are, and how sure the chain is of them."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Status(StrEnum):
    """What a payment's facts are. A *warm* status can be changed by time alone, a *cold* one cannot."""

    # `Enum` hashes the member's name, in Python; tables are asked by status several times for each event.
    __hash__ = str.__hash__

    CREATED = "created"
    """The merchant asked for it, nobody paid yet. Warm: expires at `pay_by`."""
    EXPIRED = "expired"
    """Nobody paid before `pay_by`; derived, no event says so. Cold."""
    FUNDED = "funded"
    """The escrow holds the money. Warm: reclaimable once the delivery period is over."""
    DELIVERED = "delivered"
    """The merchant says that he delivered. Warm: releasable once the dispute window is over."""
    RELEASED = "released"
    """The last unit went to the merchant's side. Cold (he may still repay)."""
    REFUNDED = "refunded"
    """The last unit went back to the buyer by the merchant's will. Cold."""
    RECLAIMED = "reclaimed"
    """The buyer took it back because a time ran out. Cold."""
    DISPUTED = "disputed"
    """The buyer disputes the delivery. Warm: reclaimable once the arbitration period is over."""
    RESOLVED = "resolved"
    """The arbiter split the held amount. Cold (the merchant may still repay)."""
    REPAID = "repaid"
    """The merchant gave everything back after a release. Cold."""

    @property
    def holds_money(self) -> bool:
        """Whether the escrow holds money of a payment in this status."""
        return self in HOLDING

    @property
    def warm(self) -> bool:
        """Whether time alone can change what is possible."""
        return self in HOLDING or self is Status.CREATED


HOLDING: Final = frozenset({Status.FUNDED, Status.DELIVERED, Status.DISPUTED})

ON_CHAIN: Final = (
    Status.CREATED,
    Status.FUNDED,
    Status.DELIVERED,
    Status.RELEASED,
    Status.REFUNDED,
    Status.RECLAIMED,
    Status.DISPUTED,
    Status.RESOLVED,
    Status.REPAID,
)
"""The contract's enum by its number; number 0, `None` there, is a payment that nobody funded."""


class Finality(StrEnum):
    """How sure the chain is of a payment's status."""

    INCLUDED = "included"
    """In the newest chain."""
    SAFE = "safe"
    """Deep enough for the merchant's own rule."""
    FINAL = "final"
    """Past the chain's finality."""


class Verb(StrEnum):
    """What can be done on chain with a payment, by the names of the contract's functions."""

    FUND = "fund"
    """The payer brings the money himself."""
    FUND_WITH_PERMIT = "fund_with_permit"
    """The same with the allowance signed, EIP-2612."""
    FUND_WITH_AUTHORIZATION = "fund_with_authorization"
    """Anyone brings the payer's money by his signature, EIP-3009."""
    FUND_WITH_PERMIT2 = "fund_with_permit2"
    """Anyone brings the payer's money by his signature for Permit2."""
    COLLECT = "collect"
    """Anyone takes in what came to the deposit address; what cannot fund the payment goes to the buyer."""
    CONFIRM_DELIVERY = "confirm_delivery"
    RELEASE = "release"
    RELEASE_WITH_RECEIPT = "release_with_receipt"
    """Anyone releases everything by the buyer's signed receipt."""
    REFUND = "refund"
    REPAY = "repay"
    """The merchant gives back out of his own wallet what was released."""
    RECLAIM = "reclaim"
    DISPUTE = "dispute"
    RESOLVE = "resolve"
    DISMISS_OPERATOR = "dismiss_operator"
    """The merchant takes from the payment's operator, for all his payments, every right to act for him."""
    CONFIRM_DELIVERY_MANY = "confirm_delivery_many"
    RELEASE_MANY = "release_many"


FUNDING: Final = frozenset({Verb.FUND, Verb.FUND_WITH_PERMIT, Verb.FUND_WITH_AUTHORIZATION, Verb.FUND_WITH_PERMIT2})
"""Every way of bringing the money by one call; `collect` brings it only if it is already at the deposit address."""

BATCHES: Final = frozenset({Verb.CONFIRM_DELIVERY_MANY, Verb.RELEASE_MANY})
"""The verbs for many payments of one merchant at once."""


class Role(StrEnum):
    """Who acts, as the terms name them."""

    BUYER = "buyer"
    MERCHANT = "merchant"
    OPERATOR = "operator"
    ARBITER = "arbiter"
    ANYONE = "anyone"
