"""The escrow's events as values, and the signatures under which they stand in the chain's logs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag, StrEnum
from typing import Final

from earnest.payment.primitives import Address, Hash32, hash32, keccak
from earnest.payment.status import Status
from earnest.payment.terms import TERMS_ABI, Terms


class EventKind(StrEnum):
    """The events of a payment, by their names in the contract."""

    PAYMENT_FUNDED = "PaymentFunded"
    DELIVERY_CONFIRMED = "DeliveryConfirmed"
    PAYMENT_RELEASED = "PaymentReleased"
    PAYMENT_REFUNDED = "PaymentRefunded"
    PAYMENT_RECLAIMED = "PaymentReclaimed"
    PAYMENT_DISPUTED = "PaymentDisputed"
    DISPUTE_RESOLVED = "DisputeResolved"


class Credited(IntFlag):
    """Whose push failed, so that the amount became a credit to be withdrawn."""

    NOBODY = 0
    MERCHANT = 1
    FEE_RECIPIENT = 2
    BUYER = 4


@dataclass(frozen=True, slots=True)
class Funding:
    """What only the first event of a payment tells: who paid, who gets money back, and the whole terms."""

    payer: Address
    buyer: Address
    terms: Terms


@dataclass(frozen=True, slots=True)
class PaymentEvent:
    """One event of one payment. Amounts are base units of the payment's token.

    `seq` counts the payment's events 1, 2, 3, …; `status` and `held` are the facts after the event; the three `to_`
    amounts are what this event moved to each party. `funding` is there with `PaymentFunded` and only there.
    """

    kind: EventKind
    payment_id: Hash32
    seq: int
    status: Status
    held: int
    to_merchant: int = 0
    to_fee_recipient: int = 0
    to_buyer: int = 0
    credited: Credited = Credited.NOBODY
    funding: Funding | None = None


@dataclass(frozen=True, slots=True)
class CreditWithdrawn:
    """A credit was paid out to its owner; it belongs to an account, not to a payment."""

    account: Address
    token: Address
    amount: int


FUNDED_DATA_ABI: Final = ("uint48", "uint8", "uint256", "address", "address", TERMS_ABI)
CHANGED_DATA_ABI: Final = ("uint48", "uint8", "uint256", "uint256", "uint256", "uint256", "uint8")
CREDIT_DATA_ABI: Final = ("uint256",)

SIGNATURES: Final[dict[EventKind, str]] = {
    kind: f"{kind}(bytes32,{','.join(FUNDED_DATA_ABI if kind is EventKind.PAYMENT_FUNDED else CHANGED_DATA_ABI)})"
    for kind in EventKind
}
CREDIT_WITHDRAWN_SIGNATURE: Final = "CreditWithdrawn(address,address,uint256)"

TOPICS: Final[dict[Hash32, EventKind]] = {hash32(keccak(text.encode())): kind for kind, text in SIGNATURES.items()}
CREDIT_WITHDRAWN_TOPIC: Final = hash32(keccak(CREDIT_WITHDRAWN_SIGNATURE.encode()))
