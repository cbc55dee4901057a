"""Events and addresses for the chain's tests, by example and at random."""

from __future__ import annotations

from eth_account import Account
from hypothesis import strategies as st

from earnest.chain.signer import LocalSigner
from earnest.payment.events import (
    AMOUNTS,
    CREDITED_BY,
    Credited,
    CreditWithdrawn,
    DepositReturned,
    EventKind,
    Funding,
    ItemSkipped,
    OperatorDismissed,
    PaymentEvent,
)
from earnest.payment.primitives import Address, checksum_address, hash32
from earnest.payment.status import ON_CHAIN, Status
from earnest.payment.terms import Terms

ESCROW = checksum_address("0x" + "e5" * 20)
OTHER = checksum_address("0x" + "0f" * 20)
OPERATOR_KEY = "0x" + "11" * 32
CHAIN_ID = 31_337


def operator() -> LocalSigner:
    return LocalSigner(Account.from_key(OPERATOR_KEY))


def delivery(number: int) -> PaymentEvent:
    """An event that differs for each number."""
    return PaymentEvent(EventKind.DELIVERY_CONFIRMED, hash32(number.to_bytes(32)), 2, Status.DELIVERED, 1_000 + number)


def refund(number: int, seq: int = 3) -> PaymentEvent:
    """A part given back of the payment of the delivery with this number: it can happen again."""
    id_ = hash32(number.to_bytes(32))
    return PaymentEvent(EventKind.PAYMENT_REFUNDED, id_, seq, Status.DELIVERED, 1_000 - seq, to_buyer=1)


def _uints(bits: int) -> st.SearchStrategy[int]:
    return st.integers(0, 2**bits - 1) | st.sampled_from([0, 1, 2**bits - 1])


hashes = st.binary(min_size=32, max_size=32).map(hash32)
addresses: st.SearchStrategy[Address] = st.binary(min_size=20, max_size=20).map(
    lambda raw: checksum_address("0x" + raw.hex())
)
statuses = st.sampled_from(ON_CHAIN[1:])
terms = st.builds(
    Terms,
    buyer=addresses,
    merchant=addresses,
    operator=addresses,
    arbiter=addresses,
    token=addresses,
    amount=_uints(256),
    fee_recipient=addresses,
    fee_bps=_uints(16),
    pay_by=_uints(40),
    delivery_period=_uints(32),
    dispute_window=_uints(32),
    arbitration_period=_uints(32),
    order_hash=hashes,
)
fundings = st.builds(
    PaymentEvent,
    kind=st.just(EventKind.PAYMENT_FUNDED),
    payment_id=hashes,
    seq=_uints(48),
    status=statuses,
    held=_uints(256),
    funding=st.builds(Funding, payer=addresses, buyer=addresses, terms=terms),
)


def _changes(kind: EventKind) -> st.SearchStrategy[PaymentEvent]:
    """Return events of a kind, with the amounts that it carries and whose credits they can have become."""
    amounts = {name: _uints(256) for name in AMOUNTS[kind]}
    bits = st.tuples(*(st.sampled_from([Credited.NOBODY, CREDITED_BY[name]]) for name in amounts))
    return st.builds(
        PaymentEvent,
        kind=st.just(kind),
        payment_id=hashes,
        seq=_uints(48),
        status=statuses,
        held=_uints(256),
        credited=bits.map(lambda set_: Credited(sum(set_))),
        **amounts,
    )


changes = st.sampled_from(list(AMOUNTS)).flatmap(_changes)
withdrawals = st.builds(CreditWithdrawn, account=addresses, token=addresses, amount=_uints(256))
returns = st.builds(DepositReturned, payment_id=hashes, token=addresses, buyer=addresses, amount=_uints(256))
skips = st.builds(
    ItemSkipped,
    payment_id=hashes,
    item=_uints(256),
    why=st.binary(min_size=4, max_size=4).map(lambda raw: f"0x{raw.hex()}"),
)
dismissals = st.builds(OperatorDismissed, merchant=addresses, operator=addresses)
beside = withdrawals | returns | skips | dismissals
events = fundings | changes | beside
