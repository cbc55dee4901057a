"""Decoding by hand agrees with the general ABI decoder, and refuses what the escrow cannot have written."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from hypothesis import given
from hypothesis import strategies as st

from earnest.chain.bloom import bloom_of
from earnest.chain.errors import LogsDisagree, MalformedLog, UnknownEvent
from earnest.chain.logs import decode_block, decode_log
from earnest.chain.node import Header, RawLog
from earnest.chain.updates import Block
from earnest.payment.events import (
    CREDIT_DATA_ABI,
    FUNDED_DATA_ABI,
    RETURNED_DATA_ABI,
    SKIPPED_DATA_ABI,
    TOPICS,
    Credited,
    CreditWithdrawn,
    DepositReturned,
    EscrowEvent,
    EventKind,
    ItemSkipped,
    OperatorDismissed,
    PaymentEvent,
    data_abi,
)
from earnest.payment.primitives import Hash32, hash32
from earnest.payment.terms import TERMS_ABI
from earnest.testing.raw_logs import encode_event
from tests.unit.chain.examples import ESCROW, OTHER, beside, delivery, events

BLOCK = Block(7, hash32(b"\x07" * 32), hash32(b"\x06" * 32), 1_700_000_000)
TX = hash32(b"\xaa" * 32)


def raw_log(event: EscrowEvent, index: int = 0) -> RawLog:
    topics, data = encode_event(event)
    return RawLog(ESCROW.lower(), list(topics), data, "0x7", BLOCK.hash, TX, hex(index))


def header_of(*raws: RawLog) -> Header:
    return Header(BLOCK, bloom_of([ESCROW, *(Hash32(topic) for raw in raws for topic in raw.topics)]), 0)


@given(events, st.integers(0, 2**32 - 1))
def test_every_event_survives_encoding_and_decoding(event: EscrowEvent, index: int) -> None:
    log = decode_log(raw_log(event, index))
    assert (log.event, log.log_index, log.tx_hash) == (event, index, TX)


@given(events)
def test_hashes_told_in_capitals_are_the_same_hashes(event: EscrowEvent) -> None:
    raw = raw_log(event)
    topics = ["0x" + each[2:].upper() for each in raw.topics]
    told = msgspec.structs.replace(raw, topics=topics, transaction_hash="0x" + TX[2:].upper())
    assert decode_log(told) == decode_log(raw)


FUNDED_TYPES = (*FUNDED_DATA_ABI[:-1], *TERMS_ABI[1:-1].split(","))
SIDE_TYPES: dict[type[EscrowEvent], tuple[tuple[str, ...], tuple[str, ...]]] = {
    CreditWithdrawn: (("address", "address"), CREDIT_DATA_ABI),
    DepositReturned: (("bytes32", "address"), RETURNED_DATA_ABI),
    ItemSkipped: (("bytes32",), SKIPPED_DATA_ABI),
    OperatorDismissed: (("address", "address"), ()),
}


def types_of(event: EscrowEvent) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The ABI types of an event's topics after the first, and of the words of its data."""
    if not isinstance(event, PaymentEvent):
        return SIDE_TYPES[type(event)]
    funded = event.kind is EventKind.PAYMENT_FUNDED
    return ("bytes32",), FUNDED_TYPES if funded else data_abi(event.kind)


@given(events, st.data(), st.integers(0, 255))
def test_one_bit_set_in_any_word_is_refused_exactly_where_the_general_decoder_refuses_it(
    event: EscrowEvent, data: st.DataObject, bit: int
) -> None:
    raw, (indexed, words) = raw_log(event), types_of(event)
    at = data.draw(st.integers(0, len(indexed) + len(words) - 1))
    text = "".join(each[2:] for each in raw.topics[1:]) + raw.data[2:]
    word = int(text[64 * at : 64 * at + 64], 16) | 1 << bit
    text = f"{text[: 64 * at]}{word:064x}{text[64 * at + 64 :]}"
    end = 64 * len(indexed)
    topics = [raw.topics[0], *("0x" + text[place : place + 64] for place in range(0, end, 64))]
    changed = msgspec.structs.replace(raw, topics=topics, data="0x" + text[end:])
    try:
        decode((*indexed, *words), bytes.fromhex(text))
    except DecodingError:
        with pytest.raises(MalformedLog):
            decode_log(changed)
        return
    try:
        again = decode_log(changed).event
    except MalformedLog as error:  # what the ABI allows and the escrow never writes
        assert "is no status" in str(error) or "credited is" in str(error)
    else:
        assert encode_event(again) == (topics, changed.data)


