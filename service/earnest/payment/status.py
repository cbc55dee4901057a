"""The two axes, never merged: what the contract's facts are, and how sure the chain is of them."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Status(StrEnum):
    """What a payment's facts are. A *warm* status can be changed by time alone, a *cold* one cannot."""

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
    """What can be done to a payment on chain; one verb, one event, one status that it leads to."""

    FUND = "fund"
    CONFIRM_DELIVERY = "confirm_delivery"
    RELEASE = "release"
    REFUND = "refund"
    RECLAIM = "reclaim"
    DISPUTE = "dispute"
    RESOLVE = "resolve"


class Role(StrEnum):
    """Who acts, as the terms name them."""

    BUYER = "buyer"
    MERCHANT = "merchant"
    OPERATOR = "operator"
    ARBITER = "arbiter"
    ANYONE = "anyone"
