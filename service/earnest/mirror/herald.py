"""What merchants are told: the types of notifications, their ids and their bodies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from earnest.escrow.deposits import deposit_address_of
from earnest.payment.money import Token
from earnest.payment.notifications import NotificationType
from earnest.payment.primitives import Address, Hash32, keccak
from earnest.payment.record import ChainView, Payment
from earnest.payment.representation import represent, represent_block, rfc3339
from earnest.store.records import Merchant, Notification, StoredEvent


@dataclass(frozen=True, slots=True)
class Herald:
    """Writes notifications as of one moment.

    Args:
        now: wall time (Unix).
        merchants: the accounts that can be told something.
        tokens: the token at an address, None where the service does not know it.
        checkout_url: where a payment's buyer pays, None where there is no such page.
    """

    now: int
    merchants: Mapping[str, Merchant]
    tokens: Callable[[Address], Token | None]
    checkout_url: Callable[[Payment], str | None]
    _deposit_addresses: dict[Hash32, Address | None] = field(default_factory=dict, init=False, repr=False)
    """By payment: of one there may be several notifications, and each address is a hash."""

    def tell(
        self, payment: Payment, type_: NotificationType, events: Sequence[StoredEvent], view: ChainView | None
    ) -> Notification:
        """Return the notification of a payment as it is at its present version; `events` are those it is about."""
        assert payment.account is not None, "a foreign payment has nobody to be told"
        token = self.tokens(payment.terms.token) or Token(payment.terms.token, "", 0)
        data = represent(
            payment,
            token,
            view,
            safe_depth_blocks=self.merchants[payment.account].safe_depth_blocks,
            checkout_url=self.checkout_url(payment),
            deposit_address=self._deposit_address(payment),
        )
        return Notification(
            id=notification_id(payment.chain_id, payment.id, payment.version, type_),
            merchant_id=payment.account,
            chain_id=payment.chain_id,
            payment_id=payment.id,
            version=payment.version,
            type=type_,
            payload={
                "type": type_,
                "timestamp": rfc3339(self.now),
                "data": data,
                "events": [represent_event(each) for each in events],
            },
            created_at=self.now,
        )

    def _deposit_address(self, payment: Payment) -> Address | None:
        known = self._deposit_addresses
        if payment.id not in known:
            known[payment.id] = deposit_address_of(payment)
        return known[payment.id]


def notification_id(chain_id: int, payment_id: Hash32, version: int, type_: str) -> str:
    """Return the id that this notification has in whatever database it is written to, however often."""
    return "msg_" + keccak(f"{chain_id}:{payment_id}:{version}:{type_}".encode()).hex()[:24]


def represent_event(stored: StoredEvent) -> dict[str, Any]:
    """Return which event it is and where it stands; what it moved shows in the payment."""
    return {
        "name": str(stored.event.kind),
        "seq": stored.event.seq,
        "status": str(stored.event.status),
        "tx_hash": stored.tx_hash,
        "log_index": stored.log_index,
        "block": represent_block(stored.block),
    }
