"""Raw logs into events, by hand, which is six times as fast as the general ABI decoder.

`bytes.fromhex` reads the data in one go and finds what is no hexadecimal digit; numbers are then cut from the bytes,
addresses from their digits.

We ask by the escrow's address, and the escrow can never change. So a log of another address, or under a topic that we
do not know, is no news but a fault (a lying node, or another contract at the configured address), and raises.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from earnest.chain.bloom import mask, may_hold
from earnest.chain.errors import LogsDisagree, MalformedLog, UnknownEvent
from earnest.chain.node import Header, RawLog
from earnest.chain.updates import EscrowLog
from earnest.payment.events import (
    AMOUNTS,
    CREDIT_WITHDRAWN_TOPIC,
    CREDITED_BY,
    DEPOSIT_RETURNED_TOPIC,
    ITEM_SKIPPED_TOPIC,
    OPERATOR_DISMISSED_TOPIC,
    PAYMENT_FUNDED_TOPIC,
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
from earnest.payment.primitives import Address, Hash32, checksum_address
from earnest.payment.status import ON_CHAIN, Status
from earnest.payment.terms import Terms

_FUNDED_WORDS: Final = 5 + 13
_PAD: Final = "0" * 24
"""What stands before an address in its word."""
_HASH: Final = re.compile(r"0x[0-9a-fA-F]{64}").fullmatch
_QUANTITY: Final = re.compile(r"0x[0-9a-fA-F]{1,16}").fullmatch


def decode_log(raw: RawLog) -> EscrowLog:
    """Return the event that a log of the escrow carries.

    Raises:
        UnknownEvent: its topic is none of the escrow's.
        MalformedLog: it does not have the event's shape, or a value exceeds its type.
    """
    topics = raw.topics
    if not topics:
        raise UnknownEvent(f"a log without topics in tx {raw.transaction_hash[:66]}: no event of the escrow")
    decode = _DECODERS.get(topics[0]) or _DECODERS.get(_hash(topics[0]))
    if decode is None:
        raise UnknownEvent(f"topic {topics[0]} in tx {raw.transaction_hash[:66]} is no event of the escrow")
    event = decode([_hash(topic) for topic in topics[1:]], raw.data)
    return EscrowLog(_hash(raw.transaction_hash), _quantity(raw.log_index), event)


def decode_block(header: Header, raws: Sequence[RawLog], escrow: Address) -> tuple[EscrowLog, ...]:
    """Return a block's logs decoded, after checking that they can stand in that block.

    Raises:
        LogsDisagree: a log of another block or address, out of order, taken back, or denied by the header's bloom.
        MalformedLog, UnknownEvent: as `decode_log`.
    """
    if not raws:
        return ()
    block, bloom, escrow_lower = header.block, header.bloom, escrow.lower()
    bloom_denies = not may_hold(bloom, escrow)
    logs: list[EscrowLog] = []
    last = -1
    for raw in raws:
        if raw.address.lower() != escrow_lower:
            raise LogsDisagree(f"block {block.number}: a log of {raw.address[:42]} among those of {escrow}")
        if raw.block_hash.lower() != block.hash or _quantity(raw.block_number) != block.number:
            raise LogsDisagree(
                f"block {block.number} is {block.hash}, but a log says that it stands in {raw.block_hash[:66]}"
            )
        if raw.removed:
            raise LogsDisagree(f"block {block.number}: a log that a reorg took back")
        decoded = decode_log(raw)
        for topic in raw.topics:
            # Well-formed, or it would not have been decoded.
            bits = mask(topic)
            if bloom_denies or bloom & bits != bits:
                raise LogsDisagree(f"block {block.number}: a log that the header's bloom denies")
        if decoded.log_index <= last:
            raise LogsDisagree(f"block {block.number}: log {decoded.log_index} after {last}")
        last = decoded.log_index
        logs.append(decoded)
    return tuple(logs)


Decoder = Callable[[Sequence[Hash32], str], EscrowEvent]
"""Takes the topics after the first, and the data."""


def _funded(topics: Sequence[Hash32], data: str) -> PaymentEvent:
    raw = _raw(EventKind.PAYMENT_FUNDED, topics, 1, data, _FUNDED_WORDS)
    digits = raw.hex()
    terms = Terms(
        _address(digits, 5),
        _address(digits, 6),
        _address(digits, 7),
        _address(digits, 8),
        _address(digits, 9),
        _amount(raw, 10),
        _address(digits, 11),
        _uint(raw, 12, 16),
        _uint(raw, 13, 40),
        _uint(raw, 14, 32),
        _uint(raw, 15, 32),
        _uint(raw, 16, 32),
        Hash32("0x" + digits[64 * 17 :]),
    )
    funding = Funding(_address(digits, 3), _address(digits, 4), terms)
    seq, status, held = _head(raw)
    nobody = Credited.NOBODY
    return PaymentEvent(EventKind.PAYMENT_FUNDED, topics[0], seq, status, held, 0, 0, 0, nobody, funding)


def _changed(kind: EventKind) -> Decoder:
    """Return the decoder of one of the events that follow a funding."""
    names, words = AMOUNTS[kind], len(data_abi(kind))
    places = {name: 3 + at for at, name in enumerate(names)}
    to_merchant, to_fee_recipient, to_buyer = (places.get(each) for each in CREDITED_BY)
    possible = sum(int(CREDITED_BY[each]) for each in names)

    def decode(topics: Sequence[Hash32], data: str) -> PaymentEvent:
        raw = _raw(kind, topics, 1, data, words)
        seq, status, held = _head(raw)
        credited = _uint(raw, words - 1, 8) if names else 0
        if credited & ~possible:
            raise MalformedLog(f"{kind} of payment {topics[0]}: credited is {credited}")
        return PaymentEvent(
            kind,
            topics[0],
            seq,
            status,
            held,
            _amount(raw, to_merchant) if to_merchant else 0,
            _amount(raw, to_fee_recipient) if to_fee_recipient else 0,
            _amount(raw, to_buyer) if to_buyer else 0,
            _CREDITED[credited],
        )

    return decode


_CREDITED: Final = tuple(Credited(bits) for bits in range(8))
"""Making a flag takes longer than decoding the rest of the event."""


def _credit_withdrawn(topics: Sequence[Hash32], data: str) -> CreditWithdrawn:
    raw = _raw("CreditWithdrawn", topics, 2, data, 1)
    return CreditWithdrawn(_address(topics[0][2:], 0), _address(topics[1][2:], 0), _amount(raw, 0))


def _deposit_returned(topics: Sequence[Hash32], data: str) -> DepositReturned:
    raw = _raw("DepositReturned", topics, 2, data, 2)
    return DepositReturned(topics[0], _address(topics[1][2:], 0), _address(raw.hex(), 0), _amount(raw, 1))


def _item_skipped(topics: Sequence[Hash32], data: str) -> ItemSkipped:
    raw = _raw("ItemSkipped", topics, 1, data, 2)
    if any(raw[36:]):
        raise MalformedLog(f"0x{raw[32:].hex()} is no selector")
    return ItemSkipped(topics[0], _amount(raw, 0), "0x" + raw[32:36].hex())


def _operator_dismissed(topics: Sequence[Hash32], data: str) -> OperatorDismissed:
    _raw("OperatorDismissed", topics, 2, data, 0)
    return OperatorDismissed(_address(topics[0][2:], 0), _address(topics[1][2:], 0))


_DECODERS: Final[dict[str, Decoder]] = {
    **{topic: _changed(kind) for topic, kind in TOPICS.items() if kind in AMOUNTS},
    PAYMENT_FUNDED_TOPIC: _funded,
    CREDIT_WITHDRAWN_TOPIC: _credit_withdrawn,
    DEPOSIT_RETURNED_TOPIC: _deposit_returned,
    ITEM_SKIPPED_TOPIC: _item_skipped,
    OPERATOR_DISMISSED_TOPIC: _operator_dismissed,
}


def _raw(name: str, topics: Sequence[Hash32], topic_count: int, data: str, word_count: int) -> bytes:
    """Return the data's bytes; what is not exactly so many words and topics raises."""
    if len(topics) != topic_count:
        raise MalformedLog(f"{name} comes with {1 + len(topics)} topics: {1 + topic_count} expected")
    try:
        raw = bytes.fromhex(data[2:])
    except ValueError:
        raw = b"?"
    # The second condition: `fromhex` passes over blanks.
    if len(raw) != 32 * word_count or len(data) != 2 + 64 * word_count or not data.startswith("0x"):
        raise MalformedLog(f"{name} comes with {len(data)} characters of data: {word_count} words expected")
    return raw


