"""The escrow's events as values, and the signatures under which they stand in the chain's logs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag, StrEnum
from typing import Final

from earnest.payment.primitives import Address, Hash32, hash32, keccak
from earnest.payment.status import Status
from earnest.payment.terms import TERMS_ABI, Terms
from earnest.payment.values import quick


class EventKind(StrEnum):
    """The events of a payment, by their names in the contract."""

    __hash__ = str.__hash__

    PAYMENT_FUNDED = "PaymentFunded"
    DELIVERY_CONFIRMED = "DeliveryConfirmed"
    PAYMENT_RELEASED = "PaymentReleased"
    PAYMENT_REFUNDED = "PaymentRefunded"
    PAYMENT_RECLAIMED = "PaymentReclaimed"
    PAYMENT_DISPUTED = "PaymentDisputed"
    DISPUTE_RESOLVED = "DisputeResolved"
    PAYMENT_REPAID = "PaymentRepaid"


class Credited(IntFlag):
    """Whose push failed, so that the amount became a credit to be withdrawn."""

    NOBODY = 0
    MERCHANT = 1
    FEE_RECIPIENT = 2
    BUYER = 4


@quick
@dataclass(frozen=True, slots=True)
class Funding:
    """What only the first event of a payment tells: who paid, who gets money back, and the whole terms."""

    payer: Address
    buyer: Address
    terms: Terms


@quick
@dataclass(frozen=True, slots=True)
class PaymentEvent:
    """One event of one payment. Amounts are base units of the payment's token.

    `seq` counts the payment's events 1, 2, 3, …; `status` and `held` are the facts after the event; the three `to_`
    amounts are what this event moved to each party, out of what was held (with `PaymentRepaid`: out of the merchant's
    own wallet). `funding` is there with `PaymentFunded` and only there.
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


@dataclass(frozen=True, slots=True)
class DepositReturned:
    """Money that a deposit address received and that could not fund its payment went to the buyer; without a `seq`."""

    payment_id: Hash32
    token: Address
    buyer: Address
    amount: int


@dataclass(frozen=True, slots=True)
class ItemSkipped:
    """A batch passed over one of its items. `why` is the selector (`0x` and 8 digits) of the single verb's error."""

    payment_id: Hash32
    item: int
    why: str


@dataclass(frozen=True, slots=True)
class OperatorDismissed:
    """This operator may never again act for this merchant."""

    merchant: Address
    operator: Address


SideEvent = CreditWithdrawn | DepositReturned | ItemSkipped | OperatorDismissed
"""What the escrow tells beside the payments' own histories; none of these moves what is held for a payment."""

EscrowEvent = PaymentEvent | SideEvent
"""Everything that the escrow tells."""

FUNDED_DATA_ABI: Final = ("uint48", "uint8", "uint256", "address", "address", TERMS_ABI)
HEAD_ABI: Final = ("uint48", "uint8", "uint256")
"""What every event but the first begins with: `seq`, `status`, `held`."""
AMOUNTS: Final[dict[EventKind, tuple[str, ...]]] = {
    EventKind.DELIVERY_CONFIRMED: (),
    EventKind.PAYMENT_RELEASED: ("to_merchant", "to_fee_recipient"),
    EventKind.PAYMENT_REFUNDED: ("to_buyer",),
    EventKind.PAYMENT_RECLAIMED: ("to_buyer",),
    EventKind.PAYMENT_DISPUTED: (),
    EventKind.DISPUTE_RESOLVED: ("to_merchant", "to_fee_recipient", "to_buyer"),
    EventKind.PAYMENT_REPAID: ("to_buyer",),
}
"""The amounts that each event but the first carries after its head, in order; after any, `credited` follows."""
CREDIT_DATA_ABI: Final = ("uint256",)
RETURNED_DATA_ABI: Final = ("address", "uint256")
SKIPPED_DATA_ABI: Final = ("uint256", "bytes4")

CREDITED_BY: Final = {
    "to_merchant": Credited.MERCHANT,
    "to_fee_recipient": Credited.FEE_RECIPIENT,
    "to_buyer": Credited.BUYER,
}
"""Whose credit each amount becomes when its push fails."""


def data_abi(kind: EventKind) -> tuple[str, ...]:
    """Return the ABI types of what an event of a payment carries beside its id."""
    if kind is EventKind.PAYMENT_FUNDED:
        return FUNDED_DATA_ABI
    amounts = AMOUNTS[kind]
    return (*HEAD_ABI, *("uint256" for _ in amounts), *(("uint8",) if amounts else ()))


SIGNATURES: Final[dict[EventKind, str]] = {kind: f"{kind}(bytes32,{','.join(data_abi(kind))})" for kind in EventKind}
CREDIT_WITHDRAWN_SIGNATURE: Final = "CreditWithdrawn(address,address,uint256)"

DEPOSIT_RETURNED_SIGNATURE: Final = "DepositReturned(bytes32,address,address,uint256)"
ITEM_SKIPPED_SIGNATURE: Final = "ItemSkipped(bytes32,uint256,bytes4)"
OPERATOR_DISMISSED_SIGNATURE: Final = "OperatorDismissed(address,address)"

SIDE_SIGNATURES: Final = (
    CREDIT_WITHDRAWN_SIGNATURE,
    DEPOSIT_RETURNED_SIGNATURE,
    ITEM_SKIPPED_SIGNATURE,
    OPERATOR_DISMISSED_SIGNATURE,
)

TOPICS: Final[dict[Hash32, EventKind]] = {hash32(keccak(text.encode())): kind for kind, text in SIGNATURES.items()}
PAYMENT_FUNDED_TOPIC: Final = next(topic for topic, kind in TOPICS.items() if kind is EventKind.PAYMENT_FUNDED)
CREDIT_WITHDRAWN_TOPIC: Final = hash32(keccak(CREDIT_WITHDRAWN_SIGNATURE.encode()))
DEPOSIT_RETURNED_TOPIC: Final = hash32(keccak(DEPOSIT_RETURNED_SIGNATURE.encode()))
ITEM_SKIPPED_TOPIC: Final = hash32(keccak(ITEM_SKIPPED_SIGNATURE.encode()))
OPERATOR_DISMISSED_TOPIC: Final = hash32(keccak(OPERATOR_DISMISSED_SIGNATURE.encode()))
EVERY_TOPIC: Final = (
    *TOPICS,
    CREDIT_WITHDRAWN_TOPIC,
    DEPOSIT_RETURNED_TOPIC,
    ITEM_SKIPPED_TOPIC,
    OPERATOR_DISMISSED_TOPIC,
)
"""What an event of the escrow can have as its first topic."""