@given(events, st.data())
def test_a_hash_that_is_none_is_malformed(event: EscrowEvent, data: st.DataObject) -> None:
    raw = raw_log(event)
    right = [*raw.topics[1:], raw.transaction_hash]
    at = data.draw(st.integers(0, len(right) - 1))
    wrong = data.draw(st.sampled_from([right[at][:-1], right[at] + "0", "1" + right[at][1:], right[at][:-1] + "g"]))
    told = [*right[:at], wrong, *right[at + 1 :]]
    with pytest.raises(MalformedLog):
        decode_log(msgspec.structs.replace(raw, topics=[raw.topics[0], *told[:-1]], transaction_hash=told[-1]))


@pytest.mark.parametrize(
    ("short", "long"), [("topics", "transaction_hash"), ("transaction_hash", "data"), ("topics", "data")]
)
def test_a_digit_that_stands_in_the_field_beside_its_own_is_malformed(short: str, long: str) -> None:
    raw = raw_log(delivery(1))
    told = {"topics": raw.topics[1], "transaction_hash": raw.transaction_hash, "data": raw.data}
    told[short], told[long] = told[short][:-1], "0x" + told[short][-1] + told[long][2:]
    moved = {**told, "topics": [raw.topics[0], told["topics"]]}
    with pytest.raises(MalformedLog):
        decode_log(msgspec.structs.replace(raw, **moved))


def test_a_credit_of_somebody_whom_the_event_did_not_pay_is_malformed() -> None:
    raw = raw_log(replace(delivery(1), kind=EventKind.PAYMENT_RELEASED, credited=Credited.BUYER))
    with pytest.raises(MalformedLog, match="credited is 4"):
        decode_log(raw)


@given(st.lists(st.binary(min_size=32, max_size=32) | st.integers(0, 9).map(lambda n: n.to_bytes(32)), max_size=9))
def test_whatever_the_words_are_it_agrees_with_the_general_decoder(words: list[bytes]) -> None:
    data = b"".join(words)
    topic = next(topic for topic, kind in TOPICS.items() if kind is EventKind.PAYMENT_RELEASED)
    raw = RawLog(ESCROW, [topic, TX], "0x" + data.hex(), "0x7", BLOCK.hash, TX, "0x0")
    try:
        seq, status, held, *amounts, credited = decode(data_abi(EventKind.PAYMENT_RELEASED), data)
    except DecodingError:
        possible = False
    else:
        possible = 1 <= status <= 8 and credited <= 3 and len(words) == 6
    if not possible:
        with pytest.raises(MalformedLog):
            decode_log(raw)
        return
    event = decode_log(raw).event
    assert isinstance(event, PaymentEvent)
    assert (event.seq, event.held, event.credited) == (seq, held, credited)
    assert [event.to_merchant, event.to_fee_recipient] == amounts
    assert event.to_buyer == 0


@given(events, st.data())
def test_a_log_with_any_character_changed_never_crashes_the_decoder(event: EscrowEvent, data: st.DataObject) -> None:
    raw = raw_log(event)
    at = data.draw(st.integers(0, len(raw.data) - 1))
    broken = raw.data[:at] + data.draw(st.characters()) + raw.data[at + 1 :]
    try:
        decode_log(msgspec.structs.replace(raw, data=broken))
    except MalformedLog as error:
        assert str(error)