def _head(raw: bytes) -> tuple[int, Status, int]:
    """Return what every event of a payment begins with."""
    number = _uint(raw, 1, 8)
    if not 0 < number < len(ON_CHAIN):
        raise MalformedLog(f"{number} is no status that an event can carry")
    return _uint(raw, 0, 48), ON_CHAIN[number], int.from_bytes(raw[64:96])


def _amount(raw: bytes, at: int) -> int:
    return int.from_bytes(raw[32 * at : 32 * at + 32])


def _uint(raw: bytes, at: int, bits: int) -> int:
    value = int.from_bytes(raw[32 * at : 32 * at + 32])
    if value >> bits:
        raise MalformedLog(f"{value} does not fit into {bits} bits")
    return value


def _address(digits: str, at: int) -> Address:
    start = 64 * at
    if digits[start : start + 24] != _PAD:
        raise MalformedLog(f"0x{digits[start : start + 64]} is no address")
    return checksum_address("0x" + digits[start + 24 : start + 64])


def _hash(text: str) -> Hash32:
    if not _HASH(text):
        raise MalformedLog(f"{text[:80]!r} is no 32-byte value")
    return Hash32(text.lower())


@lru_cache(maxsize=1_024)
def _quantity(text: str) -> int:
    if not _QUANTITY(text):
        raise MalformedLog(f"{text[:80]!r} is no quantity")
    return int(text, 16)
