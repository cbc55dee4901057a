"""Each type of notification, made to happen for real: a payment is created, and lives until the chain says it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from earnest.payment.errors import InvalidInput
from earnest.payment.notifications import NotificationType
from earnest.payment.terms import DAY
from earnest.testing.shop import Shop
from earnest.testing.shop_payment import ShopPayment

AMOUNT: Final = "12.50 tUSD"
SHORT_SECONDS: Final = 120


def funded(shop: Shop) -> ShopPayment:
    """A buyer pays."""
    return shop.create(AMOUNT).fund()


def delivered(shop: Shop) -> ShopPayment:
    """The merchant confirms the delivery."""
    return funded(shop).confirm_delivery()


def released(shop: Shop) -> ShopPayment:
    """The buyer is content, and releases at once."""
    return delivered(shop).release()


def refunded(shop: Shop) -> ShopPayment:
    """The merchant gives everything back."""
    return funded(shop).refund()


def reclaimed(shop: Shop) -> ShopPayment:
    """Nothing is delivered in time, and the buyer takes his money back."""
    payment = shop.create(AMOUNT, delivery_period=DAY).fund()
    shop.travel(days=1)
    return payment.reclaim()


def disputed(shop: Shop) -> ShopPayment:
    """The buyer says that it is not what he ordered."""
    return delivered(shop).dispute()


def resolved(shop: Shop) -> ShopPayment:
    """The arbiter gives half of it back."""
    payment = disputed(shop)
    return payment.resolve(payment.now.held.base_units // 2)


def repaid(shop: Shop) -> ShopPayment:
    """The merchant gives back what was released to him."""
    return released(shop).repay()


def expired(shop: Shop) -> ShopPayment:
    """Nobody pays in time, and a final block shows it."""
    pay_by = datetime.fromtimestamp(shop.chain.head.timestamp + SHORT_SECONDS, UTC)
    payment = shop.create(AMOUNT, pay_by=pay_by)
    shop.travel(seconds=SHORT_SECONDS)
    shop.settle()
    return payment


def finalized(shop: Shop) -> ShopPayment:
    """What was paid grows final."""
    payment = funded(shop)
    shop.settle()
    return payment


def reorged(shop: Shop) -> ShopPayment:
    """The chain drops the block in which the buyer paid."""
    return funded(shop).take_back()


HAPPENINGS: Final[dict[NotificationType, Callable[[Shop], ShopPayment]]] = {
    NotificationType.FUNDED: funded,
    NotificationType.DELIVERED: delivered,
    NotificationType.RELEASED: released,
    NotificationType.REFUNDED: refunded,
    NotificationType.RECLAIMED: reclaimed,
    NotificationType.DISPUTED: disputed,
    NotificationType.RESOLVED: resolved,
    NotificationType.REPAID: repaid,
    NotificationType.EXPIRED: expired,
    NotificationType.FINALIZED: finalized,
    NotificationType.REORGED: reorged,
}
"""What makes each notification happen."""


def parse_happening(name: str) -> NotificationType:
    """Return a type by its name, with or without `payment.`; raises `InvalidInput` naming those there are."""
    try:
        return NotificationType(f"payment.{name.removeprefix('payment.')}")
    except ValueError:
        known = ", ".join(HAPPENINGS)
        raise InvalidInput(f"no such type: {name}; there are: {known}", param="type") from None