@pytest.mark.parametrize(
    "data",
    ["", "0x", "7", "0x+" + "0" * 63, "0x" + "0" * 63, "0x" + " " * 64, "0x" + "_" * 64, "0x" + "0" * 64 * 8],
)
def test_data_of_another_shape_is_malformed(data: str) -> None:
    with pytest.raises(MalformedLog):
        decode_log(msgspec.structs.replace(raw_log(delivery(1)), data=data))


@pytest.mark.parametrize(("word", "bits"), [(0, 48), (1, 8), (5, 8)])
def test_a_value_one_too_large_for_its_type_is_malformed(word: int, bits: int) -> None:
    raw = raw_log(replace(delivery(1), kind=EventKind.PAYMENT_RELEASED))
    at = 2 + 64 * word
    data = raw.data[:at] + f"{2**bits:064x}" + raw.data[at + 64 :]
    with pytest.raises(MalformedLog, match=f"does not fit into {bits} bits"):
        decode_log(msgspec.structs.replace(raw, data=data))


def test_status_zero_is_malformed_because_no_event_leaves_a_payment_unfunded() -> None:
    raw = raw_log(delivery(1))
    data = raw.data[: 2 + 64] + "0" * 64 + raw.data[2 + 128 :]
    with pytest.raises(MalformedLog, match="0 is no status"):
        decode_log(msgspec.structs.replace(raw, data=data))


def test_a_selector_with_anything_behind_it_is_malformed() -> None:
    raw = raw_log(ItemSkipped(TX, 1, "0x12345678"))
    assert decode_log(raw).event == ItemSkipped(TX, 1, "0x12345678")
    with pytest.raises(MalformedLog, match="no selector"):
        decode_log(msgspec.structs.replace(raw, data=raw.data[:-1] + "1"))


@given(beside, st.integers(0, 4))
def test_what_stands_beside_payments_with_a_topic_too_few_or_too_many_is_malformed(
    event: EscrowEvent, count: int
) -> None:
    raw = raw_log(event)
    topics = (raw.topics + [TX] * 4)[: max(count, 1)]
    if len(topics) == len(raw.topics):
        return
    with pytest.raises(MalformedLog, match="topics"):
        decode_log(msgspec.structs.replace(raw, topics=topics))


@pytest.mark.parametrize("topics", [[], [hash32(b"\x01" * 32)]])
def test_a_log_of_the_escrow_under_an_unknown_topic_raises(topics: list[Hash32]) -> None:
    with pytest.raises(UnknownEvent):
        decode_log(msgspec.structs.replace(raw_log(delivery(1)), topics=list(topics)))


def test_logs_that_fit_their_block_are_decoded_in_order() -> None:
    raws = [raw_log(delivery(1), 3), raw_log(delivery(2), 5)]
    assert [log.log_index for log in decode_block(header_of(*raws), raws, ESCROW)] == [3, 5]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"address": OTHER}, "a log of"),
        ({"block_hash": TX}, "says that it stands in"),
        ({"block_number": "0x8"}, "says that it stands in"),
        ({"removed": True}, "took back"),
    ],
)
def test_a_log_that_cannot_stand_in_its_block_raises(change: dict[str, object], message: str) -> None:
    raw = raw_log(delivery(1))
    with pytest.raises(LogsDisagree, match=message):
        decode_block(header_of(raw), [msgspec.structs.replace(raw, **change)], ESCROW)


@pytest.mark.parametrize("indices", [(2, 2), (2, 1)])
def test_logs_twice_or_out_of_order_raise(indices: tuple[int, int]) -> None:
    raws = [raw_log(delivery(index), index) for index in indices]
    with pytest.raises(LogsDisagree, match="after"):
        decode_block(header_of(*raws), raws, ESCROW)


def test_a_log_that_the_bloom_denies_is_a_lie() -> None:
    raw = raw_log(delivery(1))
    with pytest.raises(LogsDisagree, match="bloom"):
        decode_block(replace(header_of(raw), bloom=bloom_of([OTHER])), [raw], ESCROW)
