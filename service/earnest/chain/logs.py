"""Raw logs into events, by hand, which is ten times as fast as the general ABI decoder.

We ask by the escrow's address, and the escrow can never change. So a log of another address, or under a topic that we
do not know, is no news but a fault (a lying node, or another contract at the configured address), and raises.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final, cast

from earnest.chain.bloom import accounted_for
from earnest.chain.errors import LogsDisagree, MalformedLog, UnknownEvent
from earnest.chain.layout import Layout
from earnest.chain.node import Header, RawLog
from earnest.chain.updates import EscrowLog
from earnest.payment.events import (
    AMOUNTS,
    CREDIT_DATA_ABI,
    CREDIT_WITHDRAWN_TOPIC,
    CREDITED_BY,
    DEPOSIT_RETURNED_TOPIC,
    FUNDED_DATA_ABI,
    ITEM_SKIPPED_TOPIC,
    OPERATOR_DISMISSED_TOPIC,
    PAYMENT_FUNDED_TOPIC,
    RETURNED_DATA_ABI,
    SKIPPED_DATA_ABI,
    TOPICS,
    Credited,
    CreditWithdrawn,
    DepositReturned,
    EscrowEvent,
    EventKind,
    Funding,
    ItemSkipped,
    OperatorDismissed,
    PaymentEvent,
    data_abi,
)
from earnest.payment.primitives import Address, Hash32, address_of, hash32
from earnest.payment.status import ON_CHAIN, Status
from earnest.payment.terms import TERMS_ABI, Terms
from earnest.payment.values import maker

_QUANTITY: Final = re.compile(r"0x[0-9a-fA-F]{1,16}").fullmatch

HIGHEST_INDEX: Final = 2**32 - 1
"""A node that tells another place lies, and must be found out here: no database could keep any number it likes."""

_number = int.from_bytes
_lower = cast(Callable[[str], Hash32], str.lower)
_escrow_log, _payment_event, _funding, _terms = maker(EscrowLog), maker(PaymentEvent), maker(Funding), maker(Terms)


def decode_log(raw: RawLog) -> EscrowLog:
    """Return the event that a log of the escrow carries.

    Raises:
        UnknownEvent: its topic is none of the escrow's.
        MalformedLog: it does not have the event's shape, or a value exceeds its type.
    """
    topics = raw.topics
    if not topics:
        raise UnknownEvent(f"a log without topics in tx {raw.transaction_hash[:66]}: no event of the escrow")
    decode = _DECODERS.get(topics[0]) or _DECODERS.get(topics[0].lower())
    if decode is None:
        raise UnknownEvent(f"topic {topics[0][:66]} in tx {raw.transaction_hash[:66]} is no event of the escrow")
    return _escrow_log(_lower(raw.transaction_hash), _place(raw.log_index), decode(raw))


def decode_block(
    header: Header, raws: Sequence[RawLog], escrow: Address, accounted: int | None = None
) -> tuple[EscrowLog, ...]:
    """Return a block's logs decoded, after checking that they can stand in that block.

    Args:
        accounted: what `accounted_for` says of these logs, if somebody asked already.

    Raises:
        LogsDisagree: a log of another block or address, out of order, taken back, or denied by the header's bloom.
        MalformedLog, UnknownEvent: as `decode_log`.
    """
    if not raws:
        return ()
    block, escrow_lower = header.block, escrow.lower()
    number, block_hash = hex(block.number), block.hash
    logs: list[EscrowLog] = []
    last = -1
    for raw in raws:
        # What stands before each `and` is how nodes write it; it spares nine of ten logs what stands behind.
        if raw.address != escrow_lower and raw.address.lower() != escrow_lower:
            raise LogsDisagree(f"block {block.number}: a log of {raw.address[:42]} among those of {escrow}")
        if (raw.block_hash != block_hash and raw.block_hash.lower() != block_hash) or (
            raw.block_number != number and _quantity(raw.block_number) != block.number
        ):
            raise LogsDisagree(
                f"block {block.number} is {block_hash}, but a log says that it stands in {raw.block_hash[:66]}"
            )
        if raw.removed:
            raise LogsDisagree(f"block {block.number}: a log that a reorg took back")
        decoded = decode_log(raw)
        if decoded.log_index <= last:
            raise LogsDisagree(f"block {block.number}: log {decoded.log_index} after {last}")
        last = decoded.log_index
        logs.append(decoded)
    # All of them are well-formed, or they would not have been decoded: so all their bits are in here.
    bits = accounted_for(raws) if accounted is None else accounted
    if header.bloom | bits != header.bloom:
        raise LogsDisagree(f"block {block.number}: a log that the header's bloom denies")
    return tuple(logs)


Decoder = Callable[[RawLog], EscrowEvent]
_ID: Final = ("bytes32",)


def _funded() -> Decoder:
    name = EventKind.PAYMENT_FUNDED
    nobody = Credited.NOBODY
    unpack = Layout(name, _ID, (*FUNDED_DATA_ABI[:-1], *TERMS_ABI[1:-1].split(","))).unpack

    def decode(raw: RawLog) -> PaymentEvent:
        _, seq, number, held, payer, refunded, *told = unpack(raw)
        buyer, merchant, operator, arbiter, token, amount, fee_recipient, *told = told
        fee_bps, pay_by, delivery_period, dispute_window, arbitration_period, order_hash = told
        terms = _terms(
            address_of(buyer),
            address_of(merchant),
            address_of(operator),
            address_of(arbiter),
            address_of(token),
            _number(amount),
            address_of(fee_recipient),
            fee_bps,
            pay_by,
            delivery_period,
            dispute_window,
            arbitration_period,
            hash32(order_hash),
        )
        funding = _funding(address_of(payer), address_of(refunded), terms)
        id_ = _lower(raw.topics[1])
        return _payment_event(name, id_, seq, _status(number), _number(held), 0, 0, 0, nobody, funding)

    return decode


def _changed(kind: EventKind) -> Decoder:
    """Return the decoder of one of the events that follow a funding."""
    names = AMOUNTS[kind]
    unpack = Layout(kind, _ID, data_abi(kind)).unpack
    # After the id, seq, status and held.
    places = {name: 4 + at for at, name in enumerate(names)}
    to_merchant, to_fee_recipient, to_buyer = (places.get(each) for each in CREDITED_BY)
    possible = sum(int(CREDITED_BY[each]) for each in names)

    def decode(raw: RawLog) -> PaymentEvent:
        words = unpack(raw)
        credited = words[-1] if names else 0
        if credited & ~possible:
            raise MalformedLog(f"{kind} of payment {raw.topics[1]}: credited is {credited}")
        return _payment_event(
            kind,
            _lower(raw.topics[1]),
            words[1],
            _status(words[2]),
            _number(words[3]),
            _number(words[to_merchant]) if to_merchant else 0,
            _number(words[to_fee_recipient]) if to_fee_recipient else 0,
            _number(words[to_buyer]) if to_buyer else 0,
            _CREDITED[credited],
        )

    return decode


_CREDITED: Final = tuple(Credited(bits) for bits in range(8))
"""Making a flag takes longer than decoding the rest of the event."""


def _credit_withdrawn() -> Decoder:
    unpack = Layout("CreditWithdrawn", ("address", "address"), CREDIT_DATA_ABI).unpack

    def decode(raw: RawLog) -> CreditWithdrawn:
        account, token, amount = unpack(raw)
        return CreditWithdrawn(address_of(account), address_of(token), _number(amount))

    return decode


def _deposit_returned() -> Decoder:
    unpack = Layout("DepositReturned", ("bytes32", "address"), RETURNED_DATA_ABI).unpack

    def decode(raw: RawLog) -> DepositReturned:
        id_, token, buyer, amount = unpack(raw)
        return DepositReturned(hash32(id_), address_of(token), address_of(buyer), _number(amount))

    return decode


def _item_skipped() -> Decoder:
    unpack = Layout("ItemSkipped", _ID, SKIPPED_DATA_ABI).unpack

    def decode(raw: RawLog) -> ItemSkipped:
        id_, item, why = unpack(raw)
        return ItemSkipped(hash32(id_), _number(item), "0x" + why.hex())

    return decode


def _operator_dismissed() -> Decoder:
    unpack = Layout("OperatorDismissed", ("address", "address"), ()).unpack

    def decode(raw: RawLog) -> OperatorDismissed:
        merchant, operator = unpack(raw)
        return OperatorDismissed(address_of(merchant), address_of(operator))

    return decode


_DECODERS: Final[dict[str, Decoder]] = {
    **{topic: _changed(kind) for topic, kind in TOPICS.items() if kind in AMOUNTS},
    PAYMENT_FUNDED_TOPIC: _funded(),
    CREDIT_WITHDRAWN_TOPIC: _credit_withdrawn(),
    DEPOSIT_RETURNED_TOPIC: _deposit_returned(),
    ITEM_SKIPPED_TOPIC: _item_skipped(),
    OPERATOR_DISMISSED_TOPIC: _operator_dismissed(),
}


def _status(number: int) -> Status:
    if not 0 < number < len(ON_CHAIN):
        raise MalformedLog(f"{number} is no status that an event can carry")
    return ON_CHAIN[number]


@lru_cache(maxsize=1_024)
def _place(text: str) -> int:
    """Return a log's index in its block; no database could keep a higher one, and no block has so many."""
    index = _quantity(text)
    if index > HIGHEST_INDEX:
        raise MalformedLog(f"{text} is no place within a block")
    return index


@lru_cache(maxsize=1_024)
def _quantity(text: str) -> int:
    if not _QUANTITY(text):
        raise MalformedLog(f"{text[:80]!r} is no quantity")
    return int(text, 16)
