"""Events back into the raw form in which a node tells them, by the general ABI encoder: the decoder's counterpart."""

from __future__ import annotations

from eth_abi.abi import encode

from earnest.payment.events import (
    AMOUNTS,
    CREDIT_DATA_ABI,
    CREDIT_WITHDRAWN_TOPIC,
    DEPOSIT_RETURNED_TOPIC,
    FUNDED_DATA_ABI,
    ITEM_SKIPPED_TOPIC,
    OPERATOR_DISMISSED_TOPIC,
    RETURNED_DATA_ABI,
    SKIPPED_DATA_ABI,
    TOPICS,
    CreditWithdrawn,
    DepositReturned,
    EscrowEvent,
    EventKind,
    ItemSkipped,
    OperatorDismissed,
    PaymentEvent,
    data_abi,
)
from earnest.payment.primitives import Address, Hash32
from earnest.payment.status import ON_CHAIN

_TOPIC_OF = {kind: topic for topic, kind in TOPICS.items()}


def encode_event(event: EscrowEvent) -> tuple[list[Hash32], str]:
    """Return an event's topics and data, as the escrow would log them."""
    match event:
        case PaymentEvent():
            return _of_payment(event)
        case CreditWithdrawn(account, token, amount):
            topics = [CREDIT_WITHDRAWN_TOPIC, _topic(account), _topic(token)]
            return topics, "0x" + encode(CREDIT_DATA_ABI, [amount]).hex()
        case DepositReturned(payment_id, token, buyer, amount):
            topics = [DEPOSIT_RETURNED_TOPIC, payment_id, _topic(token)]
            return topics, "0x" + encode(RETURNED_DATA_ABI, [buyer, amount]).hex()
        case ItemSkipped(payment_id, item, why):
            data = encode(SKIPPED_DATA_ABI, [item, bytes.fromhex(why[2:])])
            return [ITEM_SKIPPED_TOPIC, payment_id], "0x" + data.hex()
        case OperatorDismissed(merchant, operator):
            return [OPERATOR_DISMISSED_TOPIC, _topic(merchant), _topic(operator)], "0x"


def _of_payment(event: PaymentEvent) -> tuple[list[Hash32], str]:
    topics = [_TOPIC_OF[event.kind], event.payment_id]
    status = ON_CHAIN.index(event.status)
    if event.kind is EventKind.PAYMENT_FUNDED:
        assert event.funding is not None
        funding = event.funding
        values = [event.seq, status, event.held, funding.payer, funding.buyer, funding.terms.as_tuple()]
        return topics, "0x" + encode(FUNDED_DATA_ABI, values).hex()
    amounts = [getattr(event, name) for name in AMOUNTS[event.kind]]
    credited = [int(event.credited)] if amounts else []
    return topics, "0x" + encode(data_abi(event.kind), [event.seq, status, event.held, *amounts, *credited]).hex()


def _topic(address: Address) -> Hash32:
    return Hash32("0x" + "0" * 24 + address[2:].lower())
