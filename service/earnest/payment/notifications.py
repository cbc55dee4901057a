"""What merchants can be told of, each under one name: in the outbox, in webhooks, in the API."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from earnest.payment.events import EventKind


class NotificationType(StrEnum):
    """The types of notifications; `MEANINGS` glosses them for people."""

    FUNDED = "payment.funded"
    DELIVERED = "payment.delivered"
    RELEASED = "payment.released"
    REFUNDED = "payment.refunded"
    RECLAIMED = "payment.reclaimed"
    DISPUTED = "payment.disputed"
    RESOLVED = "payment.resolved"
    REPAID = "payment.repaid"
    EXPIRED = "payment.expired"
    FINALIZED = "payment.finalized"
    REORGED = "payment.reorged"


MEANINGS: Final[dict[NotificationType, str]] = {
    NotificationType.FUNDED: "the escrow holds the money",
    NotificationType.DELIVERED: "the merchant or the operator confirmed the delivery",
    NotificationType.RELEASED: "money went to the merchant, all or a part",
    NotificationType.REFUNDED: "money went back to the buyer by the merchant's will, all or a part",
    NotificationType.RECLAIMED: "the buyer took the money back because a time ran out",
    NotificationType.DISPUTED: "the buyer disputes the delivery",
    NotificationType.RESOLVED: "the arbiter split the amount",
    NotificationType.REPAID: "the merchant gave back what was released, all or a part",
    NotificationType.EXPIRED: "nobody paid before pay_by",
    NotificationType.FINALIZED: "the present status is past the chain's finality",
    NotificationType.REORGED: "the chain dropped a block and took an event of the payment back",
}

TYPE_OF_EVENT: Final[dict[EventKind, NotificationType]] = {
    EventKind.PAYMENT_FUNDED: NotificationType.FUNDED,
    EventKind.DELIVERY_CONFIRMED: NotificationType.DELIVERED,
    EventKind.PAYMENT_RELEASED: NotificationType.RELEASED,
    EventKind.PAYMENT_REFUNDED: NotificationType.REFUNDED,
    EventKind.PAYMENT_RECLAIMED: NotificationType.RECLAIMED,
    EventKind.PAYMENT_DISPUTED: NotificationType.DISPUTED,
    EventKind.DISPUTE_RESOLVED: NotificationType.RESOLVED,
    EventKind.PAYMENT_REPAID: NotificationType.REPAID,
}
"""The notification that each event of a payment leads to."""
